"""Names and texts as MLflow takes them: escaped or shortened where they have to be.

The rules are those of mlflow.utils.validation: a name has letters, digits, underscores, dashes,
periods, colons, spaces and slashes, reads as a relative path in its shortest form, and is at most
250 characters long; a setting's value has 6,000 characters at most, a tag's 8,000.
"""

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping

from mlflow.utils.validation import (
    MAX_DATASET_DIGEST_SIZE,
    MAX_DATASET_NAME_SIZE,
    MAX_ENTITY_KEY_LENGTH,
    MAX_PARAM_VAL_LENGTH,
    MAX_TAG_VAL_LENGTH,
)

RUN_NAME = 240  # characters; databases keep 250
TAKEN = re.compile(r"[/\w.\- :]+")
NOT_TAKEN = re.compile(r"[^/\w.\- :]")
NO_TEXT = re.compile("[\0\ud800-\udfff]")  # databases refuse zero bytes and halves of characters


def key(name: str) -> str:
    """Return the name that MLflow keeps for `name`: one for each, the same every time.

    The @ of matrix stages becomes a slash; what else is changed ends in a part of its SHA-256.
    """
    plain = name.replace("@", "/")
    if TAKEN.fullmatch(plain) and _is_short_path(plain) and len(plain) <= MAX_ENTITY_KEY_LENGTH:
        return plain
    mark = f"-{_digest(name)}"
    readable = posixpath.normpath(NOT_TAKEN.sub("_", plain)).strip("/. ") or "_"
    return readable.replace("../", "")[: MAX_ENTITY_KEY_LENGTH - len(mark)].rstrip("/") + mark


def shortened(text: str, most: int) -> str:
    """Return `text` in at most `most` characters; what is cut tells its length and its hash."""
    text = NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)
    if len(text) <= most:
        return text
    end = f" ... ({len(text)} characters, SHA-256 {_digest(text)})"
    return text[: most - len(end)] + end


def settings(values: Mapping[str, str]) -> dict[str, str]:
    """Return settings under names and with values that MLflow takes."""
    return {name: shortened(v, MAX_PARAM_VAL_LENGTH) for name, v in _named(values).items()}


def tags(values: Mapping[str, str]) -> dict[str, str]:
    """Return tags under names and with values that MLflow takes."""
    return {name: shortened(v, MAX_TAG_VAL_LENGTH) for name, v in _named(values).items()}


def dataset(path: str, digest: str) -> tuple[str, str]:
    """Return a dataset's name and digest as MLflow takes them."""
    return (
        shortened(path, MAX_DATASET_NAME_SIZE),
        digest
        if len(digest) <= MAX_DATASET_DIGEST_SIZE
        else hashlib.md5(digest.encode()).hexdigest(),
    )


def altered(names: Iterable[str], values: Mapping[str, str], most: int) -> list[str]:
    """Return the names that are changed or whose values are, in order."""
    return [
        name
        for name in [*names, *values]
        if key(name) != name.replace("@", "/")
        or (name in values and shortened(values[name], most) != values[name])
    ]


def _named(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values by `key`; where two names would be one, the later gets its hash too."""
    result: dict[str, str] = {}
    for name, value in values.items():
        ours = key(name)
        result[key(f"{name}\0") if ours in result else ours] = value
    return result


def _is_short_path(name: str) -> bool:
    path = posixpath.normpath(name)
    return path == name and path != "." and not path.startswith(("..", "/"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
