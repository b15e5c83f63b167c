"""The training images as a score remembers them: features and skus, without the pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from safetensors.numpy import load_file, save_file

from bestseller.backbones import FeatureSpace
from bestseller.files import atomic_path, read_json, require, write_json
from bestseller.metrics.novelty import NoveltyTest
from bestseller.params import Space

NAME = "known"
MADE_BY = "dvc repro backtest"
COLUMNS = ["sku", "line"]


@dataclass(frozen=True)
class KnownImages:
    """What an image's novelty is held against.

    Attributes:
        space: in which distances are measured, and the score is fitted.
        novelty: distances to the training images, mirrored or not.
        training: sku and line of these images, row i for row i of the novelty test.
    """

    space: Space
    novelty: NoveltyTest
    training: pd.DataFrame

    @classmethod
    def of(cls, space: FeatureSpace, novelty: NoveltyTest, index: pd.DataFrame) -> Self:
        """Remember the training images that `index` describes."""
        settings = Space(
            network=space.backbone.network_name, layers=list(space.layers), side=space.side
        )
        return cls(settings, novelty, index[COLUMNS].reset_index(drop=True))

    def save(self, folder: str | Path) -> None:
        """Write known.safetensors, known.json and known.parquet into `folder`."""
        folder, test = Path(folder), self.novelty
        arrays = {
            "reference": test.reference.astype(np.float32),  # as the network computed them
            "clusters": test.clusters.astype(np.int64),
            "real_distances": test.real_distances,
        }
        with atomic_path(folder / f"{NAME}.safetensors") as temporary:
            save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, temporary)
        with atomic_path(folder / f"{NAME}.parquet") as temporary:
            self.training.to_parquet(temporary, index=False)
        numbers = {"images": test.images, "threshold": test.threshold, "size": test.size}
        write_json(folder / f"{NAME}.json", {"space": self.space.model_dump()} | numbers)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote.

        Raises:
            BestsellerError: a file is missing.
        """
        folder = Path(folder)
        described = read_json(folder / f"{NAME}.json", MADE_BY)
        arrays = load_file(require(folder / f"{NAME}.safetensors", MADE_BY))
        training = pd.read_parquet(require(folder / f"{NAME}.parquet", MADE_BY))
        novelty = NoveltyTest(
            arrays["reference"].astype(np.float64),
            arrays["clusters"],
            described["images"],
            described["threshold"],
            described["size"],
            arrays["real_distances"],
        )
        return cls(Space.model_validate(described["space"]), novelty, training)
