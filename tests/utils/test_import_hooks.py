"""Something is done once a module has been imported, whenever that is."""

import importlib
import importlib.util
import sys
from pathlib import Path

import pytest

from keras_textcnn.utils.import_hooks import after_import


def test_an_action_follows_an_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny_library.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[int] = []

    def look() -> None:
        seen.append(sys.modules["tiny_library"].VALUE)

    finders = list(sys.meta_path)
    after_import("tiny_library", look)
    assert importlib.util.find_spec("tiny_library") is not None  # looking for it is not importing it
    assert importlib.util.find_spec("no_such_library") is None
    assert seen == []
    try:
        importlib.import_module("tiny_library")
        assert seen == [1]
        assert sys.meta_path == finders
        after_import("tiny_library", look)
        assert seen == [1, 1]
    finally:
        del sys.modules["tiny_library"]
