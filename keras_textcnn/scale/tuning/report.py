"""What a search found: a table, sentences, a picture, and a table of its trials."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_textcnn.evaluation.tables import Table
from keras_textcnn.persistence.folder import Folder
from keras_textcnn.scale.tuning.budget import SEEDS
from keras_textcnn.scale.tuning.found import Found
from keras_textcnn.scale.tuning.gain import gains, is_beyond_chance
from keras_textcnn.scale.tuning.objectives import TITLES, best_of
from keras_textcnn.utils.terminal import render

TRIALS, PICTURE, REPORT = "trials.csv", "tuning.png", "report.txt"
WIDTH = 120  # characters of the report
TOLERATED = 0.05  # of the time, in addition to it
UNKNOWN = ""  # a score that was not measured
SHOWN = 12  # settings in the picture, the most important ones


def results(found: Found) -> Table:
    """The default recipe and the best settings: the objective and the accuracy, on validation and test texts.

    Each cell is the mean with its standard deviation over the seeds, if there are several.
    """
    names = [found.plan.objective, *(["accuracy"] if found.plan.objective != "accuracy" else [])]
    cells = [(split, name) for split in ("validation", "test") for name in names]
    titles = [f"{split} {TITLES[name]}{'*' * (split == 'validation')}" for split, name in cells]
    rows = [[title, *(_cell(_values(found, kind, *cell), cell[1]) for cell in cells)] for kind, title in _kinds(found)]
    if found.repeats:
        rows.append(["gain", *(_cell(gains(found, *cell), cell[1], sign=True) for cell in cells)])
    return Table(["", *titles], rows, footnote=_footnote(found))


def verdict(found: Found) -> str:
    """What may be claimed, in a few sentences, and whether the time was too short."""
    minutes = found.seconds / 60
    if minutes <= (1 + TOLERATED) * found.plan.minutes:
        return _claim(found)
    return f"{_claim(found)} It took {minutes:.1f} minutes, because the last training is not cut short."


def _claim(found: Found) -> str:
    pruned = sum(row["state"] == "pruned" for row in found.rows)
    trials = f"Finished trials: {found.finished}" + (f", pruned ones: {pruned}" if pruned else "")
    if found.number is None:
        return "No trial finished in this time, so the run is that of the default recipe. Give more --minutes."
    if found.default is None:
        return f"{trials}. The default recipe has no score, so no gain is claimed."
    if not found.repeats:
        return f"{trials}. None was better than the default recipe on the validation texts, so the run is its own."
    if not any(scores["test"] for its in found.repeats.values() for scores in its.values()):
        return f"{trials}. No gain is claimed: the validation texts chose the settings, and there are no test texts."
    differences, title = gains(found, "test", found.plan.objective), TITLES[found.plan.objective]
    if len(differences) < SEEDS:
        return (
            f"{trials}. No gain is claimed: that takes {SEEDS} trainings of the default and of the best settings, and "
            f"there was time for {len(differences)} of both. Give more --minutes."
        )
    by = f"{_cell(differences, found.plan.objective, sign=True)} over {len(differences)} seeds"
    if not is_beyond_chance(differences):
        return f"{trials}. The gain in test {title}, {by}, is within its noise: no gain is claimed."
    better = statistics.mean(differences) > 0
    what = f"better in test {title}" if better else f"worse in test {title} (keep the default recipe)"
    return f"{trials}. The best settings are {what}: {by}, which is more than its noise."


def write(found: Found) -> None:
    """Writes report.txt, trials.csv and tuning.png into the directory of the search."""
    folder = Folder(found.directory)
    lines = [*render(results(found), width=WIDTH), "", verdict(found)]
    folder.write_text(REPORT, "".join(f"{line}\n" for line in lines))
    columns = dict.fromkeys(name for row in found.rows for name in row)
    if found.rows:
        folder.write_rows(TRIALS, [{name: row.get(name) for name in columns} for row in found.rows])
    folder.write(PICTURE, lambda path: plot(found.rows, found.importances, found.plan.objective, path))


def plot(rows: Sequence[Mapping[str, Any]], importances: Mapping[str, float], objective: str, path: Path) -> None:
    """Plots the score of each trial with the best one so far and, if known, what the differences depend on, as a PNG.

    Args:
        rows: One row per trial, as in `Found`.
        importances: The share of each setting.
        objective: One of `OBJECTIVES`.
        path: Path of the picture.
    """
    height = 0.3 * min(len(importances), SHOWN)
    figure = Figure(figsize=(6.5, 3.2 + height + bool(importances)), layout="constrained")
    heights = [3.2, height + 1] if importances else [3.2]
    scores, *others = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    done = [(row["trial"], row[objective]) for row in rows if row["state"] == "complete"]
    pruned = [row["trial"] for row in rows if row["state"] == "pruned"]
    if done:
        numbers, values = map(list, zip(*done, strict=True))
        scores.plot(numbers, values, "o", color="C0", label="trial")
        best = [best_of(objective, values[: place + 1]) for place in range(len(values))]
        scores.step(numbers, best, where="post", color="C1", label="best so far")
    for place, number in enumerate(pruned):
        scores.axvline(number, color="grey", linestyle=":", linewidth=0.8, label="_pruned" if place else "pruned")
    scores.set(xlabel="trial", ylabel=f"validation {TITLES[objective]}")
    scores.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if done or pruned:
        scores.legend(fontsize="small")
    for axes in others:
        shown = [*importances.items()][:SHOWN][::-1]
        axes.barh([name.replace("_", " ") for name, _ in shown], [share for _, share in shown], color="C0")
        axes.set(xlabel="share of the differences in the score that it explains", xlim=(0, 1))
    figure.savefig(path, dpi=120)


def _kinds(found: Found) -> list[tuple[str, str]]:
    if found.number is None:
        return [("best", "default recipe")]
    if not found.repeats:
        return [("best", "default recipe" if found.default else f"best, trial {found.number}")]
    return [("default", "default recipe"), ("best", f"best, trial {found.number}")]


def _values(found: Found, kind: str, split: str, name: str) -> list[float]:
    """The scores of the default or the best settings, one per seed."""
    if found.repeats and found.repeats[kind]:
        blocks = [block.get(split) for block in found.repeats[kind].values()]
    elif found.repeats:  # there was no time for the default recipe once more
        blocks = [found.default if split == "validation" else None]
    elif split == "validation":
        blocks = [found.best]
    else:
        blocks = [found.run.read_json("metrics.json")["test"]]
    scores = (block[name] for block in blocks if block)
    return [score for score in scores if score is not None]


def _cell(values: Sequence[float], name: str, *, sign: bool = False) -> str:
    if not values:
        return UNKNOWN
    scale, digits = (1, 4) if name == "log_loss" else (100, 2)
    mean = f"{scale * statistics.mean(values):{'+' if sign else ''}.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {scale * statistics.stdev(values):.{digits}f}"


def _footnote(found: Found) -> str:
    chosen = f"* chosen on these texts as the best of {found.finished} trials, which flatters it"
    seeds = len(found.repeats.get("best", {}))
    noise = "± is the standard deviation over seeds of weights and batches, on the same texts" if seeds > 1 else ""
    better = "a positive gain is better" if found.repeats else ""
    return "; ".join(filter(None, (chosen if found.finished > 1 else "", noise, better)))
