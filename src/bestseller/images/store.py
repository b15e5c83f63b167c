"""An image set on disk: the pixels in one file, a table that describes them in another.

One ``images.npy`` and one ``index.parquet`` cost the data version control one hash each, open
without decoding, and need no code of this project to be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bestseller.base.errors import BestsellerError, out_of_means
from bestseller.base.files import atomic_path, require

IMAGES = "images.npy"
INDEX = "index.parquet"
COLUMNS = ("sku", "line", "category", "view", "sha256", "cluster", "split")
FRONT = "front"


@dataclass(frozen=True)
class ImageSet:
    """Images and a table whose row i describes image i.

    Attributes:
        images: uint8 N x H x W x 3, RGB; a read-only memory map when opened from a folder.
        index: N rows with at least `COLUMNS`: sku, line, category, view, sha256 (of the original
            file), cluster (int, near-duplicates share one), split (train, validation or test).
    """

    images: np.ndarray
    index: pd.DataFrame

    def __post_init__(self) -> None:
        problem = _problem(self.images, self.index.columns, len(self.index))
        if problem:
            raise ValueError(problem)

    def __len__(self) -> int:
        return len(self.index)

    @classmethod
    def open(cls, folder: str | Path, made_by: str = "dvc repro") -> "ImageSet":
        """Open a saved set; the pixels are read when they are used.

        Args:
            folder: holds ``images.npy`` and ``index.parquet``.
            made_by: the command that makes it, named in the error when it is missing.

        Raises:
            BestsellerError: a file is missing, damaged, or does not fit the other; no image.
        """
        images_path = require(Path(folder) / IMAGES, made_by)
        index_path = require(Path(folder) / INDEX, made_by)
        try:
            images = np.load(images_path, mmap_mode="r", allow_pickle=False)
        except Exception as error:  # NumPy evaluates the header as Python
            if out_of_means(error):  # this machine's fault, and no file's
                raise
            raise BestsellerError(f"{images_path}: no whole .npy file; run `{made_by}`") from error
        try:
            index = pd.read_parquet(index_path)
        except Exception as error:
            if out_of_means(error):
                raise
            raise BestsellerError(f"{index_path}: no Parquet file; run `{made_by}`") from error
        problem = _problem(images, index.columns, len(index)) or ("" if len(index) else "no image")
        if problem:
            raise BestsellerError(f"{folder}: {problem}; run `{made_by}`")
        return cls(images, index)

    def save(self, folder: str | Path) -> None:
        """Write the set into `folder`, which is made if need be; equal sets give equal bytes."""
        with (
            atomic_path(Path(folder) / INDEX) as index,
            atomic_path(Path(folder) / IMAGES) as images,
        ):
            np.save(images, self.images, allow_pickle=False)
            self.index.reset_index(drop=True).to_parquet(index, index=False)

    def select(self, mask: ArrayLike) -> "ImageSet":
        """Return the images where `mask` (bool, N) holds, in the same order, in memory."""
        chosen = np.asarray(mask, dtype=bool)
        return ImageSet(self.images[chosen], self.index[chosen].reset_index(drop=True))

    def of_main_view(self) -> "ImageSet":
        """Return the images that show their line's main view; the set itself where all do.

        What judges designs looks at these, as the generators draw the main view unless asked for
        another.
        """
        main = {line: views[0] for line, views in views_of_lines(self.index).items()}
        shown = self.index["view"] == self.index["line"].map(main)
        return self if shown.all() else self.select(shown)


def views_of_lines(index: pd.DataFrame) -> dict[str, list[str]]:
    """Return the views that the images of each line show, sorted by line.

    The first is the line's main view: front, or where the line has no such image its commonest.
    The others follow from the commonest on; equal numbers go by name.
    """
    counts = index.groupby(["line", "view"]).size().rename("images").reset_index()
    counts["rank"] = -counts["images"].where(counts["view"] != FRONT, np.inf)
    ordered = counts.sort_values(["line", "rank", "view"])
    return {str(line): rows["view"].tolist() for line, rows in ordered.groupby("line")}


def _problem(images: np.ndarray, columns: Sequence[str] | pd.Index, rows: int) -> str:
    missing = [name for name in COLUMNS if name not in columns]
    if images.dtype != np.uint8:
        return f"{IMAGES} holds {images.dtype}, not uint8"
    if images.ndim != 4 or images.shape[3] != 3:
        return f"{IMAGES} has the shape {images.shape}, not (N, H, W, 3)"
    if missing:
        return f"{INDEX} has no column {', '.join(missing)}"
    if len(images) != rows:
        return f"{IMAGES} holds {len(images)} images, {INDEX} {rows} rows"
    return ""
