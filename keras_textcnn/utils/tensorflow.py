"""Imports TensorFlow without its start-up lines, for commands, scripts and notebooks."""

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any


def import_tensorflow() -> Any:
    """TensorFlow, imported without the lines that it prints before its logging starts, unless the import fails.

    Of its own messages, only errors are shown from then on: its warnings are for developers, such as that a second run
    traces the model again. If TensorFlow was imported before, nothing changes.
    """
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with standard_error_held():
            import tensorflow  # noqa: F401
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return sys.modules["tensorflow"]


@contextlib.contextmanager
def standard_error_held() -> Iterator[None]:
    """Drops what the block writes to file descriptor 2, which C++ writes to as well, unless the block fails."""
    try:
        kept = os.dup(2)
    except OSError:  # a process without standard error
        yield
        return
    with tempfile.TemporaryFile() as held:
        _flush_standard_error()
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            _flush_standard_error()
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            _flush_standard_error()
            os.dup2(kept, 2)
            os.close(kept)


def _flush_standard_error() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
