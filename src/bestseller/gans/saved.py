"""Trained generators on disk: weights as safetensors, and a JSON of what rebuilds them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from bestseller.compute import device, to_uint8
from bestseller.errors import BestsellerError
from bestseller.files import atomic_path, read_json, require, sha256_file, write_json
from bestseller.gans.gan import Shape
from bestseller.gans.registry import gan_class

WEIGHTS, CONFIG = "generator.safetensors", "generator.json"


@dataclass(frozen=True)
class Config:
    """What is needed to rebuild a generator.

    Attributes:
        name: matrix item, such as ``dcgan-centroid-0``.
        gan: name in the registry.
        settings: the GAN's section of params.yaml.
        shape: sizes, as a mapping of `Shape`.
        lines: names of the catalogue's lines in the order of their indices.
    """

    name: str
    gan: str
    settings: dict[str, Any]
    shape: dict[str, int]
    lines: list[str]

    def build(self) -> nn.Module:
        """Build the generator with fresh weights."""
        gan = gan_class(self.gan)
        return gan.make_generator(gan.Settings.model_validate(self.settings), Shape(**self.shape))


def save_generator(folder: Path, generator: nn.Module, config: Config) -> None:
    """Write the generator's weights and config into an existing or new folder."""
    weights = {name: tensor.contiguous().cpu() for name, tensor in generator.state_dict().items()}
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(weights, temporary)
    write_json(folder / CONFIG, asdict(config))


class TrainedGenerator:
    """A generator to sample from.

    Attributes:
        name: matrix item, such as ``dcgan-centroid-0``.
        hash: SHA-256 of the weights file, in hexadecimal.
        lines: names of the lines that it was trained on.
        z_dim: dimensions of a latent.
    """

    def __init__(self, config: Config, network: nn.Module, hash: str) -> None:
        self.name, self.lines, self.hash = config.name, config.lines, hash
        self.z_dim, self.conditional = config.shape["z_dim"], config.shape["lines"] > 0
        self.network = network.eval().requires_grad_(False).to(device())

    def latents(self, n: int, seed: int) -> np.ndarray:
        """Draw float32 n x z_dim standard normal latents; equal seeds give equal latents."""
        return np.random.default_rng(seed).standard_normal((n, self.z_dim)).astype(np.float32)

    def images(
        self, latents: np.ndarray, lines: Sequence[str], batch_size: int = 128
    ) -> np.ndarray:
        """Generate uint8 n x S x S x 3 images, one for each latent and its line.

        Computed in float32; an unconditional generator takes no notice of the lines.

        Raises:
            BestsellerError: the generator was not trained on one of the lines.
        """
        index = torch.from_numpy(self._indices(lines)).to(device())
        z = torch.from_numpy(latents).to(device())
        with torch.inference_mode():
            parts = [
                to_uint8(self.network(part, line))
                for part, line in zip(z.split(batch_size), index.split(batch_size), strict=True)
            ]
        return np.concatenate(parts)

    def _indices(self, lines: Sequence[str]) -> np.ndarray:
        if not self.conditional:
            return np.zeros(len(lines), dtype=np.int64)
        known = {line: index for index, line in enumerate(self.lines)}
        for line in lines:
            if line not in known:
                raise BestsellerError(
                    f"{self.name}: line {line!r} is unknown; known: {list(known)}"
                )
        return np.array([known[line] for line in lines], dtype=np.int64)


def load_generator(folder: str | Path) -> TrainedGenerator:
    """Load a trained generator.

    Args:
        folder: the model's folder, such as ``data/models/dcgan-plain-0``.

    Raises:
        BestsellerError: a file is missing or does not fit its config.
    """
    folder = Path(folder)
    config = Config(**read_json(folder / CONFIG, f"dvc repro train@{folder.name}"))
    weights = require(folder / WEIGHTS, f"dvc repro train@{folder.name}")
    network = config.build()
    try:
        network.load_state_dict(load_file(weights))
    except Exception as error:
        first = str(error).splitlines()[0]
        raise BestsellerError(
            f"{weights}: {first}; run `dvc repro -f train@{folder.name}`"
        ) from error
    return TrainedGenerator(config, network, sha256_file(weights))
