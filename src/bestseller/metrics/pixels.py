"""Copies by their pixels: a small, smooth picture shows what a feature network forgives.

Images are averaged to 16 x 16 cells and their mean grey is taken off: a vector of 768 numbers, in
grey levels. Three distances to a training image each find other copies, all after the best of small
shifts, mirrored or not:

- ``plain``: Euclidean; finds blurred and noisy copies;
- ``changed``: Mahalanobis, with the covariance of what blur, noise, brightness and colour casts do
  to training images; finds copies that were made brighter or darker, which moves many cells alike;
- ``doubled``: the same to the training image with a second one shining through by up to 30 %; finds
  one product laid over another.

Each is held against what it is for real held-out photos: the ratio is the smallest of the three
over their 1 % quantiles, and its own 1 % quantile is the threshold.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from bestseller.compute import device
from bestseller.errors import BestsellerError
from bestseller.metrics.distances import Array
from bestseller.metrics.neighbours import Neighbours, lowest_share
from bestseller.metrics.statistics import Interval, clopper_pearson
from bestseller.metrics.yardstick import blurred, noisy

NAME = "pixels"
CELLS = 16  # along a side
SMOOTH = 1.0  # standard deviation of the smoothing before, in 64ths of the side
SHIFT = 2  # largest shift, in 64ths of the side
DOUBLED = 0.3  # largest weight of a second image
NUISANCE = 1.0  # grey levels squared, added to the covariance of the changes
TAUGHT = 300  # training images that the covariance is from, at most
CANDIDATES = 4  # nearest training images that are tried with a second one
BATCH = 64


@dataclass(frozen=True)
class PixelTest:
    """The training images as small pictures, and what real photos do among them.

    Attributes:
        size: side of the images, pixels.
        reference: float32 N x 768, of the training images.
        clusters: design of each.
        whitening: float32 768 x 768, maps a difference to one of unit covariance.
        scales: of the three distances, their 1 % quantiles over held-out photos.
        threshold: a ratio below it is flagged.
        size_of_test: share of new images expected below it.
    """

    size: int
    reference: Array
    clusters: Array
    whitening: Array
    scales: Array
    threshold: float
    size_of_test: float

    @classmethod
    def fit(cls, train: Array, clusters: Array, held_out: Array) -> "PixelTest":
        """Calibrate on real images.

        Args:
            train, held_out: uint8 N x S x S x 3 and M x S x S x 3, of different designs.
            clusters: design of each training image.

        Raises:
            BestsellerError: no held-out image.
        """
        if not len(held_out):
            raise BestsellerError("novelty: no image is held out; one or more are needed")
        size, labels = train.shape[1], np.asarray(clusters)
        whitening = _whitening(np.asarray(train), size)
        known = small(np.asarray(train), size, SMOOTH)
        start = cls(size, known, labels, whitening, np.ones(3), 0.0, 0.0)
        found = start.distances(held_out)[1]
        scales = np.array([lowest_share(column)[0] for column in found.T])
        scales = np.maximum(scales, np.finfo(np.float32).tiny)
        threshold, expected = lowest_share((found / scales).min(axis=1))
        return cls(size, known, labels, whitening, scales, threshold, expected)

    def neighbours(self, images: Array) -> Neighbours:
        """Return the training image that each image is nearest to a copy of.

        The distance is the plain one, in grey levels a cell; the ratio is that of the test, which
        may exceed 1.
        """
        index, found = self.distances(images)
        return Neighbours(index, found[:, 0], (found / self.scales).min(axis=1))

    def flagged(self, neighbours: Neighbours) -> Array:
        """Tell for each image whether the test takes it for a copy."""
        return neighbours.ratio < self.threshold

    def rate(self, neighbours: Neighbours, confidence: float) -> Interval:
        """Return the share of flagged images with its Clopper-Pearson interval."""
        flagged = self.flagged(neighbours)
        return clopper_pearson(int(flagged.sum()), len(flagged), confidence)

    def distances(self, images: Array) -> tuple[Array, Array]:
        """Return the nearest training image's row, N, and the three distances, float64 N x 3.

        The row is that of the smallest distance over its scale.
        """
        bank = _Bank.of(self)
        parts = [bank.search(images[start : start + BATCH]) for start in _starts(images)]
        rows, found = (np.concatenate(part) for part in zip(*parts, strict=True))
        nearest = (found / self.scales).argmin(axis=1)
        return rows[np.arange(len(rows)), nearest], found


@dataclass(frozen=True)
class _Bank:
    """What is computed once of the training images, on the device."""

    plain: Tensor
    white: Tensor
    among: Tensor
    whitening: Tensor
    size: int

    @classmethod
    def of(cls, test: PixelTest) -> "_Bank":
        plain, whitening = (
            torch.from_numpy(table).to(device()) for table in (test.reference, test.whitening)
        )
        white = plain @ whitening
        return cls(plain, white, white @ white.T, whitening, test.size)

    def search(self, images: Array) -> tuple[Array, Array]:
        """Return of up to `BATCH` images the nearest rows and the distances, N x 3 each."""
        count = len(images)
        views = list(_views(images, self.size))
        best, shown = torch.full((count,), torch.inf), torch.empty(0)
        rows = torch.zeros(count, dtype=torch.int64)
        best, rows = best.to(device()), rows.to(device())
        shown = views[0].clone()
        for view in views:
            distance, row = torch.cdist(view, self.plain).min(dim=1)
            nearer = distance < best
            best, rows = torch.where(nearer, distance, best), torch.where(nearer, row, rows)
            shown = torch.where(nearer[:, None], view, shown)
        found, places = [best], [rows]
        upright, mirrored = views[0], views[1]
        tried = [self._changed(view @ self.whitening) for view in (upright, mirrored, shown)]
        for kind in (0, 1):
            values = torch.stack([one[kind][0] for one in tried])
            which = values.argmin(dim=0)[None]
            found.append(values.gather(0, which)[0])
            places.append(torch.stack([one[kind][1] for one in tried]).gather(0, which)[0])
        cells = self.plain.shape[1] ** 0.5
        return (
            torch.stack(places, dim=1).cpu().numpy(),
            (torch.stack(found, dim=1) / cells).double().cpu().numpy(),
        )

    def _changed(self, white: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Return the changed and the doubled distance and their rows, of whitened images."""
        squared = torch.cdist(white, self.white).square()
        nearest, row = squared.min(dim=1)
        candidates = squared.topk(min(CANDIDATES, squared.shape[1]), largest=False).indices
        # |q - (1 - t) r - t y|^2 with e = q - r and u = y - r: |e|^2 - 2 t e'u + t^2 |u|^2.
        products = white @ self.white.T
        own = self.among.diagonal()
        of_first = products.gather(1, candidates)
        shared = self.among[candidates]  # r'y, N x K x M
        first = own[candidates][:, :, None]
        along = products[:, None, :] - of_first[:, :, None] - shared + first
        length = own[None, None, :] - 2.0 * shared + first
        weight = (along / length.clamp(min=1e-6)).clamp(0.0, DOUBLED)
        rest = squared.gather(1, candidates)[:, :, None] - weight * (2.0 * along - weight * length)
        doubled, which = rest.amin(dim=2).clamp(min=0.0).min(dim=1)
        doubled_row = candidates.gather(1, which[:, None])[:, 0]
        return (nearest.sqrt(), row), (doubled.sqrt(), doubled_row)


def small(images: Array, size: int, smooth: float, down: int = 0, right: int = 0) -> Array:
    """Return images as small pictures about their mean grey, float32 N x 768."""
    rows, columns = _averages(size, smooth, down), _averages(size, smooth, right)
    cells = np.einsum("ay,nyxc,bx->nabc", rows, images.astype(np.float32), columns, optimize=True)
    flat = cells.reshape(len(images), -1).astype(np.float32)
    return flat - flat.mean(axis=1, keepdims=True)


def _views(images: Array, size: int) -> Iterator[Tensor]:
    """Yield the images as small pictures: upright, mirrored, then shifted both ways."""
    steps = sorted({round(step * size / 64) for step in range(-SHIFT, SHIFT + 1)}, key=abs)
    for down in steps:
        for right in steps:
            view = small(images, size, SMOOTH, down, right)
            yield torch.from_numpy(view).to(device())
            grid = view.reshape(len(view), CELLS, CELLS, 3)[:, :, ::-1]
            yield torch.from_numpy(grid.reshape(len(view), -1).copy()).to(device())


def _averages(size: int, smooth: float, shift: int) -> Array:
    """Return the matrix 16 x S that smooths a column of pixels, moves it and averages cells."""
    moved = np.eye(size)[np.clip(np.arange(size) - shift, 0, size - 1)]
    if smooth:
        moved = gaussian_filter1d(moved, smooth * size / 64, axis=0, mode="nearest")
    cells: Array = moved.reshape(CELLS, size // CELLS, size).mean(axis=1)
    return cells.astype(np.float32)


def _whitening(train: Array, size: int) -> Array:
    """Return the inverse root of the covariance of what changes do to training images."""
    rows = np.unique(np.linspace(0, len(train) - 1, min(TAUGHT, len(train))).astype(int))
    images = train[rows]
    known, casts = small(images, size, SMOOTH), np.random.default_rng(0)
    colour = 255 * casts.uniform(-0.05, 0.05, (len(images), 1, 1, 3))
    made = [
        *(blurred(images, sigma * size / 64) for sigma in (0.7, 1.2)),
        noisy(images, 10),
        *(_clipped(images * factor) for factor in (0.9, 1.1)),
        *(_clipped(images + 255 * share) for share in (-0.1, 0.1)),
        _clipped(images + colour),
    ]
    moved = np.concatenate([small(change, size, SMOOTH) - known for change in made])
    covariance = moved.astype(np.float64).T @ moved / len(moved)
    values, vectors = np.linalg.eigh(covariance)
    roots = 1.0 / np.sqrt(np.maximum(values, 0.0) + NUISANCE)
    return ((vectors * roots) @ vectors.T).astype(np.float32)


def _clipped(images: Array) -> Array:
    return np.rint(images).clip(0, 255).astype(np.uint8)


def _starts(images: Array) -> range:
    return range(0, len(images), BATCH)
