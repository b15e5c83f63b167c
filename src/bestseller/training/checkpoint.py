"""Checkpoints: a training that was killed continues from its last one.

Checkpoints are no outputs of DVC. The name of a checkpoint contains a fingerprint of everything
that determines the training: settings, images, the version of torch, and the version numbers of
trainer and model. So a checkpoint of other settings, images or code is never used. Whoever changes
what a step computes must raise a version number; tests/test_versions.py fails until this is done.
A changed comment needs no new number, so checkpoints stay valid.
"""

import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import torch

from bestseller.base.files import atomic_path, sha256_file

DIGEST = hashlib.sha256().digest_size  # bytes in front of the state


def fingerprint(settings: object, files: list[Path]) -> str:
    """Return a hash, 16 hexadecimal digits, of settings, files' contents and torch's version.

    Args:
        settings: plain values: the training's settings and the version numbers of its code.
        files: the training's data.
    """
    parts = [json.dumps(settings, sort_keys=True), torch.__version__]
    parts += [sha256_file(path) for path in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


class Checkpoint:
    """One training's checkpoint file."""

    def __init__(self, folder: Path, name: str, key: str) -> None:
        self.path = folder / name / f"{key}.pt"

    def save(self, state: dict[str, Any]) -> None:
        """Write the state behind its SHA-256; a kill in between leaves the last one."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        data = buffer.getbuffer()
        with atomic_path(self.path) as temporary, temporary.open("wb") as file:
            file.write(hashlib.sha256(data).digest())
            file.write(data)

    def load(self) -> dict[str, Any] | None:
        """Return the last state, or None where there is none.

        A damaged file, as a disk that loses bits leaves, is told and removed: the training begins
        anew. PyTorch itself would go on with weights of which a bit has turned.
        """
        if not self.path.exists():
            return None
        data = memoryview(self.path.read_bytes())
        if hashlib.sha256(data[DIGEST:]).digest() == data[:DIGEST]:
            buffer = io.BytesIO(data[DIGEST:])
            return dict(torch.load(buffer, map_location="cpu", weights_only=True))
        told = f"{self.path}: damaged, so it is removed and the training begins anew"
        print(told, file=sys.stderr, flush=True)
        self.path.unlink(missing_ok=True)
        return None

    def clear(self) -> None:
        """Remove all checkpoints of this training, also those of older settings."""
        for path in self.path.parent.glob("*.pt"):
            path.unlink()
