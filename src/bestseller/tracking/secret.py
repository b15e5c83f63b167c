"""What in the settings may be a secret, and texts without it.

Settings go into MLflow, as parameters and as files. A command that is run to notify people may name
a webhook, and an address may carry a password or a token.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

HIDDEN = "(hidden)"
COMMANDS = ("notify",)  # keys whose whole value is hidden
SHORTEST = 4  # characters; shorter ones are no secret and stand in every text
_WAYS = {'"': r'\\?"|&(?:quot|#34);', "'": "''?|&#(?:x27|39);", "&": "&(?:amp;)?", "<": "<|&lt;"}
_WAYS = {character: f"(?:{ways})" for character, ways in _WAYS.items()}
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)
_KEY = re.compile(r"(?:key|token|secret|pass\w*|auth|sig\w*|credential|code)$", re.IGNORECASE)


def secrets_of(settings: Any) -> set[str]:
    """Return the texts in nested settings that may be secrets: commands, passwords, tokens."""
    if isinstance(settings, Mapping):
        found: set[str] = set()
        for key, value in settings.items():
            whole = isinstance(value, str) and (key in COMMANDS or _KEY.search(str(key)))
            found |= {value} if whole else secrets_of(value)
        return {text for text in found if len(text) >= SHORTEST}
    if isinstance(settings, list | tuple):
        return set().union(*map(secrets_of, settings))
    if isinstance(settings, str):
        found = set().union(*map(_of_address, _ADDRESS.findall(settings)))
        return {text for text in found if len(text) >= SHORTEST}
    return set()


def _of_address(address: str) -> set[str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return {address}
    user, at, _ = parts.netloc.rpartition("@")
    found = {user} if at else set()
    for pair in parts.query.split("&"):
        name, _, value = pair.partition("=")
        if _KEY.search(name):
            found.add(value)
    return found


def without(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with each secret replaced, in the ways that YAML, JSON and HTML write it."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub("".join(map(_written, secret)), HIDDEN, text)
    return text


def _written(character: str) -> str:
    """Return a pattern of what a character of a text may become in a file."""
    if character.isspace():
        return r"[\s\\]+"  # YAML folds a long line there
    return _WAYS.get(character) or re.escape(character)
