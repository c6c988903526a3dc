"""The notebooks as stored in the repository; CI runs them from top to bottom."""

import ast
import itertools
import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS, README = sorted(FOLDER.glob("*.ipynb")), FOLDER / "README.md"
QUESTIONS = (
    "Where is `compile`?",
    "How do I see the vocabulary?",
    "How do I stop early?",
    "How do I save and load?",
    "Where do I change the pooling?",
)


def cells_of(path: Path, kind: str) -> list[dict]:
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == kind]


def source_of(path: Path, kind: str) -> str:
    return "\n".join("".join(cell["source"]) for cell in cells_of(path, kind))


def test_there_are_six() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == ["00", "01", "02", "03", "04", "05"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_students_question_is_answered_by_a_cell(question: str) -> None:
    """It stands as a heading or in bold, with code below it; the README tells in which notebook."""
    asked = re.compile(rf"^(## {re.escape(question)}$|\*\*{re.escape(question)}\*\*)", re.MULTILINE)
    answered = []
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        kinds = [
            following["cell_type"]
            for cell, following in itertools.pairwise(cells)
            if cell["cell_type"] == "markdown" and asked.search("".join(cell["source"]))
        ]
        assert set(kinds) <= {"code"}
        answered += [path.name[:2]] * len(kinds)
    [line] = [line for line in README.read_text("utf-8").splitlines() if line.startswith(f"| {question} |")]
    assert answered
    assert answered == re.findall(r"\b0\d\b", line)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_model_is_shown_and_fitted(path: Path) -> None:
    code = source_of(path, "code")
    assert ".summary(" in code
    assert re.search(r"\.fit\(|\btwo_phase_fit\(|\btrain\(", code)
    assert re.search("trains|What was trained", code + source_of(path, "markdown"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_kept_and_were_made_in_order(path: Path) -> None:
    cells = cells_of(path, "code")
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    text = json.dumps(outputs)
    assert "/tmp/" not in text
    assert "Traceback" not in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_prose_comes_before_code_and_the_package_is_imported_not_written_again(path: Path) -> None:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    assert cells[0]["cell_type"] == "markdown"
    code = ast.parse(source_of(path, "code"))
    imported = [node.module for node in ast.walk(code) if isinstance(node, ast.ImportFrom)]
    assert any(module.startswith("keras_textcnn") for module in imported)
    defined = {node.name for node in ast.walk(code) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert defined <= {"misspell", "run_command"}
