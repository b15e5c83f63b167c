"""Which version of the code made a number.

The version is a hash of what the modules compute that train and measure: their sources without
comments, docstrings, blank lines and imports, whatever their names. A mended comment or a renamed
package reruns nothing; a changed formula reruns everything.
"""

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterable, Sequence
from pathlib import Path

from bestseller.study.claims import DIGITS

# Modules of these names say what settings are allowed, tell people things or read and write files.
NO_NUMBERS = frozenset(
    {"claims", "errors", "files", "layout", "live", "params", "progress", "table", "tracking"}
)


def code_version(scripts: Sequence[Path], source: Path) -> str:
    """Return the version of some scripts, in hexadecimal.

    Args:
        scripts: what they import from the package, directly or not, counts; they themselves, which
            hold no formula, do not.
        source: folder that holds the package ``bestseller``.
    """
    modules = used(scripts, source)
    hashes = sorted(hashlib.sha256(essence(path).encode()).hexdigest() for path in modules)
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()[:DIGITS]


def used(scripts: Sequence[Path], source: Path) -> list[Path]:
    """Return the package's modules that decide numbers and that the scripts import, sorted."""
    found: set[Path] = set()
    todo = list(scripts)
    while todo:
        for name in imported(todo.pop()):
            parts = name.split(".")
            if parts[0] != "bestseller" or not NO_NUMBERS.isdisjoint(parts):
                continue
            file = _module(parts, source)
            if file is not None and file not in found:
                found.add(file)
                todo.append(file)
    return sorted(found)


def _module(parts: Sequence[str], source: Path) -> Path | None:
    """Return the file of a dotted name: a module, or the one that it is an attribute of."""
    for end in range(len(parts), 1, -1):
        place = source.joinpath(*parts[:end])
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
    return None


def imported(path: Path) -> Iterable[str]:
    """Return the dotted names that a module imports; a name of a module may be one's attribute."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def essence(path: Path) -> str:
    """Return a module's source without imports, docstrings, comments and blank lines."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in _dropped(ast.parse(text)):
        for row in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            lines[row - 1] = ""
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _dropped(tree: ast.AST) -> list[ast.stmt]:
    found: list[ast.stmt] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        body: Sequence[ast.stmt] = getattr(node, "body", []) if _has_docstring(node) else []
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            found.append(body[0])
    return found


def _has_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
