"""What a search finds in some minutes, next to fastText's autotune with the same minutes, splits and tokens.

    pip install ".[tune,benchmark]"
    python tests/benchmarks/tuning.py FOLDER
    python tests/benchmarks/tuning.py FOLDER --corpora trec --minutes 1

Both search for accuracy on the same validation texts. The scores of test texts are those of models fitted to training
and validation texts, with three seeds of the default and of the found settings; the test texts choose nothing. The
trainings that a search has had no time for come in addition to its minutes. FOLDER keeps each finished row, so after an
interruption the same command continues. The table is printed as Markdown.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CORPORA = ("reuters-r8", "sentence_polarity", "subjectivity")
OBJECTIVE = "accuracy"
SEEDS = 3
Scores = dict[str, dict[str, list[float]]]  # by "default" and "found", and by split: one per seed


def tune(corpus: str, folder: Path, minutes: float) -> dict[str, Any]:
    """The row of `keras_textcnn.tune`."""
    directory = folder / f"tune-{corpus}"
    begun = (directory / "tune.json").exists()
    if not begun or not json.loads((directory / "tune.json").read_text())["finished"]:
        new = [corpus, "--minutes", str(minutes), "--objective", OBJECTIVE, "--output", str(directory)]
        given = ["--resume", str(directory)] if begun else new
        subprocess.run([sys.executable, "-m", "keras_textcnn.tune", *given], check=True)
    state = json.loads((directory / "tune.json").read_text())
    kept = state["chosen"] == 0
    scores = {"default": repeat(corpus, {"data": corpus}, state["repeats"].get("default", {}))}
    found = json.loads((directory / "run" / "config.json").read_text())["settings"]
    scores["found"] = scores["default"] if kept else repeat(corpus, found, state["repeats"].get("best", {}))
    return {"scores": scores, "seconds": state["spent"], "kept_default": kept}


def repeat(corpus: str, settings: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, list[float]]:
    """The accuracy on each split with each seed of weights and batches; the texts are split by the settings' seed.

    Args:
        corpus: The corpus.
        settings: The settings.
        known: The scores that the search has measured, by seed.
    """
    from keras_textcnn.config import TrainConfig
    from keras_textcnn.scale.tuning.trials import Trials
    from keras_textcnn.train import read_corpus

    config = TrainConfig.of(settings)
    trials = Trials(read_corpus(config))
    blocks = [known.get(str(seed)) or trials.fit(config, seed=seed) for seed in range(SEEDS)]
    return {split: [block[split][OBJECTIVE] for block in blocks] for split in ("validation", "test")}


def fasttext_autotune(corpus: str, folder: Path, minutes: float) -> dict[str, Any]:
    """The row of fastText: its defaults, and what its autotune finds."""
    import fasttext

    files, counts = write_splits(corpus, folder)
    quiet: dict[str, Any] = {"verbose": 0, "thread": 2}
    started = time.perf_counter()
    tuned = fasttext.train_supervised(
        str(files["train"]),
        autotuneValidationFile=str(files["validation"]),
        autotuneDuration=round(60 * minutes),
        **quiet,
    )
    seconds = time.perf_counter() - started
    chosen = tuned.f.getArgs()
    names = ("lr", "dim", "ws", "epoch", "minCount", "minn", "maxn", "neg", "wordNgrams", "bucket")
    found = {name: getattr(chosen, name) for name in names} | {"loss": chosen.loss.name}
    scores: Scores = {}
    for kind, settings in (("default", {}), ("found", found)):
        scores[kind] = {"validation": [], "test": []}
        for seed in range(SEEDS):
            for learnt, answered in (("train", "validation"), ("everything", "test")):
                model = fasttext.train_supervised(str(files[learnt]), seed=seed, **quiet, **settings)
                right = model.test(str(files[answered]))[1]
                scores[kind][answered].append(right)
    return {"scores": scores, "seconds": seconds, "kept_default": False, "found": found, "texts": counts}


def write_splits(corpus: str, folder: Path) -> tuple[dict[str, Path], dict[str, int]]:
    """fastText files of the splits of a run with seed 0, in its tokens; "everything" is training and validation."""
    import numpy as np

    from keras_textcnn.config import TrainConfig
    from keras_textcnn.data.corpus import SPLITS
    from keras_textcnn.data.tokenized import tokenize_corpus
    from keras_textcnn.train import read_corpus
    from keras_textcnn.training.preparation import prepare

    config = TrainConfig(data=corpus)
    tokenized = tokenize_corpus(read_corpus(config).records())
    splits = prepare(config, tokenized).encoded.splits
    labels = [str(tokenized.label_sets[row]).replace(" ", "_") for row in tokenized.rows]
    lines = {}
    rng = np.random.default_rng(
        0
    )  # fastText learns from the lines in their order, and some corpora are sorted by label
    for position, name in enumerate(SPLITS):
        rows = rng.permutation(np.flatnonzero(splits == position))
        texts = tokenized.join_tokens(rows, tokenized.lengths[rows])
        lines[name] = [f"__label__{labels[row]} {text}\n" for row, text in zip(rows, texts, strict=True)]
    lines["everything"] = rng.permutation(lines["train"] + lines["validation"]).tolist()
    files = {name: folder / f"{corpus}-{name}.txt" for name in lines}
    for name, path in files.items():
        path.write_text("".join(lines[name]), "utf-8")
    return files, {name: len(its) for name, its in lines.items()}


SYSTEMS = {"keras_textcnn tune": tune, "fastText autotune": fasttext_autotune}


def measure(corpora: Sequence[str], folder: Path, minutes: float) -> dict[str, dict[str, Any]]:
    """The rows, each measured unless the folder has it."""
    file = folder / "tuning.json"
    rows: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}
    for corpus in corpora:
        for system, run in SYSTEMS.items():
            key = f"{corpus}, {system}, {minutes:g}"
            if key not in rows:
                rows[key] = {"corpus": corpus, "system": system, "minutes": minutes, **run(corpus, folder, minutes)}
                file.write_text(json.dumps(rows, indent=2))
    return rows


def describe(row: Mapping[str, Any]) -> str:
    """A line of the table."""
    cells = [row["corpus"], row["system"]]
    for split in ("validation", "test"):
        default, found = (row["scores"][kind][split] for kind in ("default", "found"))
        gains = [100 * (other - one) for one, other in zip(default, found, strict=False)]
        gain = "default kept" if row["kept_default"] else f"{statistics.mean(gains):+.2f}{_deviation(gains)}"
        cells += [_percent(default), _percent(found), gain]
    return f"| {' | '.join(cells)} | {len(row['scores']['found']['test'])} | {row['seconds'] / 60:.1f} |"


def _percent(shares: Sequence[float]) -> str:
    percents = [100 * share for share in shares]
    return f"{statistics.mean(percents):.2f}{_deviation(percents)}"


def _deviation(values: Sequence[float]) -> str:
    return f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""


def main() -> None:
    """Measures the missing rows and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--corpora", nargs="+", default=CORPORA, metavar="NAME")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    rows = measure(arguments.corpora, arguments.folder, arguments.minutes)
    print("| corpus | search | validation: default | found | gain | test: default | found | gain | seeds | minutes |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for row in rows.values():
        if row["minutes"] == arguments.minutes and row["corpus"] in arguments.corpora:
            print(describe(row))


if __name__ == "__main__":
    main()
