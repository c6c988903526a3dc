"""A run whose files tests may change."""

import shutil
from pathlib import Path

import pytest

from keras_textcnn import Run


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Run:
    """A copy of a run, so that tests may change its files."""
    return Run(shutil.copytree(finished_run, tmp_path / "run"))
