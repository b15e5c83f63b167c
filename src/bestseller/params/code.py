"""Digests of a module's code without its comments: a new comment does not change a digest."""

import ast
import hashlib
import io
import tokenize
from pathlib import Path

DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def digest(file: Path) -> str:
    """Return 16 hexadecimal digits of a module's code without comments, docstrings, empty lines."""
    return hashlib.sha256(bare(file.read_text(encoding="utf-8")).encode()).hexdigest()[:16]


def bare(source: str) -> str:
    """Return source text without comments, docstrings and empty lines.

    The function only removes text. It does not print the syntax tree anew, since each version of
    Python prints it in its own way.
    """
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        first = node.body[0] if isinstance(node, DOCUMENTED) and node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            start, end = first.lineno - 1, (first.end_lineno or first.lineno) - 1
            before = lines[start].encode()[: first.col_offset].decode()
            after = lines[end].encode()[first.end_col_offset :].decode()
            lines[start : end + 1] = [before + after, *[""] * (end - start)]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def reached(file: Path) -> list[Path]:
    """Return a module and the modules of its own package that it imports, directly or not.

    Args:
        file: the module, in the folder of its package.

    Returns:
        The module itself first, then the others sorted by name.
    """
    folder = file.parent
    package = f".{folder.name}."
    found, todo = {file}, [file]
    while todo:
        for node in ast.walk(ast.parse(todo.pop().read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            names = [f".{node.module}.", *(f".{node.module}.{a.name}." for a in node.names)]
            for name in names:
                module, _, rest = name.rpartition(package)[2].partition(".")
                other = folder / f"{module}.py"
                if package in name and not rest and other.is_file() and other not in found:
                    found.add(other)
                    todo.append(other)
    return [file, *sorted(found - {file})]
