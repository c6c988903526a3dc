"""The bar of an epoch's batches, on a terminal and in a notebook."""

import builtins
import io
import sys
import types

import pytest
from rich.progress import Progress

from keras_textcnn.utils import batch_bar
from keras_textcnn.utils.log import logger, show_progress, showing, shown_on
from keras_textcnn.utils.terminal import Console


@pytest.mark.parametrize(
    ("steps", "ends", "completed"), [(52, [15, 31, 47, 63], [16, 32, 48, 52]), (3, [15], [3]), (16, [15], [16])]
)
def test_the_bar_of_batches_ends_at_their_number(
    steps: int, ends: list[int], completed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras reports every 16th batch, even past the end if fewer than 16 are left."""
    bars: list[Progress] = []

    def remember(*columns: object, **options: object) -> Progress:
        bars.append(Progress(*columns, **options))
        return bars[-1]

    monkeypatch.setattr(batch_bar, "Progress", remember)
    with batch_bar.batch_bar(Console(file=io.StringIO(), force_terminal=True)) as [callback]:
        callback.set_params({"steps": steps})
        callback.on_epoch_begin(0, {})
        [task] = bars[0].tasks
        shown = []
        for batch in ends:
            callback.on_train_batch_end(batch, {})
            shown.append(task.completed)
        assert task.visible
        callback.on_epoch_end(0, {})
        assert not task.visible
    assert (shown, task.total) == (completed, steps)


def test_a_notebook_shows_an_element_that_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    display = types.ModuleType("IPython.display")
    display.HTML = str
    display.display = lambda first, display_id: types.SimpleNamespace(update=shown.append)
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(batch_bar, "SECONDS", 0)
    with batch_bar.batch_bar(Console(force_jupyter=True)) as [callback]:
        callback.set_params({"steps": 3})
        callback.on_epoch_begin(0, {})
        callback.on_train_batch_end(1, {})
        callback.on_epoch_end(0, {})
    assert shown == [
        '<progress value="0" max="3"></progress> 0 of 3 batches',
        '<progress value="2" max="3"></progress> 2 of 3 batches',
        "",
        "",
    ]


def test_there_is_a_bar_only_where_lines_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "level", logger.level)
    monkeypatch.setattr(logger, "propagate", True)
    assert shown_on() is None
    console = Console(file=io.StringIO())
    with showing(lambda line: None, lambda: console):
        assert shown_on() is console
    with batch_bar.batch_bar(console) as none, batch_bar.batch_bar(None) as none_either:
        assert none == none_either == []
    show_progress(lambda line: None)
    assert shown_on() is None
    show_progress()
    assert shown_on() is not None
    monkeypatch.setattr(builtins, "print", lambda *words: None)  # as Ray does
    show_progress()
    assert shown_on() is not None
