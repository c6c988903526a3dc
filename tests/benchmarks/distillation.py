"""Distillation: does `conv1d` learn more from a teacher's probabilities than from hard labels?

    python tests/benchmarks/distillation.py FOLDER [--corpora NAME ...] [--seeds N] [--temperatures T ...]
        [--most-texts N] [--option NAME=VALUE ...]

The teacher is a linear model on character n-grams (TF-IDF and logistic regression) of all training texts and their
labels. The student is `conv1d`, which gets the labels of a tenth of these texts, drawn anew with each seed:

- hard: the tenth with its labels, all that there is without a teacher
- soft: the tenth with the teacher's probabilities
- distilled: the tenth with its labels, and the other nine tenths with the teacher's probabilities

A temperature above 1 softens the teacher: its logits are divided by it. All are tested on the corpus's test texts (at
most 2,000; a tenth of the texts if the corpus has no test texts), which neither teacher nor student has seen. Prints a
table of means and deviations over the seeds, in percent. Finished runs are kept in FOLDER and not repeated.
"""

import argparse
import concurrent.futures
import functools
import json
import multiprocessing
import sys
from typing import Any

import numpy as np
from few_texts import Texts, add_run_options, begin, draw, measure_corpus, read_corpus

CORPORA = ("sentence_polarity", "subjectivity")
WAYS = {"hard": "hard labels", "soft": "the teacher's of the same texts", "distilled": "distilled"}
Teacher = tuple[list[str], np.ndarray, float]  # its labels, its logits for the training texts, its test accuracy


def teach(train: Texts, test: Texts) -> Teacher:
    """Fits the teacher to the training texts; its logits for the same texts are of models that have not seen them.

    A teacher that answers the texts that it has learnt knows their labels, and its probabilities say little else.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline

    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True, min_df=2)
    model = make_pipeline(vectorizer, LogisticRegression(C=10, max_iter=300))
    held_out = cross_val_predict(model, train[0], train[1], cv=5, method="predict_log_proba")
    model.fit(*train)
    return model.classes_.tolist(), held_out, float(model.score(*test))


def soften(logits: np.ndarray, temperature: float) -> np.ndarray:
    """The probabilities of logits divided by a temperature: (texts, labels)."""
    from scipy import special

    return special.softmax(np.maximum(logits, -50) / temperature, axis=1)


def student_corpus(way: str, train: Texts, test: Texts, teacher: Teacher, *, seed: int, temperature: float) -> Any:
    """The corpus that the student gets; the other texts of `train` are left out, or have the teacher's labels."""
    from keras_textcnn import Corpus

    texts, labels = train
    names, logits, _ = teacher
    # `draw` takes texts with labels; here positions stand for the texts.
    tenth = draw(([*range(len(texts))], labels), len(texts) // 10, seed)[0]
    certain = np.eye(len(names))
    rows = {text: certain[names.index(labels[text])] for text in tenth}
    if way != "hard":
        asked = tenth if way == "soft" else sorted({*range(len(texts))} - {*tenth})
        rows |= dict(zip(asked, soften(logits[asked], temperature), strict=True))
    known = [*rows, *range(len(texts), len(texts) + len(test[0]))]
    probabilities = [*rows.values(), *(certain[names.index(label)] for label in test[1])]
    splits = ["train"] * len(rows) + ["test"] * len(test[0])
    everything = [*texts, *test[0]]
    if way == "hard":
        labels = [names[int(np.argmax(row))] for row in probabilities]
        return Corpus([everything[text] for text in known], labels, splits)
    return Corpus.soft([everything[text] for text in known], probabilities, names, splits=splits)


def print_table(results: list[dict[str, Any]]) -> None:
    """Prints the means and deviations over the seeds."""
    print("| corpus | labelled texts | temperature | teacher | " + " | ".join(WAYS.values()), "|")
    print("|" + "---|" * (4 + len(WAYS)))
    for corpus, temperature in sorted({(row["corpus"], row["temperature"]) for row in results if row["temperature"]}):
        rows = [row for row in results if row["corpus"] == corpus and row["temperature"] in (None, temperature)]
        columns = []
        for way in WAYS:
            values = [100 * row["accuracy"] for row in rows if row["way"] == way]
            deviation = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
            columns.append(f"{np.mean(values):.2f}{deviation}" if values else "")
        teacher = f"{100 * rows[0]['teacher']:.2f}"
        print(f"| `{corpus}` | {rows[0]['labelled']:,} | {temperature:g} | {teacher} | {' | '.join(columns)} |")


def main() -> None:
    """Measures what is missing, then prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser)
    parser.add_argument("--corpora", nargs="+", default=CORPORA)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--temperatures", nargs="+", type=float, default=(1.0,))
    parser.add_argument("--most-texts", type=int, help="training texts of a corpus, including the teacher's")
    arguments = parser.parse_args()
    settings, log, results = begin(arguments)
    done = {(row["corpus"], row["seed"], row["way"], row["temperature"]) for row in results}
    ways = [("hard", None), *((way, temperature) for temperature in arguments.temperatures for way in [*WAYS][1:])]

    @functools.cache
    def read(name: str) -> tuple[Texts, Texts, Teacher]:
        train, test = read_corpus(name)
        train = draw(train, arguments.most_texts or len(train[0]), 0)
        return train, test, teach(train, test)

    # TensorFlow keeps about 100 MiB of each run, so a new process takes over after a few runs.
    with concurrent.futures.ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=10
    ) as workers:
        for seed, name, (way, temperature) in (
            (seed, name, way) for seed in range(arguments.seeds) for name in arguments.corpora for way in ways
        ):
            if (name, seed, way, temperature) in done:
                continue
            train, test, teacher = read(name)
            corpus = student_corpus(way, train, test, teacher, seed=seed, temperature=temperature or 1)
            scores = workers.submit(measure_corpus, arguments.folder / f"run-{name}", corpus, settings, seed).result()
            row = {
                "corpus": name,
                "seed": seed,
                "way": way,
                "temperature": temperature,
                "labelled": len(train[0]) // 10,
            }
            results.append({**row, "teacher": teacher[2], "accuracy": scores["ours"], "seconds": scores["seconds"]})
            with log.open("a") as file:
                file.write(json.dumps(results[-1]) + "\n")
            print(results[-1], file=sys.stderr, flush=True)
    print_table(results)


if __name__ == "__main__":
    main()
