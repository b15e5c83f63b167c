"""What dvc.lock says about each stage of the pipeline."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bestseller.base.errors import BestsellerError
from bestseller.base.files import require
from bestseller.base.lockfile import LOCK_FILE
from bestseller.params import read_yaml

PIPELINE_FILE = "dvc.yaml"


def canonical_hash(value: Any) -> str:
    """Return the SHA-256 of `value` as JSON with sorted keys, in hexadecimal."""
    text = json.dumps(as_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def as_json(value: Any) -> Any:
    """Return what YAML can hold as JSON can: keys as text, and days, times and sets too."""
    if isinstance(value, Mapping):
        return {_name(key): as_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        parts = [as_json(part) for part in value]
        return sorted(parts, key=str) if isinstance(value, set | frozenset) else parts
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _name(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(as_json(key))


def stage_hash(entry: Mapping[str, Any]) -> str:
    """Return what identifies one execution: the hash of its command, deps, params and outs."""
    return canonical_hash(entry)


def pipeline_stages(
    folder: Path, items: Collection[str], leave_out: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """Read the lock entries of the stages that dvc.yaml and the matrix have today.

    DVC keeps the entry of a stage or a matrix item that was removed. Such entries are left out.

    Args:
        folder: the checkout.
        items: names of today's matrix items, the part of a stage's name behind its @.
        leave_out: stages that are not wanted.

    Returns:
        The entries by stage name, in the lock's order.

    Raises:
        BestsellerError: dvc.lock is missing, or holds none of the pipeline's stages.
    """
    locked = read_yaml(require(folder / LOCK_FILE, "dvc repro")).get("stages") or {}
    defined = read_yaml(folder / PIPELINE_FILE).get("stages") or {}

    def stands(name: str) -> bool:
        base, at, item = name.partition("@")
        return base in defined and base not in leave_out and (not at or item in items)

    stages = {name: dict(entry) for name, entry in locked.items() if stands(name)}
    if not stages:
        raise BestsellerError(f"{folder / LOCK_FILE}: holds no stage yet; run `dvc repro` first")
    return stages
