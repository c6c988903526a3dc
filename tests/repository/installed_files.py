"""A check of what pip installed, which the tests of a checkout cannot make: every file of the package is there.

    python tests/repository/installed_files.py

Python then looks for the package beside this file, where it is not, and finds the installed one.
"""

import importlib.util
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2] / "keras_textcnn"


def files_of(package: Path) -> set[str]:
    """Its code and data by path within it; READMEs are for readers of the repository."""
    paths = (path.relative_to(package) for path in package.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if path.name != "README.md" and "__pycache__" not in path.parts}


def main() -> str | None:
    """What is wrong, or None."""
    spec = importlib.util.find_spec("keras_textcnn")
    if spec is None or spec.origin is None:
        return "keras_textcnn is not installed"
    installed = Path(spec.origin).parent
    if installed == CHECKOUT:
        return f"{installed} is the checkout: install the package, and leave PYTHONPATH empty"
    missing = sorted(files_of(CHECKOUT) - files_of(installed))
    return f"{installed} lacks {', '.join(missing)}: see package_data in setup.cfg" if missing else None


if __name__ == "__main__":
    sys.exit(main())
