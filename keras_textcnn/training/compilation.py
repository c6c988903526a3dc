"""Applies a phase to a model: frozen layers, optimizer, loss."""

import dataclasses

import keras

from keras_textcnn.layers.names import EMBEDDING, LOGITS, STATIC_EMBEDDING
from keras_textcnn.tasks import ONE_LABEL, Task
from keras_textcnn.training.optimizers import build_optimizer
from keras_textcnn.training.phases import KERNELS, Phase

BIASES, STATISTICS = ("bias", "beta"), ("moving_mean", "moving_variance")  # variables of layers, by name


STEPS_PER_EXECUTION = 16  # between two returns to Python, which take up to 3 ms each: a quarter of a short step


class CompiledPhases:
    """Models that share their layers, each compiled for one phase and traced once, however many fits use it."""

    def __init__(self) -> None:
        self._models: dict[tuple[Phase, str], tuple[keras.Model, keras.losses.Loss | None]] = {}

    def take(
        self, model: keras.Model, phase: Phase, *, task: Task = ONE_LABEL, loss: keras.losses.Loss | None = None
    ) -> keras.Model:
        """A model of the same layers, compiled for a phase, with its optimizer reset."""
        key = dataclasses.replace(phase, name="", epochs=0), model.name
        taken, its_loss = self._models.get(key, (None, None))
        if taken is None or its_loss is not loss:
            taken = keras.Model(model.inputs, model.outputs, name=model.name)
            compile_phase(taken, phase, task=task, loss=loss)
            self._models[key] = taken, loss
        set_trainable(taken, phase)
        for variable in taken.optimizer.variables:
            if variable.name != "learning_rate":
                variable.assign(keras.ops.zeros_like(variable))
        return taken


def set_trainable(model: keras.Model, phase: Phase) -> None:
    """Freezes what a phase freezes, and nothing else."""
    for layer in model.layers:
        layer.trainable = False  # TensorFlow ignores the assignment of an equal value, so variables would stay frozen
        layer.trainable = part_of(layer) not in {*phase.frozen, "static"}
        if KERNELS in phase.frozen and part_of(layer) == "trunk":
            for variable in layer.trainable_variables:
                variable.trainable = variable.name in BIASES


def compile_phase(
    model: keras.Model, phase: Phase, *, task: Task = ONE_LABEL, loss: keras.losses.Loss | None = None
) -> None:
    """Freezes what a phase freezes and compiles with a new optimizer; Keras ignores the freezing until then."""
    set_trainable(model, phase)
    optimizer = build_optimizer(
        phase.optimizer,
        phase.learning_rate,
        embedding_factor=phase.embedding_factor,
        weight_decay=phase.weight_decay,
    )
    model.compile(
        optimizer,
        loss or task.build_loss(),
        metrics=[task.build_accuracy()],
        jit_compile=False,  # XLA would recompile for every length
        steps_per_execution=STEPS_PER_EXECUTION,
    )
    model.optimizer.build(model.trainable_variables)


def part_of(layer: keras.Layer) -> str:
    """The part of a model that a layer belongs to: "embedding", "static" (Kim's second channel), "trunk" or "head"."""
    return {EMBEDDING: "embedding", STATIC_EMBEDDING: "static", LOGITS: "head"}.get(layer.name, "trunk")


def frozen_weights(model: keras.Model, phase: Phase) -> list[keras.Variable]:
    """The weights that a phase does not change; a normalization that learns only its bias updates its statistics."""
    frozen = []
    for layer in model.layers:
        if part_of(layer) in {*phase.frozen, "static"}:
            frozen += layer.weights
        elif KERNELS in phase.frozen and part_of(layer) == "trunk":
            frozen += [variable for variable in layer.weights if variable.name not in (*BIASES, *STATISTICS)]
    return frozen
