"""Names that a package offers, imported from its modules when somebody asks for them."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def exports(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package (PEP 562).

    Whoever imports one module of the package is spared the imports of the others, such as PyTorch.

    Args:
        package: its ``__name__``.
        modules: by each name that it offers, the module that has it.
    """

    def look_up(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return look_up
