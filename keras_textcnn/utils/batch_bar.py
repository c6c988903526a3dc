"""A bar of the batches of each epoch, on a terminal or in a notebook."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keras_textcnn.utils.terminal import Console

SECONDS = 0.1  # between two changes of a notebook's bar

Show = Callable[[int | None, int | None], None]  # shows the finished and all batches; hides the bar if given None


@contextlib.contextmanager
def batch_bar(console: Console | None) -> Iterator[list[keras.callbacks.Callback]]:
    """A Keras callback that shows a bar; none if the lines of progress go to neither a terminal nor a notebook.

    Args:
        console: Where they go.
    """
    if console is None or not (console.is_jupyter or console.is_terminal):
        yield []
        return
    with _in_notebook() if console.is_jupyter else _on_terminal(console) as show:
        callback: Any = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: show(0, callback.params["steps"]),
            # Keras counts past the last batch, up to a multiple of `steps_per_execution`.
            on_train_batch_end=lambda batch, logs: show(
                min(batch + 1, callback.params["steps"] or math.inf), callback.params["steps"]
            ),
            on_epoch_end=lambda epoch, logs: show(None, None),
        )
        yield [callback]


@contextlib.contextmanager
def _on_terminal(console: Console) -> Iterator[Show]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("batches", visible=False)

        def show(done: int | None, steps: int | None) -> None:
            if done == 0:
                bar.reset(task, total=steps)
            bar.update(task, completed=done, visible=done is not None)

        yield show


@contextlib.contextmanager
def _in_notebook() -> Iterator[Show]:
    """Rich's bar would need ipywidgets here; an HTML element that is replaced needs nothing."""
    from IPython.display import HTML, display

    handle, shown = display(HTML(""), display_id=True), -math.inf

    def show(done: int | None, steps: int | None) -> None:
        nonlocal shown
        if done is None:
            handle.update(HTML(""))
        elif time.monotonic() >= shown + SECONDS:
            shown = time.monotonic()
            handle.update(HTML(f'<progress value="{done}" max="{steps or done}"></progress> {done} of {steps} batches'))

    try:
        yield show
    finally:
        show(None, None)
