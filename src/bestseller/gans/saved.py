"""Trained generators on disk: weights as safetensors, and a JSON file to rebuild the network.

A generator whose latents come from codes has the codes in the same file as its weights. So the
hash of that file identifies everything that determines its images.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from bestseller.base.compute import device, to_uint8
from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, read_json, reading, sha256_file, write_json
from bestseller.gans.codes import Codes, Drawn, truncated
from bestseller.gans.conditions import Conditions
from bestseller.gans.gan import Shape
from bestseller.gans.registry import gan_class

WEIGHTS, CONFIG = "generator.safetensors", "generator.json"
CODES = "codes"  # name of the codes' tensor in the weights file
PRODUCTS = ("skus", "lines", "views")  # JSON lists in its metadata, an entry for each row of CODES
# Values of settings that older models were saved without: the code's fixed values at that time.
BEFORE = {"upsample": "transposed", "d_norm": "batch", "r1": 0.0}  # of DCGAN and D2GAN
BEFORE |= {"fmap_min": 1, "fmap_max": 512, "phases": []}  # of PGGAN


@dataclass(frozen=True)
class Config:
    """What is needed to rebuild a generator.

    Attributes:
        name: matrix item, such as ``dcgan-centroid-0``.
        gan: name in the registry.
        settings: the GAN's section of params.yaml.
        shape: the attributes of `Shape`, as a mapping.
        conditions: for each line, the views that it was trained on; the main view is first.
    """

    name: str
    gan: str
    settings: dict[str, Any]
    shape: dict[str, Any]
    conditions: dict[str, list[str]]

    def build(self) -> nn.Module:
        """Build the generator with fresh weights."""
        gan = gan_class(self.gan)
        known = {name: value for name, value in BEFORE.items() if name in gan.Settings.model_fields}
        settings = gan.Settings.model_validate(known | self.settings)
        return gan.make_generator(settings, Shape(**self.shape))


def save_generator(
    folder: Path, generator: nn.Module, config: Config, codes: Codes | None = None
) -> None:
    """Write the generator's weights, its codes if it has some, and its config.

    Args:
        folder: existing or new.
        generator: the network.
        config: what rebuilds it.
        codes: of the training images; the settings say how latents are drawn from them.
    """
    tensors = {name: tensor.contiguous().cpu() for name, tensor in generator.state_dict().items()}
    metadata = None
    if codes is not None:
        tensors[CODES] = torch.from_numpy(np.ascontiguousarray(codes.codes))
        # a single key, since the order of several keys in the file, and so its hash, would vary
        metadata = {CODES: json.dumps({name: getattr(codes, name) for name in PRODUCTS})}
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(tensors, temporary, metadata)
    write_json(folder / CONFIG, asdict(config))


class TrainedGenerator:
    """A generator to sample from.

    Attributes:
        name: matrix item, such as ``dcgan-centroid-0``.
        hash: SHA-256 of the weights file, in hexadecimal.
        lines: names of the lines that it was trained on.
        conditions: these lines with the views of each.
        z_dim: dimensions of a latent.
        codes: the codes that its latents are drawn from; None = latents are ~ N(0, I).
        sales: whether the last number of a latent is the normal quantile of a percentile of sales.
    """

    def __init__(
        self, config: Config, network: nn.Module, hash: str, codes: Codes | None = None
    ) -> None:
        self.name, self.hash = config.name, hash
        self.conditions = Conditions(config.conditions)
        self.lines = self.conditions.lines
        self.z_dim, self.conditional = config.shape["z_dim"], config.shape["lines"] > 0
        self.codes, self.sales = codes, bool(config.shape.get("sales", False))
        self.network = network.eval().requires_grad_(False).to(device())

    def draw(
        self,
        lines: Sequence[str],
        seed: int,
        *,
        truncation: float = np.inf,
        view: str | None = None,
    ) -> Drawn:
        """Draw a latent for each line; equal seeds give equal latents.

        Without codes the latents are standard normal and do not depend on the lines. With codes
        they are blends of two products or draws from a density of codes: see `Codes`. The first
        latents do not depend on the number of latents that follow.

        Args:
            lines: n names.
            seed: of the draw.
            truncation: t > 0. The normal numbers then follow a normal distribution truncated to
                [-t, t] (the truncation trick, Brock et al. 2019, section 3.1). A smaller t gives
                more typical and less varied images. Each number keeps its quantile of the draw
                without truncation.
            view: see `images`.

        Raises:
            BestsellerError: the generator was not trained on one of the lines, or on its view; or
                there are no two products to blend.
        """
        if self.codes is None:
            z = np.random.default_rng(seed).standard_normal((len(lines), self.z_dim))
            latents = truncated(z, truncation).astype(np.float32)
            return Drawn(latents, [None] * len(lines))
        self._conditions(lines, view)
        known = self.conditions.of_lines
        pools = [line if line in known else "" for line in lines]
        views = [view or (known[line][0] if line else "") for line in pools]
        return self.codes.draw(pools, seed, views=views, truncation=truncation)

    def images(
        self,
        latents: np.ndarray,
        lines: Sequence[str],
        *,
        view: str | None = None,
        batch_size: int = 128,
    ) -> np.ndarray:
        """Generate uint8 n x S x S x 3 images, one for each latent and its line.

        The network computes in float32. An unconditional generator ignores line and view.

        Args:
            latents: float32 n x z_dim.
            lines: n names.
            view: the view of all images; None = each line's main view, which is front, or the most
                frequent view of a line without front images.
            batch_size: number of images that are computed at once.

        Raises:
            BestsellerError: the generator was not trained on one of the lines, or on its view.
        """
        index = torch.from_numpy(self._conditions(lines, view)).to(device())
        z = torch.from_numpy(latents).to(device())
        with torch.inference_mode():
            parts = [
                to_uint8(self.network(part, conditions))
                for part, conditions in zip(
                    z.split(batch_size), index.split(batch_size), strict=True
                )
            ]
        return np.concatenate(parts)

    def _conditions(self, lines: Sequence[str], view: str | None) -> np.ndarray:
        if not self.conditional:
            return np.zeros(len(lines), dtype=np.int64)
        for line in lines:
            known = self.conditions.of_lines.get(line)
            if known is None:
                raise BestsellerError(f"{self.name}: line {line!r} is unknown; known: {self.lines}")
            if view is not None and view not in known:
                raise BestsellerError(
                    f"{self.name}: line {line!r} has no view {view!r}; known: {known}"
                )
        return self.conditions.numbers(lines, None if view is None else [view] * len(lines))


def load_generator(folder: str | Path) -> TrainedGenerator:
    """Load a trained generator.

    Args:
        folder: the model's folder, such as ``data/models/dcgan-plain-0``.

    Raises:
        BestsellerError: a file is missing or does not fit its config.
    """
    folder = Path(folder)
    made_by = f"dvc repro train@{folder.name}"
    told = read_json(folder / CONFIG, made_by)
    with reading(folder / CONFIG, made_by):
        config = Config(**told)
        network = config.build()
    weights = folder / WEIGHTS
    with reading(weights, f"dvc repro -f train@{folder.name}"):
        tensors, metadata = _read(weights)
        rows = tensors.pop(CODES, None)
        network.load_state_dict(tensors)
        codes = None
        if rows is not None:
            products = json.loads(metadata[CODES])
            codes = Codes.of(rows.numpy(), products, config.settings)
    return TrainedGenerator(config, network, sha256_file(weights), codes)


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
