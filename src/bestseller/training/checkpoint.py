"""Checkpoints that a killed training resumes from, and nothing else ever trusts.

They lie outside DVC's outputs under a fingerprint of everything that decides the training, so a
changed setting, image or version of the code never resumes an old state. The versions are numbers,
that of the trainer and that of the model: whoever changes what a step computes raises them, and
tests/test_versions.py says so to those who forget. A new comment costs nobody a checkpoint.
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
    """Return 16 hexadecimal digits of settings, files' contents and torch's version.

    Args:
        settings: plain values: of the training, and the versions of its code.
        files: its data.
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
        """Remove this training's checkpoints, those of older settings as well."""
        for path in self.path.parent.glob("*.pt"):
            path.unlink()
