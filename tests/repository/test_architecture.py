"""Tests the structure of the package: which module imports which, and what has a docstring."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "keras_textcnn"
FILES = {path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", "."): path for path in PACKAGE.rglob("*.py")}
COMMANDS = ["__main__", "train", "tune", "evaluate", "predict", "serve", "reproduce", "catalog"]
ROOMS = ["cli", "scale", "training", "evaluation", "inference", "persistence", "models", "recipes"]
ROOMS += ["data", "layers", "text", "io", "utils"]
FOUNDATION = ["config", "tasks", "settings", "presets", "own_functions", "errors", "formulas"]
ORDER = [COMMANDS, ["estimator"], *([name] for name in [*ROOMS, *FOUNDATION])]  # each may import those after it


def imports_of(path: Path) -> set[str]:
    """Modules of the package that a file imports, at the top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "keras_textcnn":
            inside = (node.module or "").removeprefix("keras_textcnn").removeprefix(".")
            members = {f"{inside}.{alias.name}".removeprefix(".") for alias in node.names}
            found |= members & set(FILES) or {inside}
        if isinstance(node, ast.Import):
            found |= {a.name.removeprefix("keras_textcnn.") for a in node.names if a.name.startswith("keras_textcnn")}
    return found


def place_of(module: str) -> int:
    """The position in `ORDER` of a module, or of the room that it is in."""
    return next(place for place, names in enumerate(ORDER) if module.split(".")[0] in names)


@pytest.mark.parametrize("name", [name for name in FILES if name != "__init__"])
def test_a_room_uses_only_those_below_it(name: str) -> None:
    above = {module for module in imports_of(FILES[name]) if place_of(module) < place_of(name)}
    assert not above, f"{name} imports {above}"


def test_the_package_has_nothing_but_commands_rooms_and_foundation() -> None:
    assert {name.split(".")[0] for name in FILES} - {"__init__"} <= {*COMMANDS, "estimator", *ROOMS, *FOUNDATION}


def test_imports_make_no_circle() -> None:
    graph = {name.removesuffix(".__init__"): imports_of(path) for name, path in FILES.items()}
    done: set[str] = set()
    while ready := {name for name in graph if name not in done and graph[name] <= done}:
        done |= ready
    assert done == set(graph)


@pytest.mark.parametrize("name", FILES)
def test_public_names_have_a_docstring(name: str) -> None:
    tree = ast.parse(FILES[name].read_text("utf-8"))
    assert ast.get_docstring(tree), name
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for scope in [tree, *classes]:
        for node in scope.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                overrides = isinstance(scope, ast.ClassDef) and scope.bases
                assert overrides or ast.get_docstring(node), f"{name}.{node.name}"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import keras_textcnn; dir(keras_textcnn)", 0),
        ("import sys; sys.argv[1:] = ['--help']; from keras_textcnn.train import main; main()", 0),
        ("import sys; sys.argv[1:] = ['--help']; from keras_textcnn.predict import main; main()", 0),
        ("import sys; sys.argv[1:] = ['--help']; from keras_textcnn.tune import main; main()", 0),
        ("import sys; sys.argv[1:] = ['--minutes', '0']; from keras_textcnn.tune import main; main()", 2),
        ("import sys; sys.argv[1:] = ['--help']; from keras_textcnn.serve import main; main()", 0),
        ("import sys; sys.argv[1:] = ['nowhere']; from keras_textcnn.serve import main; sys.exit(main())", 2),
        ("import sys; sys.argv[1:] = ['--help']; from keras_textcnn.evaluate import main; main()", 0),
        ("import sys; sys.argv[1:] = ['--help']; from keras_textcnn.reproduce import main; main()", 0),
        ("import sys; sys.argv[1:] = ['x']; from keras_textcnn.evaluate import main; sys.exit(main())", 2),
        ("import sys; sys.argv[1:] = []; from keras_textcnn.catalog import main; main()", 0),
        ("import sys; sys.argv[1:] = ['--seed', 'x']; from keras_textcnn.train import main; main()", 2),
        ("import sys; sys.argv[1:] = ['--data', 'no.csv']; from keras_textcnn.train import main; sys.exit(main())", 2),
        ("import sys; sys.argv[1:] = ['nowhere']; from keras_textcnn.predict import main; sys.exit(main())", 2),
    ],
)
def test_without_importing_tensorflow(code: str, status: int) -> None:
    watched = f"import atexit, sys; atexit.register(lambda: print([m for m in {HEAVY} if m in sys.modules])); {code}"
    done = subprocess.run([sys.executable, "-c", watched], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


HEAVY = ["tensorflow", "keras", "sklearn", "matplotlib"]


def test_every_public_name_is_there() -> None:
    import keras_textcnn

    assert all(getattr(keras_textcnn, name).__name__ == name for name in keras_textcnn.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = keras_textcnn.nothing


@pytest.mark.parametrize(
    "path", sorted((PACKAGE.parent / "tests" / "benchmarks").glob("*.py")), ids=lambda path: path.stem
)
def test_what_a_benchmark_takes_from_the_package_is_there(path: Path) -> None:
    """Benchmarks import inside functions, and no test runs them."""
    tree = ast.parse(path.read_text("utf-8"))
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "keras_textcnn":
            for alias in node.names:
                if f"{node.module}.{alias.name}".removeprefix("keras_textcnn.") in FILES:
                    modules[alias.asname or alias.name] = importlib.import_module(f"{node.module}.{alias.name}")
                else:
                    assert hasattr(importlib.import_module(str(node.module)), alias.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            assert hasattr(modules[node.value.id], node.attr), f"{node.value.id}.{node.attr}"
