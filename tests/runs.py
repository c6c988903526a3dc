"""Commands called in the test's process, and what is read from the runs that they leave."""

import contextlib
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

if TYPE_CHECKING:
    from keras_textcnn.data.corpus import Corpus
    from keras_textcnn.persistence.run import Run


class Outcome(NamedTuple):
    """How a command ended: its exit status, and what it wrote to standard output and standard error."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of standard output."""
        return self.out.splitlines()

    @property
    def error(self) -> str:
        """The last line of standard error."""
        return self.err.splitlines()[-1]


Cli = Callable[..., Outcome]


def call(command: str, *arguments: object) -> int:
    """The exit status of a command of the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", [command, *map(str, arguments)])
        try:
            return int(importlib.import_module(f"keras_textcnn.{command}").main())
        except SystemExit as ended:  # from argparse
            return int(ended.code or 0)


def leave_out_exports(patch: pytest.MonkeyPatch) -> None:
    """Trainings write neither models, nor pictures, nor the HTML report: three fifths of a tiny run's time."""
    from keras_textcnn.training import trainer

    def export_nothing(model: object, vectorizer: object, labels: object, folder: Path, **more: object) -> None:
        folder.mkdir()

    patch.setattr(trainer.saved_model, "export_saved_model", export_nothing)
    patch.setattr(trainer, "needs_tensorflow", lambda model, vectorizer: "this run")
    leave_out_reports(patch)


def leave_out_reports(patch: pytest.MonkeyPatch) -> None:
    """Trainings write neither pictures nor the HTML report."""
    from keras_textcnn.evaluation.tables import report_text
    from keras_textcnn.training import trainer

    def write_metrics(run: "Run", run_metrics: dict[str, Any], history: list[dict[str, Any]], **more: object) -> None:
        run.write_rows("history.csv", history)
        run.write_text("report.txt", report_text(run_metrics))
        run.write_json("metrics.json", run_metrics)

    patch.setattr(trainer, "write_summary", write_metrics)


def leave_out_learning(patch: pytest.MonkeyPatch) -> None:
    """Trainings end with the weights that they begin with, after one epoch of each phase that did nothing."""
    from keras_textcnn.training import two_phase
    from keras_textcnn.training.callbacks import PhaseHistory
    from keras_textcnn.training.phases import Phase
    from keras_textcnn.training.run_callbacks import EpochLog

    def learn_nothing(
        compiled: object,
        train: object,
        validation: object,
        *,
        phases: list[Phase],
        first_epoch: int,
        reports: list[Any],
        **more: object,
    ) -> PhaseHistory:
        losses = {"loss": 1.0, "accuracy": 0.5} | ({"val_loss": 1.0, "val_accuracy": 0.5} if validation else {})
        history = PhaseHistory()
        history.progress.best_epoch = first_epoch + 1
        for epoch, phase in enumerate((phase for phase in phases if phase.epochs), first_epoch):
            row = {"phase": phase.name, "epoch": epoch + 1, "learning_rate": phase.learning_rate, **losses}
            history.progress.history.append({**row, "seconds": 0.0})
            for report in filter(lambda report: isinstance(report, EpochLog), reports):
                report.on_phase_begin(phase)
                report.on_epoch_begin(epoch)
                report.on_epoch_end(epoch, losses)
        return history

    patch.setattr(two_phase, "fit_phases", learn_nothing)


class Killed(BaseException):
    """Simulates the end of the process."""


def leave_out_fits(patch: pytest.MonkeyPatch) -> None:
    """Trainings end in `Killed` once the run directory has been started."""
    from keras_textcnn.training import trainer

    def end(*arguments: object, **named: object) -> None:
        raise Killed

    patch.setattr(trainer, "fit_prepared", end)


@contextlib.contextmanager
def killed_at(start: str) -> Iterator[None]:
    """Ends a training in `Killed` at the first logged line that starts so."""
    from keras_textcnn.utils.log import showing

    def end(line: str) -> None:
        if line.startswith(start):
            raise Killed

    with showing(end), pytest.raises(Killed):
        yield


def run_weights(directory: Path) -> list[np.ndarray]:
    """The weights of a finished run."""
    from keras_textcnn.persistence.loading import load_model
    from keras_textcnn.persistence.run import Run

    return load_model(Run.open(directory)).get_weights()


def assert_same_weights(one: Path, other: Path) -> None:
    """Fails unless two runs have the same weights, bit for bit."""
    for ours, theirs in zip(run_weights(one), run_weights(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def without_ngrams(options: list[str]) -> list[str]:
    """The options without those that need n-grams."""
    pairs = zip(options[::2], [*options[1::2], ""], strict=True)  # the last option has no value
    return [part for pair in pairs if not pair[0].startswith("--ngram") for part in pair if part]


def tiny_run(directory: Path, corpus: "Corpus", **settings: object) -> "Run":
    """A run that takes a second and leaves nearly random weights."""
    from keras_textcnn.config import TrainConfig
    from keras_textcnn.training.trainer import train

    sizes = {
        "windows": (2,),
        "filters": 2,
        "vectors": "none",
        "dimensions": 4,
        "frozen_epochs": 0,
        "unfrozen_epochs": 1,
        "refit": False,
    }
    return train(TrainConfig(**{"ngrams": 0, "inner_folds": 0, **sizes, **settings}), corpus, directory)


def fine_tune(run: "Run", corpus: "Corpus", directory: Path, **given: object) -> "Run":
    """A run that starts from another and is trained for an epoch."""
    from keras_textcnn.training.trainer import train

    rehearsed = given.pop("rehearsed", None)
    settings = {"frozen_epochs": 1, "unfrozen_epochs": 0, "refit": False, "from_run": str(run.directory), **given}
    return train(run.config().adapted(**settings), corpus, directory, rehearsed=rehearsed)
