"""What the command `train` does once the texts are there: composes the stages from splits to a finished run."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_textcnn import baseline, devices, export, scoring
from keras_textcnn.adapting import Start, compare_on_old_texts, rehearse
from keras_textcnn.building import build_model, load_vectors
from keras_textcnn.calibration import Calibration, calibrate
from keras_textcnn.config import TrainConfig
from keras_textcnn.convolution import trace_windows
from keras_textcnn.corpus import SPLITS, VALIDATION, Corpus, Record
from keras_textcnn.encoding import Encoded, encode_corpus
from keras_textcnn.errors import InputError
from keras_textcnn.learning import Learnt, learn, predict
from keras_textcnn.memory import check_memory
from keras_textcnn.models import SHORTEST
from keras_textcnn.run import Run
from keras_textcnn.store import TokenizedCorpus, tokenize_corpus
from keras_textcnn.summary import write_summary
from keras_textcnn.text import UNITS

VERSIONS_OF = ("keras_textcnn", "tensorflow", "keras", "numpy", "scikit-learn")


def train(
    config: TrainConfig,
    corpus: Corpus | TokenizedCorpus,
    directory: Path,
    *,
    rehearsed: Corpus | None = None,
    resumed: bool = False,
    say: Callable[[str], None] = lambda line: None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains, measures, exports.

    Args:
        config: The settings; `dimensions` None takes the width of the vectors. A model of fixed length is made for
            texts no longer than the longest to train on, or `maximum_tokens`.
        corpus: Texts, of which a validation and a test split are split off if it has none; or shards of them, which
            leave the linear baseline out: it needs the texts.
        directory: Of the run, missing or empty.
        rehearsed: The corpus of the run that `config.from_run` names, unsplit as it was given to that run's training:
            some of its training texts are mixed in.
        resumed: Whether to go on where the unfinished run in the directory stopped; its settings and corpus must be
            these.
        say: Called with lines about the progress.
        callbacks: Keras callbacks for the fit.

    Raises:
        InputError: The corpus cannot be split, the vectors cannot be read, the directory is taken, or the corpus is not
            the unfinished run's. Nothing has been written then.
    """
    started = time.perf_counter()
    config = config.resolved()
    if several := config.repeats():
        raise InputError(f"the settings mean {len(several)} runs; train each of config.repeats()")
    start = Start.of(Path(config.from_run)) if config.from_run else None
    old_texts: list[Record] = []
    own_fingerprint = None
    if rehearsed is not None:
        if start is None or not isinstance(corpus, Corpus):
            raise InputError("old texts are mixed into a corpus in memory, of a run that starts from another")
        start.check_corpus(rehearsed)
        own_fingerprint = corpus.fingerprint
        corpus, old_texts = rehearse(corpus, rehearsed, config, old_config=start.run.config())
    device = devices.name_device()  # before anything is placed there
    if config.deterministic:
        devices.make_deterministic()
    keras.utils.set_random_seed(config.seed)
    tokenized = corpus if isinstance(corpus, TokenizedCorpus) else tokenize_corpus(corpus.records(), unit=config.unit)
    known = (start.vocabulary, start.labels) if start else ((), ())
    encoded = encode_corpus(config, tokenized, say, known_tokens=known[0], known_labels=known[1])
    config = dataclasses.replace(config, dimensions=encoded.dimensions)
    if start:
        for line in start.compare_labels(encoded.label_counts, config, rehearsed=rehearsed is not None):
            say(line)
    else:
        config, encoded = _fit_length(config, encoded)
    model = build_model(config, vocabulary_size=len(encoded.vocabulary), labels=len(encoded.labels))
    check_memory(config, model, tokenized, encoded)
    load_vectors(config, model, encoded)
    if start:
        start.load_into(model, encoded.vocabulary, encoded.labels)
    begin = _reopen if resumed else _create
    run = begin(directory, config, _facts(tokenized, encoded, device, own_fingerprint), encoded)
    _say_how(config, device, say)
    with run.claimed():
        if run.finished:
            raise InputError(f"{directory} is finished; another process did it")
        refit = bool(config.refit) and VALIDATION not in tokenized.splits
        learnt = learn(
            config,
            run,
            model,
            encoded.examples,
            vocabulary=encoded.vocabulary,
            refit=refit,
            say=say,
            callbacks=callbacks,
        )
        texts = corpus if isinstance(corpus, Corpus) else None
        compared = "and" if texts else "without"
        too_large = "" if texts else ", which would need all texts in memory"
        say(f"scoring the validation and test texts, {compared} a linear model to compare with{too_large}")
        logits = {"validation": learnt.logits, "test": predict(config, model, encoded.examples["test"])}
        calibration = calibrate(logits["validation"], encoded.examples["validation"].truth)
        run_metrics = _score(calibration, logits, encoded)
        say(_describe_calibration(run_metrics))
        run_metrics["baseline"] = texts and _measure_baseline(texts, encoded, refit=refit, seed=config.seed)
        run_metrics |= _describe_fit(learnt, encoded)

        say("exporting the SavedModel")
        _export(run, config, model, encoded, calibration)
        if start and old_texts:
            run_metrics["old_texts"] = compare_on_old_texts(start, run, old_texts)
        run_metrics["seconds"] = round(time.perf_counter() - started, 1)
        write_summary(
            run,
            run_metrics,
            learnt.history,
            corpus=texts,
            tokenized=tokenized,
            encoded=encoded,
            calibration=calibration,
            logits=logits["test"],
        )
        run.finish()
    return run


def _fit_length(config: TrainConfig, encoded: Encoded) -> tuple[TrainConfig, Encoded]:
    """Of a model of fixed length: as long as the longest text to train on, and the texts cut to that."""
    if config.model not in SHORTEST:
        return config, encoded
    longest = int(encoded.examples["train"].lengths.max())
    fitting_length = max(longest, SHORTEST[config.model](config.windows, config.pooling))
    tokens = min(config.maximum_tokens, fitting_length)
    examples = {
        name: dataclasses.replace(texts, lengths=np.minimum(texts.lengths, tokens))
        for name, texts in encoded.examples.items()
    }
    return dataclasses.replace(config, maximum_tokens=tokens), dataclasses.replace(encoded, examples=examples)


def _say_how(config: TrainConfig, device: str, say: Callable[[str], None]) -> None:
    if device != "CPU":
        say(f"training on {device}")
    if config.precision == "bfloat16" and (gain := devices.bfloat16_gain()) < 1:
        say(f"warning: matrix products in bfloat16 take {1 / gain:.1f} times as long as in float32 here")


def _facts(tokenized: TokenizedCorpus, encoded: Encoded, device: str, own_fingerprint: str | None) -> dict[str, Any]:
    """What `config.json` says beside the settings; `own_fingerprint` is of the texts without the old ones."""
    own = {"own_fingerprint": own_fingerprint} if own_fingerprint else {}
    sizes = {name: int((encoded.splits == position).sum()) for position, name in enumerate(SPLITS)}
    return {
        "corpus": {"fingerprint": tokenized.fingerprint, **own, **sizes},
        "versions": {name: version(name) for name in VERSIONS_OF},
        "device": device,
    }


def _create(directory: Path, config: TrainConfig, facts: Mapping[str, Any], encoded: Encoded) -> Run:
    return Run.create(directory, config, facts, vocabulary=encoded.vocabulary, labels=encoded.labels)


def _reopen(directory: Path, config: TrainConfig, facts: Mapping[str, Any], encoded: Encoded) -> Run:
    run = Run.open_unfinished(directory)
    if run.config() != config:
        raise InputError(f"the settings are not those that {directory} was started with; start anew")
    if run.read_json("config.json")["corpus"] != facts["corpus"]:
        raise InputError(
            f"the corpus is not the one that {directory} was started with ({config.data}); restore it, or start anew"
        )
    if run.read_lines("vocabulary.txt") != encoded.vocabulary:
        raise InputError(
            f"the vectors are not those that {directory} was started with: {config.vectors}; restore them, or start "
            "anew"
        )
    return run


def _score(calibration: Calibration, logits: Mapping[str, np.ndarray], encoded: Encoded) -> dict[str, Any]:
    """The blocks of `metrics.json` for the splits and the calibration."""
    blocks: dict[str, Any] = {}
    before = {}
    uncalibrated = dataclasses.replace(calibration, temperature=1.0)
    labels, thresholds = encoded.labels, calibration.thresholds
    for name, values in logits.items():
        truth = encoded.examples[name].truth
        blocks[name] = scoring.score_probabilities(truth, calibration.probabilities(values), labels, thresholds)
        before[name] = scoring.score_confidence(truth, uncalibrated.probabilities(values))
    blocks["calibration"] = {
        "temperature": calibration.temperature,
        "thresholds": thresholds if thresholds is None else dict(zip(labels, thresholds.tolist(), strict=True)),
        "before": before,
    }
    return blocks


def _describe_fit(learnt: Learnt, encoded: Encoded) -> dict[str, Any]:
    """The blocks of `metrics.json` that say what the scores come from."""
    parts = {"ngrams": {"best_epoch": learnt.best_epochs[1], **learnt.combined}} if learnt.combined else {}
    return {
        "coverage": encoded.coverage and dataclasses.asdict(encoded.coverage),
        "best_epoch": learnt.best_epochs[0],
        **parts,
        "phases": learnt.phases,
    }


def _export(run: Run, config: TrainConfig, model: keras.Model, encoded: Encoded, calibration: Calibration) -> None:
    run.write(run.weights.name, keras.Model(model.inputs, model.outputs).save_weights)  # without the optimizer's
    run.write_saved_model(
        lambda folder: export.export_model(
            model,
            encoded.vocabulary,
            encoded.labels,
            folder,
            split=UNITS[config.unit],
            maximum_tokens=config.maximum_tokens,
            temperature=calibration.temperature,
            thresholds=calibration.thresholds,
            trace=trace_windows(model),
        )
    )


def _describe_calibration(run_metrics: Mapping[str, Any]) -> str:
    before, after = (
        blocks["test"]["calibration_error"] for blocks in (run_metrics["calibration"]["before"], run_metrics)
    )
    return (
        f"temperature {run_metrics['calibration']['temperature']:.2f} from the validation texts: calibration error on "
        f"the test texts {before:.1%} before, {after:.1%} after"
    )


def _measure_baseline(corpus: Corpus, encoded: Encoded, *, refit: bool, seed: int) -> dict[str, Any]:
    """The linear model's scores, of each split after a fit on the texts that the network had learnt from by then."""
    texts = {
        name: [corpus.texts[text] for text in np.flatnonzero(encoded.splits == position).tolist()]
        for position, name in enumerate(SPLITS)
    }
    truth = {name: examples.truth for name, examples in encoded.examples.items()}

    def score(names: Sequence[str], learnt: Sequence[str]) -> dict[str, Any]:
        predicted = baseline.predict_linear(
            [text for name in learnt for text in texts[name]],
            np.concatenate([truth[name] for name in learnt]),
            {name: texts[name] for name in names},
            seed=seed,
        )
        return {name: scoring.score_labels(truth[name], labels) for name, labels in predicted.items()}

    if not refit:
        return {"name": baseline.NAME, **score(["validation", "test"], ["train"])}
    return {"name": baseline.NAME, **score(["validation"], ["train"]), **score(["test"], ["train", "validation"])}
