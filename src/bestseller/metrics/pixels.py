"""Copies by their pixels: small pictures find copies that a feature network misses.

Images are averaged to 16 x 16 cells and their mean grey is taken off: a vector of 768 numbers, in
grey levels. Two distances to a training image find two kinds of copies, both after the best of
small shifts, mirrored or not, and both Mahalanobis distances in the covariance of what changes do
to training images, so that what a change moves alike in many cells counts little:

- ``soft``, of pictures that are smoothed first, against blur and noise;
- ``doubled``, unsmoothed, against blur, noise, brightness and colour casts, and to the training
  image with another one shining through by up to 30 %: finds copies that were made brighter or
  darker, and one product laid over another.

Each is held against what it is for real held-out photos: the ratio is the smaller of the two over
their 1 % quantiles, and its own 1 % quantile is the threshold.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from bestseller.base.compute import device
from bestseller.base.errors import BestsellerError
from bestseller.metrics.distances import Array
from bestseller.metrics.neighbours import Neighbours, lowest_share
from bestseller.metrics.statistics import Interval, clopper_pearson
from bestseller.metrics.yardstick import blurred, noisy

NAME = "pixels"
CELLS = 16  # along a side
SMOOTH = 1.75  # standard deviation of the soft pictures' smoothing, in 64ths of the side
SHIFT = 2  # largest shift, in 64ths of the side
DOUBLED = 0.3  # largest weight of a second image
RIDGE = {"soft": 40.0, "sharp": 1.0}  # grey levels squared, added to the covariances
TAUGHT = 300  # training images that the covariances are from, at most
CANDIDATES = 4  # nearest training images that are tried with a second one
BATCH = 64


@dataclass(frozen=True)
class PixelTest:
    """The training images as small pictures, and what real photos do among them.

    Attributes:
        size: side of the images, pixels.
        soft, sharp: float32 N x 768, small pictures of the training images, smoothed or not.
        clusters: design of each training image.
        soft_whitening, sharp_whitening: float32 768 x 768, map a difference of two pictures to one
            that counts each kind of change alike.
        scales: of the two distances, their 1 % quantiles over held-out photos.
        threshold: a ratio below it is flagged.
        size_of_test: share of new images expected below it.
    """

    size: int
    soft: Array
    sharp: Array
    clusters: Array
    soft_whitening: Array
    sharp_whitening: Array
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
        photos, size, labels = np.asarray(train), train.shape[1], np.asarray(clusters)
        soft, sharp = small(photos, size, SMOOTH), small(photos, size, 0.0)
        whitenings = _whitenings(photos, size)
        start = cls(size, soft, sharp, labels, *whitenings, np.ones(2), 0.0, 0.0)
        found = start.distances(held_out)[1]
        scales = np.array([lowest_share(column)[0] for column in found.T])
        scales = np.maximum(scales, np.finfo(np.float32).tiny)
        threshold, expected = lowest_share((found / scales).min(axis=1))
        return cls(size, soft, sharp, labels, *whitenings, scales, threshold, expected)

    def neighbours(self, images: Array) -> Neighbours:
        """Return the training image that each image is nearest to a copy of.

        The distance is the soft one; the ratio is that of the test, which may exceed 1.
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
        """Return the nearest training image's row, N, and the two distances, float64 N x 2.

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

    size: int
    soft: Tensor
    soft_white: Tensor
    soft_whitening: Tensor
    sharp_white: Tensor
    sharp_whitening: Tensor
    among: Tensor

    @classmethod
    def of(cls, test: PixelTest) -> "_Bank":
        soft, soft_whitening, sharp, sharp_whitening = (
            torch.from_numpy(np.ascontiguousarray(table)).to(device())
            for table in (test.soft, test.soft_whitening, test.sharp, test.sharp_whitening)
        )
        white = sharp @ sharp_whitening
        return cls(
            test.size,
            soft,
            soft @ soft_whitening,
            soft_whitening,
            white,
            sharp_whitening,
            white @ white.T,
        )

    def search(self, images: Array) -> tuple[Array, Array]:
        """Return of a batch of images the nearest rows and the distances, B x 2 each.

        The shift and the mirroring are those at which the soft picture is nearest; the image as it
        is and its mirror image are tried as well, in case another change misled them.
        """
        best = torch.full((len(images),), torch.inf, device=device())
        which = torch.zeros(len(images), dtype=torch.int64, device=device())
        views = list(_views(self.size))
        for number, view in enumerate(views):
            nearest = torch.cdist(view.of(images, self.size, SMOOTH), self.soft).amin(dim=1)
            which = torch.where(nearest < best, number, which)
            best = torch.minimum(best, nearest)
        tried = [np.zeros(len(images), int), np.ones(len(images), int), which.cpu().numpy()]
        found = [self._distances(images, numbers, views) for numbers in tried]
        values = torch.stack([one[1] for one in found])
        rows = torch.stack([one[0] for one in found])
        least = values.argmin(dim=0, keepdim=True)
        distances = values.gather(0, least)[0] / self.soft.shape[1] ** 0.5
        return rows.gather(0, least)[0].cpu().numpy(), distances.double().cpu().numpy()

    def _distances(
        self, images: Array, numbers: Array, views: "list[_View]"
    ) -> tuple[Tensor, Tensor]:
        """Return rows and distances, B x 2, each image seen in the view of its number."""
        soft = torch.empty((len(images), self.soft.shape[1]), device=device())
        sharp = torch.empty_like(soft)
        for number in np.unique(numbers):
            chosen = np.flatnonzero(numbers == number)
            soft[chosen] = views[number].of(images[chosen], self.size, SMOOTH)
            sharp[chosen] = views[number].of(images[chosen], self.size, 0.0)
        first, row = torch.cdist(soft @ self.soft_whitening, self.soft_white).min(dim=1)
        second, other = self._doubled(sharp @ self.sharp_whitening)
        return torch.stack([row, other], dim=1), torch.stack([first, second], dim=1)

    def _doubled(self, white: Tensor) -> tuple[Tensor, Tensor]:
        """Return the doubled distance and its row of whitened pictures, B each."""
        squared = torch.cdist(white, self.sharp_white).square()
        candidates = squared.topk(min(CANDIDATES, squared.shape[1]), largest=False).indices
        # |q - (1 - t) r - t y|^2 with e = q - r and u = y - r: |e|^2 - 2 t e'u + t^2 |u|^2.
        products = white @ self.sharp_white.T
        own = self.among.diagonal()
        shared = self.among[candidates]  # r'y, B x K x N
        first = own[candidates][:, :, None]
        along = products[:, None, :] - products.gather(1, candidates)[:, :, None] - shared + first
        length = own[None, None, :] - 2.0 * shared + first
        weight = (along / length.clamp(min=1e-6)).clamp(0.0, DOUBLED)
        rest = squared.gather(1, candidates)[:, :, None] - weight * (2.0 * along - weight * length)
        doubled, which = rest.amin(dim=2).clamp(min=0.0).min(dim=1)
        return doubled.sqrt(), candidates.gather(1, which[:, None])[:, 0]


def small(images: Array, size: int, smooth: float, down: int = 0, right: int = 0) -> Array:
    """Return images as small pictures about their mean grey, float32 N x 768."""
    rows, columns = _averages(size, smooth, down), _averages(size, smooth, right)
    cells = np.einsum("ay,nyxc,bx->nabc", rows, images.astype(np.float32), columns, optimize=True)
    flat = cells.reshape(len(images), -1).astype(np.float32)
    return flat - flat.mean(axis=1, keepdims=True)


@dataclass(frozen=True)
class _View:
    """A way to look at an image: moved by whole pixels, mirrored or not."""

    down: int
    right: int
    mirrored: bool

    def of(self, images: Array, size: int, smooth: float) -> Tensor:
        """Return small pictures of images seen so, float32 N x 768, on the device."""
        view = small(images, size, smooth, self.down, self.right)
        if self.mirrored:
            view = view.reshape(len(view), CELLS, CELLS, 3)[:, :, ::-1].reshape(len(view), -1)
        return torch.from_numpy(np.ascontiguousarray(view)).to(device())


def _views(size: int) -> Iterator[_View]:
    """Yield the views: upright, mirrored, then shifted both ways."""
    steps = sorted({round(step * size / 64) for step in range(-SHIFT, SHIFT + 1)}, key=abs)
    for down in steps:
        for right in steps:
            yield _View(down, right, False)
            yield _View(down, right, True)


def _averages(size: int, smooth: float, shift: int) -> Array:
    """Return the matrix 16 x S that smooths a column of pixels, moves it and averages cells."""
    moved = np.eye(size)[np.clip(np.arange(size) - shift, 0, size - 1)]
    if smooth:
        moved = gaussian_filter1d(moved, smooth * size / 64, axis=0, mode="nearest")
    # Each cell is a sixteenth of the side; a pixel that two cells share counts in both by its part.
    edges, pixels = np.linspace(0, size, CELLS + 1), np.arange(size)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    cells: Array = shared.clip(min=0.0) * (CELLS / size) @ moved
    return cells.astype(np.float32)


def _whitenings(train: Array, size: int) -> tuple[Array, Array]:
    """Return the inverse roots of the covariance of what changes do to training images.

    Of soft pictures blur and noise, of sharp ones brightness and casts too.
    """
    rows = np.unique(np.linspace(0, len(train) - 1, min(TAUGHT, len(train))).astype(int))
    images = train[rows]
    casts = 255 * np.random.default_rng(0).uniform(-0.05, 0.05, (len(images), 1, 1, 3))
    spoilt = [blurred(images, sigma * size / 64) for sigma in (0.7, 1.2)]
    spoilt += [noisy(images, levels) for levels in (10, 14)]
    relit = [_clipped(images * factor) for factor in (0.9, 1.1)]
    relit += [_clipped(images + 255 * share) for share in (-0.1, 0.1)]
    relit += [_clipped(images + casts)]
    return (
        _inverse_root(images, spoilt, size, SMOOTH, RIDGE["soft"]),
        _inverse_root(images, [*spoilt, *relit], size, 0.0, RIDGE["sharp"]),
    )


def _inverse_root(
    images: Array, changed: list[Array], size: int, smooth: float, ridge: float
) -> Array:
    known = small(images, size, smooth)
    moved = np.concatenate([small(change, size, smooth) - known for change in changed])
    covariance = moved.astype(np.float64).T @ moved / len(moved)
    values, vectors = np.linalg.eigh(covariance)
    roots = 1.0 / np.sqrt(np.maximum(values, 0.0) + ridge)
    return ((vectors * roots) @ vectors.T).astype(np.float32)


def _clipped(images: Array) -> Array:
    return np.rint(images).clip(0, 255).astype(np.uint8)


def _starts(images: Array) -> range:
    return range(0, len(images), BATCH)
