"""Texts as params.yaml declares them, in which * stands for any text."""

import re
from collections.abc import Callable, Iterable


def matcher(texts: Iterable[str]) -> Callable[[str], bool]:
    """Return what tells whether a text is one of `texts`, without regard to case.

    A lone * is any text but the empty one; the empty text is only itself.
    """
    patterns = [
        ".+" if text == "*" else ".*".join(map(re.escape, text.strip().split("*")))
        for text in texts
    ]
    pattern = re.compile("|".join(f"(?:{p})" for p in patterns), re.IGNORECASE | re.DOTALL)
    return lambda text: pattern.fullmatch(text) is not None
