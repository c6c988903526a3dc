"""What the command `train` does once the texts are there: composes the stages from splits to a finished run."""

import contextlib
import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
from scipy import stats

from keras_textcnn.config import TrainConfig
from keras_textcnn.data import batching
from keras_textcnn.data.corpus import SPLITS, TRAIN, VALIDATION, Corpus, Record
from keras_textcnn.data.numbering import hash_text
from keras_textcnn.data.preprocessing import Encoded, encode_corpus
from keras_textcnn.data.splits import deal_folds
from keras_textcnn.data.tokenized import TokenizedCorpus, tokenize_corpus
from keras_textcnn.errors import InputError
from keras_textcnn.evaluation import baseline, metrics
from keras_textcnn.evaluation.calibration import Calibration, calibrate, tune_thresholds
from keras_textcnn.evaluation.run_report import write_summary
from keras_textcnn.inference import saved_model
from keras_textcnn.inference.window_trace import trace_windows
from keras_textcnn.layers.names import LOGITS, TITLES
from keras_textcnn.models.factory import build_model, load_vectors
from keras_textcnn.persistence.run import LearntTexts, Run
from keras_textcnn.presets import GLOVE_TABLE, NO_VECTORS
from keras_textcnn.text.pretrained_vectors import embedding_matrix
from keras_textcnn.training import class_weights
from keras_textcnn.training.checkpoint import read_checkpoint, reading_checkpoint, write_checkpoint
from keras_textcnn.training.ensemble import Learnt, learn, predict
from keras_textcnn.training.fine_tuning import Start, compare_on_old_texts, rehearse
from keras_textcnn.training.memory_budget import check_memory, size_ngrams
from keras_textcnn.utils import devices
from keras_textcnn.utils.log import WARNING, log_lines, logger, showing

WIDEST_INTERVAL = 0.1  # of a test accuracy, 95%, that needs no warning: 400 texts of which half are right
VERSIONS_OF = ("keras_textcnn", "tensorflow", "keras", "numpy", "scikit-learn")


def train(
    config: TrainConfig,
    corpus: Corpus | TokenizedCorpus,
    directory: Path,
    *,
    rehearsed: Corpus | None = None,
    resumed: bool = False,
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
        callbacks: Keras callbacks for the fit.

    Raises:
        InputError: The corpus cannot be split, the vectors cannot be read, the directory is taken, or the corpus is not
            the unfinished run's. Nothing has been written then.
    """
    warnings = [line for line in corpus.notes if line.startswith(WARNING)]  # logged when it was read
    with showing(warnings.append, level=logging.WARNING):
        return _train(
            config,
            corpus,
            directory,
            rehearsed=rehearsed,
            resumed=resumed,
            callbacks=callbacks,
            warnings=warnings,
        )


def _train(
    config: TrainConfig,
    corpus: Corpus | TokenizedCorpus,
    directory: Path,
    *,
    rehearsed: Corpus | None,
    resumed: bool,
    callbacks: Sequence[keras.callbacks.Callback],
    warnings: list[str],
) -> Run:
    """Does what `train` does; `warnings` grows as it goes on."""
    started = time.perf_counter()
    config = config.resolved(**count_texts(config, corpus))
    if several := config.repeats():
        raise InputError(f"the settings mean {len(several)} runs; train each of config.repeats()")
    _check_fractions(config, corpus)
    start = Start.of(Path(config.from_run)) if config.from_run else None
    old_texts: list[Record] = []
    own_fingerprint = None
    if rehearsed is not None:
        if start is None or not isinstance(corpus, Corpus):
            raise InputError("old texts are mixed into a corpus in memory, of a run that starts from another")
        start.check_corpus(rehearsed)
        own_fingerprint = corpus.fingerprint
        corpus, old_texts = rehearse(corpus, rehearsed, config, old_config=start.run.config())
        _say_how_many_were_learnt(start.run, old_texts)
    device = devices.name_device()  # before anything is placed there
    if config.deterministic:
        devices.make_deterministic()
    keras.utils.set_random_seed(config.seed)
    if isinstance(corpus, TokenizedCorpus):
        tokenized = corpus
    else:
        tokenized = tokenize_corpus(corpus.records(), tokenizer=config.tokenizer)
    known = (start.vocabulary, start.labels) if start else ((), ())
    encoded = encode_corpus(config, tokenized, known_tokens=known[0], known_labels=known[1])
    config = dataclasses.replace(config, dimensions=encoded.dimensions)
    folds = _deal(config, tokenized, encoded) if config.inner_folds else None
    learnt_before = start.run.learnt() if start else None
    if start:
        _say_what_was_learnt(start.run, learnt_before, tokenized, encoded)
        log_lines(start.compare_labels(encoded.label_counts, config, rehearsed=rehearsed is not None))
    else:
        config, encoded = _fit_length(config, encoded)
        config = size_ngrams(config, encoded)
    model = build_model(config, vocabulary_size=len(encoded.vocabulary), labels=len(encoded.labels))
    check_memory(config, model, tokenized, encoded)
    load_vectors(config, model, encoded)
    if start:
        start.load_into(model, encoded.vocabulary, encoded.labels, trained_rows=config.tune == "all")
    begin = _reopen if resumed else _create
    run = begin(directory, config, _facts(tokenized, encoded, device, own_fingerprint), encoded)
    _say_how(config, device)
    with run.claimed(), _Seconds(run, started) as seconds:
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
            folds=folds,
            matrix=_vectors_of(config, encoded) if config.vector_mean else None,
            callbacks=[*callbacks, seconds],
        )
        texts = corpus if isinstance(corpus, Corpus) else None
        compared = "and" if texts else "without"
        too_large = "" if texts else ", which would need all texts in memory"
        logger.info(f"scoring the held-out and test texts, {compared} a linear model to compare with{too_large}")
        calibration = calibrate(learnt.logits, learnt.held_out.truth)
        scored, logits = _answer(config, model, encoded, learnt)
        run_metrics = _score(calibration, logits, scored, encoded.labels)
        run_metrics["decided"] = _describe_decisions(config, learnt, encoded)
        if learnt_before:
            _score_without(learnt_before, run_metrics, calibration, logits, tokenized, encoded)
        logger.info(_describe_calibration(run_metrics))
        run_metrics["baseline"] = (
            measure_baseline(config, tokenized, encoded, refit=refit, folds=learnt.folds) if texts else None
        )
        run_metrics |= _describe_fit(learnt, encoded)

        logger.info("exporting the SavedModel")
        _export(run, config, model, encoded, calibration)
        if start and old_texts:
            run_metrics["old_texts"] = compare_on_old_texts(start, run, old_texts)
        log_lines(filter(None, (_describe_lead(config, run_metrics), describe_chance(run_metrics))))
        run_metrics["warnings"] = warnings
        if learnt_before or not start:  # or the list would not be whole
            deciding = learnt.folds is None
            run.write_learnt(_list_learnt(tokenized, encoded, refit=refit, deciding=deciding, before=learnt_before))
        run_metrics["seconds"] = round(seconds.so_far(), 1)
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


def count_texts(config: TrainConfig, corpus: Corpus | TokenizedCorpus) -> dict[str, int]:
    """How many texts there are to train on once the test is split off, and for validation: `resolved` needs them."""
    if isinstance(corpus, TokenizedCorpus):
        counts = {name: int((corpus.splits == position).sum()) for position, name in enumerate(SPLITS)}
    else:
        counts = {name: corpus.splits.count(name) for name in SPLITS} if corpus.splits else {"train": len(corpus)}
    texts = counts.get("train", 0)
    if not counts.get("test"):
        texts = round(texts * (1 - (1 / config.folds if config.folds else config.fractions["test_fraction"])))
    return {"texts": texts, "validation_texts": counts.get("validation", 0)}


def _deal(config: TrainConfig, tokenized: TokenizedCorpus, encoded: Encoded) -> np.ndarray:
    """The fold of each training text, from `deal_folds`."""
    hashes = tokenized.hashes[encoded.splits == TRAIN]
    truth = encoded.examples["train"].sparse_truth
    folds = deal_folds(truth, hashes, folds=config.inner_folds or 0, seed=config.seed)
    if folds.max() < 2 and len(np.unique(hashes)) < len(hashes):
        apart = np.arange(len(hashes), dtype=np.uint64)  # as if no text stood there twice
        folds = deal_folds(truth, apart, folds=config.inner_folds or 0, seed=config.seed)
        logger.warning("every label has a single text, repeated: held-out texts are learnt too and flatter the scores")
    if folds.max() < 2:
        raise InputError(
            "every label has a single training text: none can be held out to check the others; add texts, or give "
            "--validation-data and --inner-folds 0"
        )
    return folds


def _vectors_of(config: TrainConfig, encoded: Encoded) -> np.ndarray:
    """The vectors of the vocabulary, float32 (vocabulary, dimensions), zeros where there is none."""
    return embedding_matrix(encoded.vocabulary, encoded.found, dimensions=config.dimensions or 0)


class _Seconds(keras.callbacks.Callback):
    """The seconds that all processes together have worked on a run; those of the earlier ones are a checkpoint.

    Kept after each epoch, and where the run is interrupted: leaving it as a context.

    Args:
        run: The run.
        started: When this process began, of `time.perf_counter`.

    Raises:
        InputError: The checkpoint is damaged, or another run's.
    """

    def __init__(self, run: Run, started: float) -> None:
        super().__init__()
        self._path, self._owner = run.checkpoints / "seconds.npz", f"seconds of {run.identity}"
        self._started, self._before = started, 0.0
        if self._path.exists():
            facts, _ = read_checkpoint(self._path, self._owner)
            with reading_checkpoint(self._path):
                self._before = float(facts["seconds"])

    def so_far(self) -> float:
        """Of this process until now, and of those before it."""
        return self._before + time.perf_counter() - self._started

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        write_checkpoint(self._path, self._owner, {"seconds": self.so_far()}, {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        with contextlib.suppress(OSError):  # the checkpoints go when a run is finished; a full disk has its own error
            if self._path.parent.exists():
                self.on_epoch_end(0)


def _check_fractions(config: TrainConfig, corpus: Corpus | TokenizedCorpus) -> None:
    """Raises InputError for the fraction of a split that the corpus has already."""
    for position, name in enumerate(SPLITS):
        there = name in corpus.splits if isinstance(corpus, Corpus) else position in corpus.splits
        if there and position != TRAIN and getattr(config, f"{name}_fraction"):
            raise InputError(f"--{name}-fraction does not apply: the corpus has {name} texts of its own; leave it out")


def _fit_length(config: TrainConfig, encoded: Encoded) -> tuple[TrainConfig, Encoded]:
    """Of a model of fixed length: as long as the longest text to train on, and the texts cut to that."""
    if not config.family.fixed_length:
        return config, encoded
    longest = int(encoded.examples["train"].lengths.max())
    fitting_length = max(longest, config.family.shortest_text(config.windows, config.pooling))
    tokens = min(config.maximum_tokens, fitting_length)
    examples = {
        name: dataclasses.replace(texts, lengths=np.minimum(texts.lengths, tokens))
        for name, texts in encoded.examples.items()
    }
    return dataclasses.replace(config, maximum_tokens=tokens), dataclasses.replace(encoded, examples=examples)


def _say_how(config: TrainConfig, device: str) -> None:
    if device != "CPU":
        logger.info(f"training on {device}")
    if config.precision == "bfloat16" and (gain := devices.bfloat16_gain()) < 1:
        logger.warning(f"matrix products in bfloat16 take {1 / gain:.1f} times as long as in float32 here")


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


def _answer(
    config: TrainConfig, model: keras.Model, encoded: Encoded, learnt: Learnt
) -> tuple[dict[str, batching.Examples], dict[str, np.ndarray]]:
    """The texts that stand for validation, and the test texts, with the logits that they get.

    Where cross-validation decided, and the corpus has no validation texts, those that it held out stand for them.
    """
    validation = encoded.examples["validation"]
    if learnt.folds is None or not len(validation.lengths):
        validation, logits = learnt.held_out, learnt.logits
    else:
        logits = predict(config, model, validation)
    test = encoded.examples["test"]
    return {"validation": validation, "test": test}, {"validation": logits, "test": predict(config, model, test)}


def _score(
    calibration: Calibration,
    logits: Mapping[str, np.ndarray],
    scored: Mapping[str, batching.Examples],
    labels: Sequence[str],
) -> dict[str, Any]:
    """The blocks of `metrics.json` for the splits and the calibration."""
    blocks: dict[str, Any] = {}
    before = {}
    uncalibrated = dataclasses.replace(calibration, temperature=1.0)
    thresholds = calibration.thresholds
    for name, values in logits.items():
        truth = scored[name].truth
        blocks[name] = metrics.score_probabilities(truth, calibration.probabilities(values), labels, thresholds)
        before[name] = metrics.score_confidence(truth, uncalibrated.probabilities(values))
    blocks["calibration"] = {
        "temperature": calibration.temperature,
        "thresholds": thresholds if thresholds is None else dict(zip(labels, thresholds.tolist(), strict=True)),
        "before": before,
    }
    return blocks


def _describe_decisions(config: TrainConfig, learnt: Learnt, encoded: Encoded) -> dict[str, Any]:
    """What `metrics.json` says of what was decided, and by which texts."""
    crossed = learnt.folds is not None
    chosen = {
        "epochs": not crossed,
        "scales": bool(learnt.parts),
        "temperature": True,
        "thresholds": config.several_labels,
    }
    return {
        "by": "cross-validation" if crossed else "validation",
        "folds": None if learnt.folds is None else int(learnt.folds.max()),
        "texts": len(learnt.held_out.lengths),
        "decided": [name for name, was in chosen.items() if was],
        "validation": "own" if crossed and len(encoded.examples["validation"].lengths) else "held out",
    }


def _say_what_was_learnt(run: Run, learnt: LearntTexts | None, tokenized: TokenizedCorpus, encoded: Encoded) -> None:
    if learnt is None:
        logger.warning(
            f"which texts {run.directory} has learnt from is not known, it has no learnt_texts.bin; the "
            "validation and test texts may be among them; try newer ones"
        )
        return
    for name, seen in _find_learnt(learnt, tokenized, encoded).items():
        if number := int(seen.sum()):
            logger.warning(
                f"{number:,} of {len(seen):,} {name} texts are among those that {run.directory} has learnt "
                "from; the results have the scores without them too"
            )


def _say_how_many_were_learnt(run: Run, records: list[Record]) -> None:
    """Warns of test texts of an earlier run that it has learnt from: copies of its training texts."""
    learnt = run.learnt()
    if learnt is None:
        return
    seen = np.logical_or(*learnt.find(np.array([hash_text(record.text) for record in records], np.uint64)))
    if seen.any():
        logger.warning(
            f"{seen.sum():,} of {len(records):,} test texts of {run.directory} are among those that it has "
            "learnt from, and flatter what it had right before"
        )


def _find_learnt(learnt: LearntTexts, tokenized: TokenizedCorpus, encoded: Encoded) -> dict[str, np.ndarray]:
    """Which of the validation and test texts an earlier run has learnt from: bool (texts,) each."""
    hashes = {name: tokenized.hashes[encoded.splits == SPLITS.index(name)] for name in SPLITS[1:]}
    return {name: np.logical_or(*learnt.find(numbers)) for name, numbers in hashes.items()}


def _score_without(
    learnt: LearntTexts,
    run_metrics: dict[str, Any],
    calibration: Calibration,
    logits: Mapping[str, np.ndarray],
    tokenized: TokenizedCorpus,
    encoded: Encoded,
) -> None:
    """Adds what the scores of a split are without the texts that an earlier run has learnt from, if there are any."""
    for name, seen in _find_learnt(learnt, tokenized, encoded).items():
        if seen.any():
            truth, probabilities = encoded.examples[name].truth[~seen], calibration.probabilities(logits[name][~seen])
            predicted = metrics.choose_labels(probabilities, calibration.thresholds)
            scores = {"support": len(truth), **metrics.score_labels(truth, predicted)} if len(truth) else None
            run_metrics[name]["without_learnt"] = scores


def _list_learnt(
    tokenized: TokenizedCorpus, encoded: Encoded, *, refit: bool, deciding: bool, before: LearntTexts | None
) -> LearntTexts:
    """What the run has learnt from; `deciding` says whether its validation texts decided anything."""
    training, validation = (tokenized.hashes[encoded.splits == part] for part in (TRAIN, VALIDATION))
    validation = validation if deciding else validation[:0]
    if refit:
        return LearntTexts.of(np.concatenate([training, validation]), validation, before)
    return LearntTexts.of(training, validation, before)


def _describe_fit(learnt: Learnt, encoded: Encoded) -> dict[str, Any]:
    """The blocks of `metrics.json` that say what the scores come from."""
    return {
        "coverage": encoded.coverage and dataclasses.asdict(encoded.coverage),
        "best_epoch": next(iter(learnt.best_epochs.values())),
        "parts": {
            TITLES[name] if name == LOGITS else name: {**part, "best_epoch": learnt.best_epochs.get(name)}
            for name, part in learnt.parts.items()
        },
        "phases": learnt.phases,
    }


def _export(run: Run, config: TrainConfig, model: keras.Model, encoded: Encoded, calibration: Calibration) -> None:
    run.write(run.weights.name, keras.Model(model.inputs, model.outputs).save_weights)  # without the optimizer's
    run.write_saved_model(
        lambda folder: saved_model.export_model(
            model,
            encoded.vocabulary,
            encoded.labels,
            folder,
            tokenizer=config.tokenizer,
            maximum_tokens=config.maximum_tokens,
            temperature=calibration.temperature,
            thresholds=calibration.thresholds,
            trace=trace_windows(model),
        )
    )


def _describe_lead(config: TrainConfig, run_metrics: Mapping[str, Any]) -> str:
    """A warning where the linear model has more of the test texts right, with what may help; else ""."""
    baseline_metrics = run_metrics["baseline"]
    if not baseline_metrics or baseline_metrics["test"]["accuracy"] <= run_metrics["test"]["accuracy"]:
        return ""
    advice = []
    if not config.from_run:  # which has the model and the vectors of that run
        if config.model != "conv1d":
            advice.append("--model conv1d, which has a linear model within")
        elif not config.ngrams:
            advice.append("--ngrams 2, a linear model within")
        if config.vectors == GLOVE_TABLE:
            advice.append("larger vectors (./glove_download.sh and --vectors glove.6B.100d)")
        elif config.vectors == NO_VECTORS and config.tokenizer != "characters":
            advice.append("pretrained vectors of the texts' language (--vectors)")
    linear, ours = (100 * blocks["test"]["accuracy"] for blocks in (baseline_metrics, run_metrics))
    return (
        f"warning: the linear model is ahead on the test texts ({linear:.2f} against {ours:.2f}); "
        f"try {', '.join([*advice, 'more texts'])}"
    )


def describe_chance(run_metrics: Mapping[str, Any]) -> str:
    """A warning where the test texts are so few that chance may have made their accuracy; else "".

    Args:
        run_metrics: What `metrics.json` holds.

    Source: Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference.
    """
    texts, accuracy = run_metrics["test"]["support"], run_metrics["test"]["accuracy"]
    low, high = stats.binomtest(round(accuracy * texts), texts).proportion_ci(method="wilson")
    if high - low <= WIDEST_INTERVAL:
        return ""
    decided = run_metrics["decided"]
    crossed = decided["by"] == "cross-validation" and decided["validation"] != "own" and decided["texts"] > texts
    more = f"; rather trust the cross-validated score, of {decided['texts']:,} texts" if crossed else ""
    return (
        f"warning: on only {texts:,} test texts an accuracy of {100 * accuracy:.0f}% is compatible with a true one of "
        f"{100 * low:.0f} to {100 * high:.0f}% (95% interval){more}; --test-data takes more test texts"
    )


def _describe_calibration(run_metrics: Mapping[str, Any]) -> str:
    before, after = (
        blocks["test"]["calibration_error"] for blocks in (run_metrics["calibration"]["before"], run_metrics)
    )
    texts = "cross-validation" if run_metrics["decided"]["by"] == "cross-validation" else "the validation texts"
    return (
        f"temperature {run_metrics['calibration']['temperature']:.2f} from {texts}: calibration error on the test "
        f"texts {before:.1%} before, {after:.1%} after"
    )


def measure_baseline(
    config: TrainConfig, tokenized: TokenizedCorpus, encoded: Encoded, *, refit: bool, folds: np.ndarray | None = None
) -> dict[str, Any]:
    """The linear model's scores, of each split after a fit on the texts that the network had learnt from by then.

    It has the network's tokens, all of each text, its weights of labels and texts and, where a text may have several
    labels, thresholds tuned on the validation texts in the same way.

    Args:
        config: Of the run.
        tokenized: The corpus, in memory.
        encoded: The same in numbers.
        refit: Whether the network learns from the validation texts too, once they have chosen what they choose.
        folds: Of the cross-validation that decided in their place (`learning.Learnt`), which it has too.
    """
    ids = tokenized.ids.read_all(tokenized.starts, tokenized.lengths)
    counts = baseline.count_ngrams(ids, tokenized.lengths, longest=baseline.LONGEST[config.tokenizer])
    texts = {name: np.flatnonzero(encoded.splits == position) for position, name in enumerate(SPLITS)}
    truth = {name: examples.truth for name, examples in encoded.examples.items()}

    def answer(training: np.ndarray, right: np.ndarray, asked: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return baseline.predict_linear(
            counts[training],
            right,
            {name: counts[its] for name, its in asked.items()},
            seed=config.seed,
            label_weights=None
            if config.class_weight == "none"
            else class_weights.weigh_labels(right, config.class_weight),
            text_weights=class_weights.weigh_texts(right) * len(right) if config.sampling == "balanced" else None,
        )

    asked = {name: its for name, its in texts.items() if name != "train" and len(its)}
    answers = answer(texts["train"], truth["train"], asked)
    if refit:
        everything = np.concatenate([truth["train"], truth["validation"]])
        answers |= answer(np.concatenate([texts["train"], texts["validation"]]), everything, {"test": texts["test"]})
    if folds is None:
        deciding = truth["validation"], answers["validation"]
    else:
        numbers = range(1, int(folds.max()) + 1)
        held = [
            answer(
                texts["train"][folds != fold], truth["train"][folds != fold], {"held": texts["train"][folds == fold]}
            )
            for fold in numbers
        ]
        order = np.concatenate([np.flatnonzero(folds == fold) for fold in numbers])
        deciding = truth["train"][order], np.concatenate([fold["held"] for fold in held])
    if "validation" not in answers:
        truth["validation"], answers["validation"] = deciding
    if config.several_labels:
        thresholds = tune_thresholds(*deciding)
        answers = {name: metrics.choose_labels(values, thresholds) for name, values in answers.items()}
    scores = {name: metrics.score_labels(truth[name], labels) for name, labels in answers.items()}
    return {"name": baseline.name_baseline(config.tokenizer), **scores}
