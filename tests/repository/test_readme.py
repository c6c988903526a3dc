"""What README's table of the tutorials names is there."""

import ast
import dataclasses
import importlib
import re
from pathlib import Path

import pytest

from keras_textcnn.config import TrainConfig
from keras_textcnn.utils.log import logger
from tests.conftest import make_texts, write_table

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "README.md").read_text("utf-8").split("## The tutorials")[1].split("## Notebooks")[0]
NAMES = sorted(set(re.findall("`([^`]+)`", TABLE)))
OPTIONS = {f"--{field.name.replace('_', '-')}": field for field in dataclasses.fields(TrainConfig)}


@pytest.mark.parametrize("name", NAMES)
def test_what_the_table_of_tutorials_names_is_there(name: str) -> None:
    if name.startswith("--"):
        for option, value in re.findall(r"(--[a-z-]+)(?: ([a-z][a-z0-9-]*))?", name):
            choices = OPTIONS[option].metadata["argument"].get("choices")
            assert not value or not choices or value in choices
    elif name.endswith(".py"):
        assert [*(ROOT / "keras_textcnn").rglob(name)]
    elif name.startswith("build_"):
        assert hasattr(importlib.import_module("keras_textcnn"), name)
    elif name in ("metrics.json", "report.txt", "keras_textcnn/models/"):
        assert name.split("/")[0] in (ROOT / "README.md").read_text("utf-8")
    else:
        module, function = name.rsplit(".", 1)
        assert callable(getattr(importlib.import_module(f"keras_textcnn.{module}"), function))


def test_the_notebooks_of_the_table_are_there() -> None:
    numbers = {
        number for group in re.findall(r"notebooks? ((?:\d\d(?: and )?)+)", TABLE) for number in group.split(" and ")
    }
    assert numbers == {"01", "02", "03", "04"}
    assert all([*(ROOT / "notebooks").glob(f"{number}_*.ipynb")] for number in numbers)


def test_the_python_example_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = (ROOT / "README.md").read_text("utf-8").split("From Python:")[1].split("```python")[1].split("```")[0]
    rows = [("a", text, label) for text, label in make_texts(90, seed=7)]
    write_table(tmp_path / "reviews.csv", rows, header=("title", "review", "stars"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logger, "handlers", [])  # it shows the progress from now on
    monkeypatch.setattr(logger, "level", logger.level)
    exec(compile(code, "README.md", "exec"), {})
    *_, answers, ngrams, accuracy = capsys.readouterr().out.splitlines()
    assert ast.literal_eval(answers)[0]["probabilities"].keys() == {"fruit", "metal", "sea"}
    assert ngrams.startswith("[Ngram(start=")
    assert 0.3 < float(accuracy) <= 1
    assert (tmp_path / "runs" / "reviews" / "report.html").exists()
