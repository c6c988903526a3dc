"""Does something once another library has been imported."""

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


def after_import(name: str, action: Callable[[], object]) -> None:
    """Calls a function at once if a module is already imported, otherwise as soon as it has been imported.

    Args:
        name: The module's name.
        action: Called once, without arguments.
    """
    if name in sys.modules:
        action()
    else:
        sys.meta_path.insert(0, _Watcher(name, action))


class _Watcher:  # no subclass of importlib.abc.MetaPathFinder, whose import takes as long as this package's
    """Finds a module as the other finders do, and adds an action to its loader."""

    def __init__(self, name: str, action: Callable[[], object]) -> None:
        self._name, self._action, self._asked = name, action, False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name or self._asked:
            return None
        self._asked = True  # so that this finder is passed over
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asked = False
        if spec is not None and spec.loader is not None:
            self._extend(spec.loader)
        return spec

    def _extend(self, loader: object) -> None:
        execute = loader.exec_module  # type: ignore[attr-defined]

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if module.__name__ == self._name and self in sys.meta_path:
                sys.meta_path.remove(self)
                self._action()

        with contextlib.suppress(AttributeError):  # a loader that takes no attributes
            loader.exec_module = exec_module  # type: ignore[attr-defined]
