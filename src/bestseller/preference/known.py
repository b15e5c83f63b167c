"""The training images as a score remembers them: features and skus, without the pixels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from bestseller.backbones import FeatureSpace
from bestseller.base.files import atomic_path, read_json, read_table, reading, write_json
from bestseller.images.split import split
from bestseller.images.store import ImageSet
from bestseller.metrics.copies import CopyTest
from bestseller.metrics.neighbours import Neighbours
from bestseller.metrics.novelty import NoveltyTest
from bestseller.metrics.pixels import PixelTest
from bestseller.metrics.yardstick import blurred
from bestseller.params import Space
from bestseller.preference.floor import FLOOR_BLUR, PictureFloor

NAME = "known"
MADE_BY = "dvc repro backtest"
COLUMNS = ["sku", "line"]
PIXEL_ARRAYS = ("soft", "sharp", "soft_whitening", "sharp_whitening", "scales")

Images = NDArray[np.uint8]
Features = NDArray[np.float32]


@dataclass(frozen=True)
class KnownImages:
    """What an image's novelty is measured against.

    Attributes:
        space: in which distances are measured, and the score is fitted.
        copies: the copy test in that space and on pixels.
        training: sku and line of these images, row i for row i of the tests.
        floor: below which a picture is not shown.
    """

    space: Space
    copies: CopyTest
    training: pd.DataFrame
    floor: PictureFloor

    @property
    def novelty(self) -> NoveltyTest:
        """Distances to the training images, mirrored or not, in the score's space."""
        return next(iter(self.copies.spaces.values()))

    @classmethod
    def of(
        cls, space: FeatureSpace, images: ImageSet, features: Callable[[Images], Features]
    ) -> Self:
        """Remember the training images of a set, and calibrate on the held-out ones.

        Args:
            space: the score's.
            images: the processed images.
            features: gives those of uint8 images in this space.

        Raises:
            BestsellerError: no image is held out, or there is one design.
        """
        settings = Space(
            network=space.backbone.network_name, layers=list(space.layers), side=space.side
        )
        train, test = split(images)
        pixels, held_out = np.asarray(train.images), np.asarray(test.images)
        clusters, unseen = train.index["cluster"].to_numpy(), features(held_out)
        known, mirrored = features(pixels), features(np.ascontiguousarray(pixels[:, :, ::-1]))
        novelty = NoveltyTest.fit(known, clusters, unseen, mirrored)
        by_pixels = PixelTest.fit(pixels, clusters, held_out)
        copies = CopyTest.fit({space.name: novelty}, by_pixels, held_out, {space.name: unseen})
        floor = PictureFloor.fit(known, unseen, features(blurred(held_out, FLOOR_BLUR)))
        return cls(settings, copies, train.index[COLUMNS].reset_index(drop=True), floor)

    def neighbours(self, images: Images, features: Features) -> dict[str, Neighbours]:
        """Return the nearest training image of each image by features, then by pixels."""
        return self.copies.neighbours(images, {name: features for name in self.copies.spaces})

    def classes(self, near: Mapping[str, Neighbours], unlike: NDArray[np.bool_]) -> list[str]:
        """Return each image's class, see `metrics.novelty`.

        Args:
            near: from `neighbours`.
            unlike: for which images a detector finds no product that they are like.
        """
        by_features = next(iter(near.values()))
        return self.novelty.classes(by_features, unlike, self.copies.flagged(near))

    def save(self, folder: str | Path) -> None:
        """Write known.safetensors, known.json and known.parquet into `folder`."""
        folder, test, pixels = Path(folder), self.novelty, self.copies.pixels
        arrays = {
            "reference": test.reference.astype(np.float32),  # as the network computed them
            "clusters": test.clusters.astype(np.int64),
            "real_distances": test.real_distances,
        }
        arrays |= {f"pixels.{name}": getattr(pixels, name) for name in PIXEL_ARRAYS}
        with atomic_path(folder / f"{NAME}.safetensors") as temporary:
            save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, temporary)
        with atomic_path(folder / f"{NAME}.parquet") as temporary:
            self.training.to_parquet(temporary, index=False)
        described = {
            "space": self.space.model_dump(),
            "name": next(iter(self.copies.spaces)),
            "images": test.images,
            "threshold": test.threshold,
            "size": test.size,
            "pixels": {k: getattr(pixels, k) for k in ("size", "threshold", "size_of_test")},
            "copies": {"limit": self.copies.limit, "size": self.copies.size},
            "floor": self.floor.settings(),
        }
        write_json(folder / f"{NAME}.json", described)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote.

        Raises:
            BestsellerError: a file is missing or damaged.
        """
        folder = Path(folder)
        described = read_json(folder / f"{NAME}.json", MADE_BY)
        with reading(folder / f"{NAME}.safetensors", MADE_BY) as path:
            arrays = load_file(path)
        training = read_table(folder / f"{NAME}.parquet", MADE_BY)
        images, clusters = described["images"], arrays["clusters"]
        novelty = NoveltyTest(
            arrays["reference"].astype(np.float64),
            clusters,
            images,
            described["threshold"],
            described["size"],
            arrays["real_distances"],
        )
        by_pixels = PixelTest(
            clusters=clusters[:images],
            soft=arrays["pixels.soft"],
            sharp=arrays["pixels.sharp"],
            soft_whitening=arrays["pixels.soft_whitening"],
            sharp_whitening=arrays["pixels.sharp_whitening"],
            scales=arrays["pixels.scales"],
            **described["pixels"],
        )
        copies = CopyTest({described["name"]: novelty}, by_pixels, **described["copies"])
        floor = PictureFloor(arrays["reference"][:images], **described["floor"])
        return cls(Space.model_validate(described["space"]), copies, training, floor)
