"""What the READMEs name exists: commands, options, files, functions, links; and both languages say the same."""

import ast
import dataclasses
import importlib
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from keras_textcnn import catalog, evaluate, predict, reproduce, serve, train, tune
from keras_textcnn.cli.arguments import Parser
from keras_textcnn.config import TrainConfig
from keras_textcnn.utils.log import logger
from tests.conftest import make_texts, write_table

ROOT = Path(__file__).parents[2]
READMES = [
    ROOT / "README.md",
    ROOT / "README.zh-CN.md",
    ROOT / "notebooks" / "README.md",
    ROOT / "tests" / "benchmarks" / "README.md",
    *sorted((ROOT / "keras_textcnn").glob("*/README.md")),
]
ROOMS = sorted(path.parent for path in (ROOT / "keras_textcnn").glob("*/__init__.py"))
TUTORIALS = (ROOT / "notebooks" / "README.md").read_text("utf-8").split("## The tutorials")[1].split("\n## ")[0]
OPTIONS = {f"--{field.name.replace('_', '-')}": field for field in dataclasses.fields(TrainConfig)}
COMMAND_MODULES = (train, tune, evaluate, predict, serve, catalog, reproduce)
MAINS = {module.__name__.rpartition(".")[2]: module for module in COMMAND_MODULES}


def blocks(path: Path) -> list[tuple[str, str]]:
    """The code blocks of a file: language and content."""
    return re.findall(r"^```(\w*)\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def commands(path: Path) -> list[str]:
    """The lines of a file that run one of the commands."""
    found = []
    for language, content in blocks(path):
        if language in ("", "text"):
            for line in re.sub(r"^\$.*\nerror: .*", "", content, flags=re.MULTILINE).splitlines():
                for part in re.split(r" [|&]+ ", line.removeprefix("$ ").split("  #")[0]):
                    match = re.match(r"(?:keras-textcnn |python -m keras_textcnn\.)(\w.*)", part)
                    if match and "--help" not in part:
                        found.append(match[1])
    return found


COMMANDS = sorted({line for path in READMES for line in commands(path)})


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one_that_the_program_takes(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [word for word in shlex.split(re.sub(r" > \S+$", "", line)) if word != "..."]
    name, *arguments = given
    parsed = []
    monkeypatch.setattr("sys.argv", [f"keras-textcnn {name}", *arguments])
    monkeypatch.setattr(MAINS[name], "run_command", lambda main, parser: parsed.append(parse(parser)) or 0)
    assert MAINS[name].main() == 0
    known = {field.name for field in dataclasses.fields(TrainConfig)}
    settings = {key: value for key, value in vars(parsed[0]).items() if key in known}
    if name == "train" and "from_run" not in settings:
        TrainConfig(**settings)


def parse(parser: Parser) -> object:
    return parser.parse_intermixed_args([word if word != "N" else "1" for word in sys.argv[1:]])


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if not link.startswith("https://"):
            place, _, anchor = link.partition("#")
            target = (path.parent / place).resolve() if place else path
            assert target.exists(), link
            headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE) if anchor else []
            assert not anchor or anchor in map(slug, headings), link


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_rooms_readme_lists_its_files(room: Path) -> None:
    text = (room / "README.md").read_text("utf-8")
    for path in room.glob("*.py"):
        assert path.name == "__init__.py" or path.name in text, path.name
    for name in re.findall(r"`([a-z_]+\.py)`", text):
        assert [*(ROOT / "keras_textcnn").rglob(name), *(ROOT / "tests").rglob(name)], name


def test_the_top_readme_is_for_five_minutes() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 200


def test_both_languages_have_the_same_commands_and_figures() -> None:
    english, chinese = (path.read_text("utf-8") for path in READMES[:2])

    def facts(text: str) -> list[object]:
        code = [re.sub(r" *#.*", "", content) for _, content in re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)]
        tables = [line.split("|")[2:] for line in text.splitlines() if re.match(r"\| `", line)]
        return [[block for block in code if "the commands" not in block and "cli/ " not in block], tables]

    assert facts(english) == facts(chinese)
    prose = [re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL) for text in (english, chinese)]
    numbers = [sorted(re.findall(r"\d+(?:[.,]\d+)*", text)) for text in prose]
    assert set(numbers[0]) - {"2017", "10", "5"} <= {*numbers[1], "1,000"} | {"1"}


@pytest.mark.parametrize("name", sorted(set(re.findall("`([^`]+)`", TUTORIALS))))
def test_what_the_table_of_tutorials_names_is_there(name: str) -> None:
    if name.startswith("--"):
        for option, value in re.findall(r"(--[a-z-]+)(?: ([a-z][a-z0-9-]*))?", name):
            choices = OPTIONS[option].metadata["argument"].get("choices")
            assert not value or not choices or value in choices
    elif name.endswith(".py"):
        assert (ROOT / "keras_textcnn" / name).exists()
    elif name.startswith("build_"):
        assert hasattr(importlib.import_module("keras_textcnn"), name)
    elif name.endswith((".json", ".txt")):
        assert name in (ROOT / "keras_textcnn" / "persistence" / "README.md").read_text("utf-8")
    elif name.endswith("/"):
        assert (ROOT / name).is_dir() or (ROOT / "keras_textcnn" / name).is_dir()
    else:
        module, function = name.rsplit(".", 1)
        assert callable(getattr(importlib.import_module(f"keras_textcnn.{module}"), function))


def test_the_notebooks_of_the_table_are_there() -> None:
    numbers = {
        number
        for group in re.findall(r"notebooks? ((?:\d\d(?: and )?)+)", TUTORIALS)
        for number in group.split(" and ")
    }
    assert numbers == {"01", "02", "03", "04"}
    assert all([*(ROOT / "notebooks").glob(f"{number}_*.ipynb")] for number in numbers)


@pytest.mark.usefixtures("without_learning")
def test_the_python_example_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, notebook = [content for language, content in blocks(ROOT / "README.md") if language == "python"]
    rows = [("a", text, label) for text, label in make_texts(90, seed=7)]
    write_table(tmp_path / "reviews.csv", rows, header=("title", "review", "stars"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logger, "handlers", [])  # show_progress() adds a handler
    monkeypatch.setattr(logger, "level", logger.level)
    monkeypatch.setattr(logger, "propagate", True)
    exec(compile(code, "README.md", "exec"), {})
    *_, answers, ngrams, accuracy = capsys.readouterr().out.splitlines()
    assert ast.literal_eval(answers)["probabilities"].keys() == {"fruit", "metal", "sea"}
    assert ngrams.startswith("[Ngram(start=")
    assert 0.3 < float(accuracy) <= 1
    assert (tmp_path / "runs" / "from-python" / "report.html").exists()
    exec(compile(notebook, "README.md", "exec"), {})
    assert "[Ngram(start=" in capsys.readouterr().out
    assert (tmp_path / "runs" / "from-a-notebook" / "report.html").exists()


def test_the_pieces_fit_together_as_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = ROOT / "keras_textcnn" / "training" / "README.md"
    [code] = [content for _, content in blocks(readme) if "TextVectorizer" in content]
    texts = [f"{word} film {number}" for number in range(20) for word in ("great", "awful")]
    given = {"texts": texts, "labels": ["good", "bad"] * 20, "other_texts": texts, "other_labels": ["good", "bad"] * 20}
    monkeypatch.chdir(tmp_path)
    results: dict[str, Any] = dict(given)
    exec(compile(code.replace(', "glove.6B.100d"', ""), readme.name, "exec"), results)
    assert results["history"].history["phase"] == ["frozen"] * 2 + ["unfrozen"] * 4
    answer = ast.literal_eval(capsys.readouterr().out.splitlines()[-1])
    assert answer["probabilities"].keys() == {"bad", "good"}
    assert (tmp_path / "fit.npz").exists()
