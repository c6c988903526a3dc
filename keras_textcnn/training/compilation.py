"""Applies a phase to a model: frozen layers, optimizer, loss."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_textcnn.layers.embedding import find_embedding, layers_of
from keras_textcnn.layers.names import EMBEDDING, LOGITS, NGRAMS, STATIC_EMBEDDING, VECTOR_MEAN
from keras_textcnn.tasks import ONE_LABEL, Task
from keras_textcnn.training.losses import EqualTexts
from keras_textcnn.training.optimizers import build_optimizer
from keras_textcnn.training.phases import KERNELS, Phase

BIASES, STATISTICS = ("bias", "beta"), ("moving_mean", "moving_variance")  # variables of layers, by name


STEPS_PER_EXECUTION = 16  # between two returns to Python, which take up to 3 ms each: a quarter of a short step


class CompiledPhases:
    """Models that share their layers, each compiled for one phase and traced once, however many fits use it.

    Args:
        strategy: The strategy in whose scope the models are fitted, if it has several devices.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None) -> None:
        self._strategy = strategy
        self._models: dict[tuple[Phase, str], tuple[keras.Model, keras.losses.Loss | None]] = {}

    def take(
        self, model: keras.Model, phase: Phase, *, task: Task = ONE_LABEL, loss: keras.losses.Loss | None = None
    ) -> keras.Model:
        """A model of the same layers, compiled for a phase, with its optimizer reset."""
        key = dataclasses.replace(phase, name="", epochs=0), model.name
        taken, its_loss = self._models.get(key, (None, None))
        if taken is None or its_loss is not loss:
            taken = keras.Model(model.inputs, model.outputs, name=model.name)
            self._compile(taken, phase, task, loss)
            self._models[key] = taken, loss
        set_trainable(taken, phase)
        for variable in taken.optimizer.variables:
            if variable.name != "learning_rate":
                variable.assign(keras.ops.zeros_like(variable))
        taken.optimizer.learning_rate = phase.learning_rate  # a callback may have lowered it
        return taken

    def _compile(self, model: keras.Model, phase: Phase, task: Task, loss: keras.losses.Loss | None) -> None:
        """Compiles a model, which may train on several devices.

        The model itself must be made outside the strategy's scope. Otherwise, Keras's `fit` averages the first batch
        over the devices, which fails if they have different numbers of texts.
        """
        if self._strategy is None or self._strategy.num_replicas_in_sync == 1:
            compile_phase(model, phase, task=task, loss=loss)
            return
        with self._strategy.scope():  # Keras fails with more steps per execution
            compile_phase(model, phase, loss=EqualTexts(loss or task.build_loss()), task=task, steps_per_execution=1)


def compile_phase(
    model: keras.Model,
    phase: Phase,
    *,
    task: Task = ONE_LABEL,
    loss: keras.losses.Loss | str | None = None,
    metrics: Sequence[Any] = (),
    static: Collection[keras.Layer] = (),
    steps_per_execution: int = STEPS_PER_EXECUTION,
) -> None:
    """Freezes what a phase freezes and compiles with a new optimizer; Keras ignores the freezing until then.

    Args:
        model: The model.
        phase: The phase.
        task: Gives the loss and the metric, unless they are given.
        loss, metrics, steps_per_execution: As for `keras.Model.compile`.
        static: Layers that no phase trains, in addition to Kim's static embedding.
    """
    set_trainable(model, phase, static)
    optimizer = build_optimizer(
        phase.optimizer,
        phase.learning_rate,
        embedding_factor=phase.embedding_factor,
        weight_decay=phase.weight_decay,
    )
    model.compile(
        optimizer,
        loss or task.build_loss(),
        metrics=[*metrics] or [task.build_accuracy()],
        jit_compile=False,  # XLA would recompile for every length
        steps_per_execution=steps_per_execution,
    )
    model.optimizer.build(model.trainable_variables)


def set_trainable(model: keras.Model, phase: Phase, static: Collection[keras.Layer] = ()) -> None:
    """Freezes what a phase freezes, and nothing else; `static` as for `compile_phase`."""
    for layer, part in parts_of(model, static):
        layer.trainable = False  # TensorFlow ignores the assignment of an equal value, so variables would stay frozen
        layer.trainable = part not in {*phase.frozen, "static"}
        if KERNELS in phase.frozen and part == "trunk":
            for variable in layer.trainable_variables:
                variable.trainable = variable.name in BIASES
    for layer in static:  # it may be inside another layer, which sets those inside it
        layer.trainable = False


def parts_of(model: keras.Model, static: Collection[keras.Layer] = ()) -> list[tuple[keras.Layer, str]]:
    """Each layer with the part of the model that it belongs to: "embedding", "trunk", "head", "static" or "model".

    The embedding is what `find_embedding` finds, the head is the layer of logits: the one with this name or, in a model
    without our names, the last layer with weights. A "model" is one inside the model; its layers follow it.
    """
    layers = list(layers_of(model))
    inner = [layer for layer in layers if isinstance(layer, keras.Model)]
    leaves = [layer for layer in layers if layer not in inner]
    ours = {layer.name for layer in layers} & {LOGITS, NGRAMS, VECTOR_MEAN}
    weighted = [layer for layer in leaves if layer.weights]
    head = next((layer for layer in leaves if layer.name == LOGITS), None if ours or not weighted else weighted[-1])
    embedding = find_embedding(model)

    def part_of(layer: keras.Layer) -> str:
        if layer.name == STATIC_EMBEDDING or layer in static:
            return "static"
        if layer in inner:
            return "model"
        if layer is embedding or layer.name == EMBEDDING:  # one-hot characters have no weights
            return "embedding"
        return "head" if layer is head else "trunk"

    return [(layer, part_of(layer)) for layer in layers]


def frozen_weights(model: keras.Model, phase: Phase, static: Collection[keras.Layer] = ()) -> list[keras.Variable]:
    """The weights that a phase does not change; a normalization that learns only its bias updates its statistics."""
    frozen = []
    for layer, part in parts_of(model, static):
        if part in {*phase.frozen, "static"}:
            frozen += layer.weights
        elif KERNELS in phase.frozen and part == "trunk":
            frozen += [variable for variable in layer.weights if variable.name not in (*BIASES, *STATISTICS)]
    return frozen
