"""A cache of image features on disk, for several stages.

Every evaluation, the comparison and the shortlist need the same features of the real images. The
name of an entry is a hash of everything that determines its values: the pixels, the network's
weights, the resize and normalisation, the number type, this code and the version of PyTorch. So an
entry can never be out of date. When a new entry is written, entries that nobody has read for 90
days are deleted, so that the monthly retraining does not fill the disk.
"""

import hashlib
import io
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from bestseller.backbones import (
    Backbone,
    FeatureSpace,
    backbone,
    efficientnet_lite,
    extract,
    networks,
    resize,
    space,
)
from bestseller.base.compute import device, has_bf16
from bestseller.base.files import atomic_path

CODE = tuple(
    Path(str(module.__file__)) for module in (backbone, efficientnet_lite, networks, resize, space)
)
KEPT_S = 90 * 24 * 3600  # seconds without a read after which an entry is deleted
DIGEST = 32  # bytes of the SHA-256 that stands before the array, to find damaged entries


class FeatureCache:
    """A folder of features. Many processes may share it, and it may be deleted at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def features(
        self, network: Backbone | FeatureSpace, images: np.ndarray, precision: str = "fp32"
    ) -> np.ndarray:
        """Return `network.features(images)`, float32 N x d, from the cache or else computed.

        Args:
            network: computes the features; a backbone gives its last features.
            images: uint8 N x H x W x 3.
            precision: ``fp32``, which every published number uses, or ``auto`` (bf16 in hardware).
        """
        path = self.folder / f"{feature_key(network, images, precision)}.npy"
        kept = _read(path)
        if kept is None:
            kept = network.features(images, precision=precision)
            _write(path, kept)
        return kept

    def extract(
        self, spaces: Sequence[FeatureSpace], images: np.ndarray, precision: str = "fp32"
    ) -> list[np.ndarray]:
        """Return `backbones.extract(spaces, images)`, from the cache or else computed together."""
        paths = [self.folder / f"{feature_key(s, images, precision)}.npy" for s in spaces]
        kept = [_read(path) for path in paths]
        missing = [place for place, features in enumerate(kept) if features is None]
        if missing:
            made = extract([spaces[p] for p in missing], images, precision=precision)
            for place, features in zip(missing, made, strict=True):
                _write(paths[place], features)
                kept[place] = features
        return [features for features in kept if features is not None]


def feature_key(
    network: Backbone | FeatureSpace,
    images: np.ndarray,
    precision: str = "fp32",
    code: Sequence[Path] = CODE,
) -> str:
    """Return the name of an entry: a SHA-256 of everything that determines its values."""
    digest = hashlib.sha256()
    layers, side = (network.layers, network.side) if isinstance(network, FeatureSpace) else ((), 0)
    network = network.backbone if isinstance(network, FeatureSpace) else network
    kind = network.architecture
    settings = [network.network_name, kind.mean, kind.std, kind.side, layers, side]
    computed = [torch.__version__, device().type, precision == "auto" and has_bf16()]
    digest.update(repr([settings, computed, images.shape, images.dtype.str]).encode())
    for path in code:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for name, tensor in network.network.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.contiguous().cpu().numpy().tobytes())
    digest.update(np.ascontiguousarray(images).tobytes())
    return digest.hexdigest()


def _read(path: Path) -> np.ndarray | None:
    """Read an entry; return None if it is missing or damaged."""
    try:
        stored = path.read_bytes()
        with suppress(PermissionError):  # another user's entry
            os.utime(path)  # notes the read, since many file systems do not
    except FileNotFoundError:
        return None
    digest, array = stored[:DIGEST], stored[DIGEST:]
    if hashlib.sha256(array).digest() != digest:
        return None
    features: np.ndarray = np.load(io.BytesIO(array), allow_pickle=False)
    return features


def _write(path: Path, features: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, features, allow_pickle=False)
    array = buffer.getvalue()
    with atomic_path(path, durable=False) as temporary:
        temporary.write_bytes(hashlib.sha256(array).digest() + array)
    for other in path.parent.glob("*.npy"):
        with suppress(FileNotFoundError, PermissionError):  # another process has deleted it
            if time.time() - other.stat().st_mtime > KEPT_S:
                other.unlink()
