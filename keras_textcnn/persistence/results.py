"""What a run has measured: its scores and its epochs as values, and as a notebook shows them."""

import base64
import csv
import html
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_textcnn.errors import InputError
from keras_textcnn.persistence.folder import Folder
from keras_textcnn.persistence.predictions import PREDICTIONS, Predictions, read_predictions

CURVES = "learning_curves.png"
UNDEFINED = "–"  # as in the other tables
SCORES = ("accuracy", "macro_f1")


class Results(Folder):
    """The part of a run directory that tells how the training went; unfinished while it holds `checkpoints/`."""

    def __repr__(self) -> str:
        return f"Run({self.place!r}, {'finished' if self.finished else 'unfinished'})"

    @property
    def place(self) -> str:
        """Where it is, as it is shown."""
        return str(self.directory)

    @property
    def checkpoints(self) -> Path:
        """The folder that `--resume` continues from."""
        return self.directory / "checkpoints"

    @property
    def finished(self) -> bool:
        """Whether training and export have finished."""
        return not self.checkpoints.exists()

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`: scores, calibration, the linear baseline, seconds.

        Raises:
            InputError: The run is unfinished, or the file is damaged.
        """
        self._check_measured()
        return self.read_json("metrics.json")

    @property
    def history(self) -> list[dict[str, Any]]:
        """A row per epoch, as in `history.csv`: phase, epoch, learning_rate, losses, accuracies, seconds.

        An epoch without validation lacks the columns that begin with `val_`.

        Raises:
            InputError: The run is unfinished, or the file is damaged.

        Example:
            pandas.DataFrame(run.history).plot(x="epoch", y=["loss", "val_loss"])
        """
        self._check_measured()
        try:
            rows = list(csv.DictReader(io.StringIO(self.read_bytes("history.csv").decode()), strict=True))
            return [{name: _number(cell) for name, cell in row.items() if cell} for row in rows]
        except (UnicodeDecodeError, csv.Error, TypeError) as error:
            raise self.damaged("history.csv", error) from error

    @property
    def predictions(self) -> Predictions:
        """What was predicted for each validation or held-out text and each test text, as in `predictions.csv`.

        Raises:
            InputError: As for `read_predictions`.

        Example:
            found = run.predictions
            print(found.row[found.label != found.predicted])  # the rows of the errors
        """
        return self.read_predictions()

    def read_predictions(self, *, probabilities: bool = True) -> Predictions:
        """The predictions, which are read quicker without their probabilities.

        Raises:
            InputError: The run is unfinished, an older version wrote it, or the file is damaged.
        """
        self._check_measured()
        path = self.directory / PREDICTIONS
        if not path.exists():
            raise InputError(
                f"no {PREDICTIONS} in {self.directory}, which an older version wrote; train again, or evaluate the run "
                "on a corpus"
            )
        self.check(PREDICTIONS)
        try:
            return read_predictions(path, probabilities=probabilities)
        except (ValueError, OverflowError, csv.Error) as error:
            raise self.damaged(PREDICTIONS, error) from error

    def _check_measured(self) -> None:
        if not self.finished:
            raise InputError(f"{self.directory} is unfinished and has no scores yet; resume its training")

    def _repr_html_(self) -> str:
        """For a notebook: the test scores next to those of the linear baseline, and the learning curves."""
        heading = f"<p><b>{html.escape(self.place)}</b></p>"
        if not self.finished:
            return f"{heading}<p>unfinished</p>"
        curves = ""
        if (self.directory / CURVES).exists():
            picture = base64.b64encode(self.read_bytes(CURVES)).decode()
            curves = f'<img alt="learning curves" src="data:image/png;base64,{picture}" style="max-width:100%">'
        return heading + _scores_table(self.metrics) + curves


def _number(cell: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            pass
    return cell


def _scores_table(metrics: Mapping[str, Any]) -> str:
    """The scores of the test texts in percent, or of the validation texts if there are no test texts."""
    split = "test" if metrics["test"] else "validation"
    rows = {"this run": metrics[split]}
    if "without_learnt" in metrics[split]:
        rows["without texts seen before"] = metrics[split]["without_learnt"] or {}
    if baseline := metrics["baseline"]:
        rows[baseline["name"]] = baseline[split]
    cells = [[name, *(_percent(scores.get(score)) for score in SCORES)] for name, scores in rows.items()]
    lines = [f"<tr><th>percent</th><th>{split} accuracy</th><th>macro F1</th></tr>"]
    lines += ["<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in cells]
    return f"<table>{''.join(lines)}</table>"


def _percent(share: float | None) -> str:
    return UNDEFINED if share is None else f"{100 * share:.2f}"
