"""Every measured figure in the READMEs has the command that gives it, and every command that they name exists."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from keras_textcnn.cli.arguments import Parser
from tests.repository.figures import (
    COMMAND,
    NOT_MEASURED,
    PAGES,
    ROOT,
    commands,
    figures,
    figures_without_command,
    gives_figures,
    read_sections,
    spans,
)
from tests.repository.test_readme import MAINS, OPTIONS

TEXTS = {page: page.read_text("utf-8") for page in PAGES}
COMMANDS = sorted({command for text in TEXTS.values() for command in commands(text)})
WITHIN_LINES = sorted({command for text in TEXTS.values() for span in spans(text) for command in commands(f"`{span}`")})
PAGE = ROOT / "README.md"
COMMAND_OF_IT = "`python\ntests/benchmarks/roofline.py`"


def found(text: str, **others: str) -> list[str]:
    pages = {PAGE: text} | {ROOT / f"{name}.md": other for name, other in others.items()}
    return figures_without_command({page: read_sections(page, text) for page, text in pages.items()})


def test_every_figure_has_a_command() -> None:
    assert figures_without_command({page: read_sections(page, text) for page, text in TEXTS.items()}) == []


@pytest.mark.parametrize(
    "figure",
    [
        "3.4 s",
        "1,186 MiB",
        "24 minutes",
        "half a second",
        "two to three times as long",
        "a third of the time",
        "3.4 秒",
        "8.3 million tokens a second",
        "0.7 points more",
        "99.4% of it",
        "an accuracy of 0.578",
        "80.65 ± 1.39",
    ],
)
def test_a_bare_figure_is_found(figure: str) -> None:
    assert len(found(f"# A room\n\nIt takes {figure}.\n")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "at most `--memory 1024`",
        "Python 3.11, Keras 3.15.1",
        "windows 3, 4 and 5",
        "a learning rate of 0.002",
        "in 2015",
        "`python tests/benchmarks/few_texts.py FOLDER --sizes 50 100`",
        "```python\nsleep(3)  # 3 seconds\n```",
    ],
)
def test_settings_and_versions_are_no_figures(text: str) -> None:
    assert figures(text) == []


@pytest.mark.parametrize(
    "text",
    [
        f"# A room\n\nIt takes 3 s ({COMMAND_OF_IT}).",
        f"# A room\n\nMeasured by {COMMAND_OF_IT}:\n\n| | s |\n|---|---|\n| ours | 10.25 |\n\nIt is 3 times as fast.",
        "# A room\n\nIt takes 3 s:\n\n```\nkeras-textcnn train reuters-r8 --seed 1\n```",
        "# A room\n\nIt prints:\n\n```text\n$ keras-textcnn evaluate runs/trec trec\naccuracy 97.72\n```",
        f"# A room\n\nAll is measured by {COMMAND_OF_IT}.\n\n## A part\n\nSome words.\n\nIt takes 3 s.",
        "# A room\n\nIt takes [3 s](other.md#how-fast).",
    ],
)
def test_a_command_near_it_is_enough(text: str) -> None:
    assert found(text, other=f"# Other\n\n## How fast?\n\nIt takes 3 s ({COMMAND_OF_IT}).") == []


@pytest.mark.parametrize(
    "text",
    [
        f"# A room\n\nSome words.\n\nIt takes 3 s.\n\nMeasured by {COMMAND_OF_IT}.",
        f"# A room\n\nSome words.\n\n- It takes 3 s.\n- Measured by {COMMAND_OF_IT}.",
        f"# A room\n\n## A part\n\nMeasured by {COMMAND_OF_IT}.\n\n## Another\n\nIt takes 3 s.",
        "# A room\n\nIt takes 3 s (`keras-textcnn train reviews.csv`).",
        "# A room\n\nIt takes 3 s (`ls`).",
        "# A room\n\nIt takes [3 s](other.md).",
        "# A room\n\nIt takes [3 s](other.md#how-large).",
    ],
)
def test_a_command_elsewhere_or_of_the_readers_own_files_is_not(text: str) -> None:
    assert len(found(text, other=f"# Other\n\n## How fast?\n\n{COMMAND_OF_IT}\n\n## How large?\n\nLarge.")) == 1


@pytest.mark.parametrize(
    "command",
    [
        "keras-textcnn train",
        "keras-textcnn train --model conv1d-dilated",
        "keras-textcnn train trec --from runs/reuters-r8",
        "keras-textcnn tune --data trec --trials 3",
        "keras-textcnn evaluate runs/trec trec",
        'keras-textcnn predict runs/reuters-r8 "oil prices" --top 2',
        "keras-textcnn reproduce trec reuters-r8",
        "python -m keras_textcnn.text.make_glove_table FILE",
        "pytest tests/evaluation",
    ],
)
def test_commands_that_give_figures(command: str) -> None:
    assert gives_figures(command)


@pytest.mark.parametrize(
    "command",
    [
        "keras-textcnn train reviews.csv",
        "keras-textcnn train --data reviews.csv",
        "keras-textcnn train --seeds 3 --data=reviews.csv",
        "keras-textcnn train trec --test-data later.csv",
        "keras-textcnn train --help",
        "keras-textcnn evaluate",
        "keras-textcnn evaluate runs/trec later.csv",
        "keras-textcnn predict runs/trec texts.txt",
        "keras-textcnn catalog",
        "keras-textcnn serve",
        "keras-textcnn serve runs/trec",
        "ls",
    ],
)
def test_commands_that_give_none(command: str) -> None:
    assert not gives_figures(command)


@pytest.mark.parametrize("phrase", NOT_MEASURED)
def test_exceptions_are_still_needed(phrase: str) -> None:
    assert any(phrase in " ".join(text.split()) for text in TEXTS.values())


def options_of(script: Path) -> set[str]:
    """The options of a benchmark, and of those that it imports; the options of train, if it takes them."""
    options: set[str] = set()
    for node in ast.walk(ast.parse(script.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="add_argument"), args=[ast.Constant(value=str(name)), *_]):
                options.add(name)
            case ast.Call(func=ast.Attribute(attr="add_options")):
                options |= set(OPTIONS)
            case ast.ImportFrom(module=str(module)) if (script.parent / f"{module}.py").exists():
                options |= options_of(script.parent / f"{module}.py")
    return options


def named_options(command: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[\w-]+", command))


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("python tests/")])
def test_a_benchmark_that_is_named_exists_and_has_the_options(command: str) -> None:
    script = ROOT / command.split()[1]
    assert script.is_file()
    assert named_options(command) <= options_of(script)


@pytest.mark.parametrize("command", [command for command in WITHIN_LINES if re.match("keras|python -m keras", command)])
def test_a_command_of_the_package_within_a_line_exists_and_has_the_options(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    match = COMMAND.match(command)
    assert match
    if match[1] not in MAINS:  # another module, as in `python -m keras_textcnn.text.make_glove_table`
        assert importlib.util.find_spec(command.split()[2])
        return
    parsers: list[Parser] = []

    def keep(main: object, parser: Parser) -> int:
        parsers.append(parser)
        return 0

    monkeypatch.setattr("sys.argv", [match[1]])
    monkeypatch.setattr(MAINS[match[1]], "run_command", keep)
    MAINS[match[1]].main()
    assert named_options(command) <= set(parsers[0]._option_string_actions)


@pytest.mark.parametrize("command", [command for command in COMMANDS if re.match("pytest|python -m tests", command)])
def test_tests_that_are_named_exist(command: str) -> None:
    for module in re.findall(r"-m (tests[\w.]+)", command):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
    for marker in re.findall(r"^pytest.* -m (\w+)", command):
        assert f"\n    {marker}: " in (ROOT / "setup.cfg").read_text("utf-8")
    for word in re.findall(r" -k (\w+)", command):
        assert any(word in path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
