"""What vectors learnt from unlabelled texts are worth next to GloVe's: test accuracy and log loss with and without.

    python tests/benchmarks/unlabelled_vectors.py FOLDER [--pairs CORPUS=UNLABELLED ...] [--variants NAME ...]
        [--seeds N] [--option NAME=VALUE ...]

UNLABELLED is a corpus whose labels are ignored; only its training texts are read, never a test text. Its words get
vectors of 100 dimensions by one of `VARIANTS`: positive pointwise mutual information and a truncated SVD (Levy,
Goldberg and Dagan, 2015), GloVe's objective (Pennington, Socher and Manning, 2014), or fastText's skip-grams. They
stand in one file behind GloVe's 100 dimensions ("+") or alone. Each variant trains the default recipe with several
seeds; the differences are those from GloVe alone with the same seeds. FOLDER keeps vectors and finished runs. The table
is Markdown.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from few_texts import add_run_options, begin, measure_corpus
from scipy import sparse, stats

PAIRS = ("sentence_polarity=imdb", "subjectivity=imdb", "imdb=imdb", "20newsgroups=20newsgroups")
DIMENSIONS, MOST_WORDS, LEAST_COUNT = 100, 50_000, 5
BLOCK = 2_000_000  # tokens whose pairs are counted at once
SMOOTHING = 0.75  # the exponent of the context words' counts
Vectors = tuple[list[str], np.ndarray]


def read_unlabelled(data: str) -> Iterator[Any]:
    """The records of the training texts."""
    from keras_textcnn.data.datasets import fetch, is_named
    from keras_textcnn.data.readers import Reader

    path = fetch(data) if is_named(data) else Path(data)
    return (record for record in Reader().records(path) if record.split == "train")


def count_pairs(data: str, *, window: int, decay: bool = False) -> tuple[list[str], sparse.csr_matrix]:
    """How often two words are at most `window` tokens apart.

    Returns:
        The words, the most frequent first; and float64 (words, words), symmetric. With decay, two words at a distance d
        count 1/d.
    """
    from keras_textcnn.data.tokenized import tokenize_corpus

    tokenized = tokenize_corpus(read_unlabelled(data))
    lengths = np.asarray(tokenized.lengths, np.int64)
    ids = np.asarray(tokenized.ids.read(0, int(lengths.sum())))
    texts = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    words = {id: token for token, ids_of_it in tokenized.tokens() for id in ids_of_it}
    counts = np.bincount(ids, minlength=tokenized.entries)
    order = np.argsort(-counts, kind="stable")[:MOST_WORDS]
    order = order[counts[order] >= LEAST_COUNT]
    rank = np.full(len(counts), -1, np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    ids = rank[ids]
    total = sparse.csr_matrix((len(order), len(order)))
    for begin_at in range(0, len(ids), BLOCK):
        part = slice(begin_at, begin_at + BLOCK)
        for distance in range(1, window + 1):
            left, right = ids[part][:-distance], ids[part][distance:]
            near = (texts[part][:-distance] == texts[part][distance:]) & (left >= 0) & (right >= 0)
            weight = np.full(int(near.sum()), 1 / distance if decay else 1.0)
            total = total + sparse.csr_matrix((weight, (left[near], right[near])), shape=total.shape)
    return [words[place] for place in order.tolist()], (total + total.T).tocsr()


def ppmi(data: str, *, window: int, shift: float = 1.0) -> Vectors:
    """Positive pointwise mutual information, shifted by log(shift), and an SVD weighted by the roots of its values."""
    from sklearn.utils.extmath import randomized_svd

    words, pairs = count_pairs(data, window=window)
    sums = np.asarray(pairs.sum(axis=1)).ravel()
    contexts = sums**SMOOTHING
    entries = pairs.tocoo()
    information = np.log(entries.data * contexts.sum() / (sums[entries.row] * contexts[entries.col])) - np.log(shift)
    kept = information > 0
    matrix = sparse.csr_matrix((information[kept], (entries.row[kept], entries.col[kept])), shape=pairs.shape)
    left, values, _ = randomized_svd(matrix, DIMENSIONS, n_iter=4, random_state=0)
    return words, left * np.sqrt(values)


def glove(data: str, *, window: int, epochs: int = 15) -> Vectors:
    """GloVe's weighted least squares on the logarithms of the counts, by AdaGrad; words and contexts are added up."""
    words, pairs = count_pairs(data, window=window, decay=True)
    entries = pairs.tocoo()
    rng = np.random.default_rng(0)
    weights = [(rng.random((len(words), DIMENSIONS + 1)) - 0.5) / DIMENSIONS for _ in range(2)]
    squares = [np.ones_like(weight) for weight in weights]
    logs, trust = np.log(entries.data), np.minimum(1, (entries.data / 100) ** 0.75)
    descend = _compile_glove()
    for _ in range(epochs):
        descend(rng.permutation(entries.nnz), entries.row, entries.col, logs, trust, *weights, *squares, 0.05)
    return words, weights[0][:, :-1] + weights[1][:, :-1]


def _compile_glove() -> Callable[..., None]:
    import numba

    @numba.njit
    def descend(
        order: np.ndarray,
        rows: np.ndarray,
        columns: np.ndarray,
        logs: np.ndarray,
        trust: np.ndarray,
        left: np.ndarray,
        right: np.ndarray,
        left_squares: np.ndarray,
        right_squares: np.ndarray,
        rate: float,
    ) -> None:
        width = left.shape[1] - 1
        for entry in order:
            row, column = rows[entry], columns[entry]
            error = left[row, width] + right[column, width] - logs[entry]
            for place in range(width):
                error += left[row, place] * right[column, place]
            slope = trust[entry] * error
            for place in range(width + 1):
                ours = slope * (right[column, place] if place < width else 1.0)
                its = slope * (left[row, place] if place < width else 1.0)
                left[row, place] -= rate * ours / np.sqrt(left_squares[row, place])
                right[column, place] -= rate * its / np.sqrt(right_squares[column, place])
                left_squares[row, place] += ours * ours
                right_squares[column, place] += its * its

    compiled: Callable[..., None] = descend
    return compiled


def skip_grams(data: str, *, folder: Path) -> Vectors:
    """fastText's skip-grams on the same tokens, without parts of words."""
    import fasttext

    from keras_textcnn import tokenize

    path = folder / "tokens.txt"
    with path.open("w") as file:
        for record in read_unlabelled(data):
            file.write(b" ".join(tokenize([record.text]).to_list()[0]).decode() + "\n")
    options = {"dim": DIMENSIONS, "minn": 0, "maxn": 0, "minCount": LEAST_COUNT, "epoch": 10, "thread": 2, "verbose": 0}
    model = fasttext.train_unsupervised(str(path), "skipgram", **options)
    path.unlink()
    return model.words, np.stack([model.get_word_vector(word) for word in model.words])


VARIANTS: dict[str, Callable[[str, Path], Vectors]] = {
    "ppmi 2": lambda data, folder: ppmi(data, window=2),
    "ppmi 5": lambda data, folder: ppmi(data, window=5),
    "ppmi 10": lambda data, folder: ppmi(data, window=10),
    "ppmi 5 shifted": lambda data, folder: ppmi(data, window=5, shift=5),
    "glove 10": lambda data, folder: glove(data, window=10),
    "skip-gram 5": lambda data, folder: skip_grams(data, folder=folder),
}
TRIED = ("ppmi 5", "+ ppmi 5", "+ ppmi 2", "+ ppmi 10", "+ ppmi 5 shifted", "+ glove 10", "+ skip-gram 5")


def make_vectors(variant: str, data: str, folder: Path, pretrained: str) -> tuple[Path, float]:
    """The file of a variant's vectors, and the seconds that the vectors took, those of an earlier call included."""
    own = folder / f"{variant.removeprefix('+ ').replace(' ', '-')}-{Path(data).name.split('.')[0]}"
    if not own.with_suffix(".json").exists():
        started = time.perf_counter()
        words, vectors = VARIANTS[variant.removeprefix("+ ")](data, folder)
        np.save(own.with_suffix(".npy"), vectors.astype(np.float32))
        facts = {"words": list(words), "seconds": time.perf_counter() - started}
        own.with_suffix(".json").write_text(json.dumps(facts))
    facts = json.loads(own.with_suffix(".json").read_text())
    path = own.with_name(own.name + ("-next-to-glove.bin" if variant.startswith("+") else ".bin"))
    if not path.exists():
        table = dict(zip(facts["words"], np.load(own.with_suffix(".npy")), strict=True))
        write_vectors(path, *join(table, pretrained, both=variant.startswith("+")))
    return path, facts["seconds"]


def join(own: dict[str, np.ndarray], pretrained: str, *, both: bool) -> tuple[list[str], np.ndarray]:
    """Own vectors with the root mean square of GloVe's numbers, behind GloVe's if both are wanted; zeros for none."""
    from keras_textcnn.text.pretrained_vectors import find_vector, find_vectors, read_vectors

    path = find_vectors(pretrained)
    pretrained_words = []
    if path:
        with path.open(encoding="utf-8") as file:
            pretrained_words = [line.split(" ", 1)[0] for line in file]
    known = read_vectors(pretrained, {*own, *pretrained_words})
    common = [word for word in own if word in known]
    scale = np.sqrt(np.mean([known[word] ** 2 for word in common]) / np.mean([own[word] ** 2 for word in common]))
    words = [*dict.fromkeys([*own, *pretrained_words])] if both else [*own]
    matrix = np.zeros((len(words), 2 * DIMENSIONS if both else DIMENSIONS), np.float32)
    for place, word in enumerate(words):
        if both and (vector := find_vector(known, word)) is not None:
            matrix[place, :DIMENSIONS] = vector
        if word in own:
            matrix[place, -DIMENSIONS:] = scale * own[word]
    return words, matrix


def write_vectors(path: Path, words: list[str], matrix: np.ndarray) -> None:
    """Writes vectors in word2vec's binary format."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(f"{len(words)} {matrix.shape[1]}\n".encode())
        for word, row in zip(words, matrix, strict=True):
            file.write(word.encode() + b" " + row.astype("<f4").tobytes() + b"\n")
    partial.rename(path)


def print_table(results: list[dict[str, Any]]) -> None:
    """Prints means and deviations, and the paired differences from GloVe alone with the p-value of a t-test."""
    print("| corpus | unlabelled | vectors | accuracy | difference | p | seconds for the vectors |")
    print("|---|---|---|---|---|---|---|")
    base = {(row["pair"], row["seed"]): row["ours"] for row in results if row["variant"] == "glove"}
    for pair, variant in dict.fromkeys((row["pair"], row["variant"]) for row in results):
        rows = [row for row in results if (row["pair"], row["variant"]) == (pair, variant)]
        values = [100 * row["ours"] for row in rows]
        differences = [100 * (row["ours"] - base[row["pair"], row["seed"]]) for row in rows]
        told = ["", ""]
        if variant != "glove" and len(rows) > 1:
            deviation = np.std(differences, ddof=1)
            p = stats.ttest_1samp(differences, 0).pvalue if deviation else float("nan")
            told = [f"{np.mean(differences):+.2f} ± {deviation:.2f}", f"{p:.3f}"]
        spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
        cells = [*pair.split("="), variant, f"{np.mean(values):.2f}{spread}", *told, f"{rows[0]['vector_seconds']:.0f}"]
        print("| " + " | ".join(cells) + " |")


def main() -> None:
    """Measures what is missing, then prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_options(parser)
    parser.add_argument("--pairs", nargs="+", default=PAIRS, metavar="CORPUS=UNLABELLED")
    parser.add_argument("--variants", nargs="+", default=TRIED, choices=TRIED)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    settings, log, results = begin(arguments)
    done = {(row["pair"], row["variant"], row["seed"]) for row in results}
    from keras_textcnn import Corpus, Reader
    from keras_textcnn.data.datasets import fetch, is_named

    for pair in arguments.pairs:
        data, unlabelled = pair.split("=")
        corpus = Corpus.of(Reader().records(fetch(data) if is_named(data) else Path(data)))
        for variant in ("glove", *arguments.variants):
            path, seconds = arguments.vectors, 0.0
            if variant != "glove":
                path, seconds = make_vectors(variant, unlabelled, arguments.folder, arguments.vectors)
            for seed in range(arguments.seeds):
                if (pair, variant, seed) in done:
                    continue
                scores = measure_corpus(arguments.folder / "run", corpus, {**settings, "vectors": str(path)}, seed)
                row = {"pair": pair, "variant": variant, "seed": seed, "vector_seconds": seconds, **scores}
                with log.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                results.append(row)
                print(row, flush=True)
    print_table(results)


if __name__ == "__main__":
    main()
