"""Fixtures of the tests of commands."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def own_run(finished_run: Path, tmp_path: Path) -> Path:
    """A copy, because the tests write to it."""
    return Path(shutil.copytree(finished_run, tmp_path / "own"))
