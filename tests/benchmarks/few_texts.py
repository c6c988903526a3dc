"""Learning curves: the accuracy of the default recipe, and of two linear models, with few labelled texts.

    python tests/benchmarks/few_texts.py FOLDER [--corpora NAME ...] [--sizes N ...] [--samples N]
        [--option NAME=VALUE ...] [--picture PNG]

Draws samples of each corpus's training texts, with at least one text of each label, trains a run on each sample and
tests it on the corpus's test texts (at most 2,000; a tenth of the texts if the corpus has no test texts). The linear
models get the same texts: TF-IDF and LinearSVC, which every run is compared with, and scikit-learn's
LogisticRegressionCV on the mean and the maximum of the text's vectors. Prints a table of means and deviations over the
samples, in percent. Finished samples are kept in FOLDER and not repeated.
"""

import argparse
import ast
import concurrent.futures
import functools
import json
import multiprocessing
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from corpora import read_texts

CORPORA = ("sentence_polarity", "subjectivity", "trec", "reuters-r8", "20newsgroups")
SIZES = (50, 100, 200, 500, 1000, 2000)
MOST_TESTED = 2000
NAMES = {"ours": "keras_textcnn", "tf_idf": "TF-IDF + LinearSVC", "vectors": "logistic regression on vectors"}
Texts = tuple[list[str], list[str]]


def read_corpus(name: str) -> tuple[Texts, Texts]:
    """The texts to draw from, and the test texts."""
    splits = read_texts(name)
    texts, labels = splits["test"]
    rows = np.random.default_rng(0).permutation(len(texts))[:MOST_TESTED].tolist()
    return splits["train"], ([texts[row] for row in rows], [labels[row] for row in rows])


def draw(pair: Texts, size: int, seed: int) -> Texts:
    """A sample of texts with their labels, which begins with one text of each label."""
    texts, labels = pair
    order = np.random.default_rng((seed, size)).permutation(len(texts)).tolist()
    firsts: dict[str, int] = {}
    for row in order:
        firsts.setdefault(labels[row], row)
    first = [firsts[label] for label in sorted(firsts)]
    taken = set(first)
    rows = [*first, *(row for row in order if row not in taken)][:size]
    return [texts[row] for row in rows], [labels[row] for row in rows]


class VectorModel:
    """Logistic regression on the standardized mean and maximum of a text's vectors, with a tuned penalty."""

    def __init__(self, vectors: str) -> None:
        self.vectors, self._known = vectors, dict[str, np.ndarray]()
        self._features = dict[str, np.ndarray]()

    def features(self, texts: list[str]) -> np.ndarray:
        """float64 (texts, 2 * dimensions)."""
        from keras_textcnn import tokenize
        from keras_textcnn.text.pretrained_vectors import find_vector, read_vectors

        new = [text for text in texts if text not in self._features]
        tokens = [[token.decode() for token in row] for row in tokenize(new).to_list()] if new else []
        wanted = {token for row in tokens for token in row} - set(self._known)
        if wanted:
            self._known |= read_vectors(self.vectors, wanted)
        zeros = np.zeros_like(next(iter(self._known.values())))
        for text, row in zip(new, tokens, strict=True):
            found = [vector for token in row if (vector := find_vector(self._known, token)) is not None] or [zeros]
            self._features[text] = np.concatenate([np.mean(found, axis=0), np.max(found, axis=0)])
        return np.stack([self._features[text] for text in texts])

    def score(self, train: Texts, test: Texts) -> float:
        """The accuracy on the test texts."""
        from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        rarest = min(map(train[1].count, set(train[1])))
        if rarest < 2:  # no fold can hold out its only text, so the penalty cannot be tuned
            solver: Any = LogisticRegression(C=0.1, max_iter=500)
        else:
            solver = LogisticRegressionCV(Cs=[0.001, 0.01, 0.1, 1], cv=min(rarest, 5), max_iter=500)
        model = make_pipeline(StandardScaler(), solver)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(self.features(train[0]), train[1])
        return float((model.predict(self.features(test[0])) == np.array(test[1])).mean())


def measure(folder: Path, train: Texts, test: Texts, settings: dict[str, Any], seed: int) -> dict[str, float]:
    """The scores, in [0, 1], and the seconds of a run."""
    from keras_textcnn import Corpus

    splits = ["train"] * len(train[0]) + ["test"] * len(test[0])
    return measure_corpus(folder, Corpus([*train[0], *test[0]], [*train[1], *test[1]], splits), settings, seed)


def measure_corpus(folder: Path, corpus: Any, settings: dict[str, Any], seed: int) -> dict[str, float]:
    """The same for a corpus with a test split."""
    import keras

    from keras_textcnn import TrainConfig
    from keras_textcnn.training import trainer

    shutil.rmtree(folder, ignore_errors=True)
    keras.backend.clear_session()
    started = time.perf_counter()
    # The SavedModel and the report would take longer than the training.
    with mock.patch.object(trainer, "_export"), mock.patch.object(trainer, "write_summary") as summary:
        trainer.train(TrainConfig(**settings, seed=seed), corpus, folder)
    seconds = time.perf_counter() - started
    metrics = summary.call_args.args[1]
    shutil.rmtree(folder)
    return {
        "ours": metrics["test"]["accuracy"],
        "ours_macro_f1": metrics["test"]["macro_f1"],
        "calibration_error": metrics["test"]["calibration_error"],
        "tf_idf": metrics["baseline"]["test"]["accuracy"],
        "tf_idf_macro_f1": metrics["baseline"]["test"]["macro_f1"],
        "seconds": seconds,
    }


def print_table(results: list[dict[str, Any]]) -> None:
    """Prints the means and deviations over the samples."""
    print("| corpus | texts | " + " | ".join(NAMES.values()) + " | seconds |\n|---|---|---|---|---|---|")
    for corpus, size in sorted({(row["corpus"], row["size"]) for row in results}):
        rows = [row for row in results if (row["corpus"], row["size"]) == (corpus, size)]
        columns = []
        for name in NAMES:
            values = [100 * row[name] for row in rows]
            deviation = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
            columns.append(f"{np.mean(values):.1f}{deviation}")
        best = max(NAMES, key=lambda name: np.mean([row[name] for row in rows]))
        columns = [f"**{column}**" if name == best else column for name, column in zip(NAMES, columns, strict=True)]
        seconds = np.median([row["seconds"] for row in rows])
        print(f"| `{corpus}` | {size:,} | {' | '.join(columns)} | {seconds:.0f} |")


def draw_curves(results: list[dict[str, Any]], path: Path) -> None:
    """Draws accuracy by the number of labelled texts, one panel per corpus, as a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    corpora = [corpus for corpus in CORPORA if any(row["corpus"] == corpus for row in results)]
    figure = Figure(figsize=(3.2 * len(corpora), 3.4), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(corpora)))
    for panel, corpus in zip(panels, corpora, strict=True):
        sizes = sorted({row["size"] for row in results if row["corpus"] == corpus})
        for name, shown in NAMES.items():
            values = [[100 * r[name] for r in results if (r["corpus"], r["size"]) == (corpus, size)] for size in sizes]
            means, deviations = np.array([np.mean(its) for its in values]), np.array([np.std(its) for its in values])
            panel.plot(sizes, means, marker="o", markersize=3, label=shown)
            panel.fill_between(sizes, means - deviations, means + deviations, alpha=0.15)
        panel.set(xscale="log", title=corpus, xlabel="labelled texts")
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=60, fontsize="small")
    panels[0].set_ylabel("test accuracy, percent")
    panels[0].legend(fontsize="small")
    figure.savefig(path, dpi=110)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `begin` reads."""
    parser.add_argument("folder", type=Path)
    parser.add_argument("--vectors", default="glove.6B.100d")
    parser.add_argument("--option", nargs="+", default=[], metavar="NAME=VALUE", help="settings of the runs")


def begin(arguments: argparse.Namespace) -> tuple[dict[str, Any], Path, list[dict[str, Any]]]:
    """The settings that the options give, the log of finished runs in the folder, and its rows."""
    settings: dict[str, Any] = {"vectors": arguments.vectors}
    for name, value in (option.split("=", 1) for option in arguments.option):
        try:
            settings[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            settings[name] = value
    arguments.folder.mkdir(parents=True, exist_ok=True)
    log = arguments.folder / "results.jsonl"
    return settings, log, [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def main() -> None:
    """Measures what is missing, then prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser)
    parser.add_argument("--corpora", nargs="+", default=CORPORA)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    settings, log, results = begin(arguments)
    done = {(row["corpus"], row["size"], row["sample"]) for row in results}
    wanted = [(s, c, n) for s in range(arguments.samples) for c in arguments.corpora for n in arguments.sizes]
    read = functools.cache(read_corpus)
    linear = functools.cache(lambda corpus: VectorModel(arguments.vectors))
    # TensorFlow keeps about 100 MiB of each run, so a new process takes over after a few runs.
    workers = concurrent.futures.ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=10
    )
    for sample, corpus, size in wanted:
        if (corpus, size, sample) in done:
            continue
        texts, test = read(corpus)
        train = draw(texts, size, sample)
        run = workers.submit(measure, arguments.folder / f"run-{corpus}", train, test, settings, sample)
        scores = {**run.result(), "vectors": linear(corpus).score(train, test)}
        results.append({"corpus": corpus, "size": size, "sample": sample, **scores})
        with log.open("a") as file:
            file.write(json.dumps(results[-1]) + "\n")
        print(results[-1], file=sys.stderr, flush=True)
    print_table(results)
    if arguments.picture:
        draw_curves(results, arguments.picture)


if __name__ == "__main__":
    main()
