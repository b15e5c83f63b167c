"""Latents from the codes of real products: blends of two parents, or draws from a density.

A code m has two parts. The low part, its first `low` numbers, holds colours and large shapes; the
high part holds the rest: edges and details. A latent has the codes of an outside and of a middle;
the generator sets the one into the other (`seam`). Let a and b be two parents, l(m) the low part of
a code, and o the share of its own colours that each keeps. Then

    blend:    outside: low = o l(a) + (1 - o) l(b) + j e,  high = high(a)
              middle:  low = o l(b) + (1 - o) l(a) + j e,  high = high(b)    o ~ U(least, most)
    density:  both:    low = mu + (l(i) - mu + h e) / sqrt(1 + h^2),  high = high(i)

Colours can be averaged. Averaged details would show both products over each other, so each place
has the details of one parent alone. The density is a Gaussian kernel density around the products i
of a line with the mean mu (Silverman 1986, section 6.4.1: smoothed bootstrap that keeps the
variance). e is normal, with the covariance of the low parts around the means of their lines.

The parents are two different products. The first is a product of the requested line. The second is
drawn among the products of the line that are nearest to the first, since shapes that differ much
leave a halo. The very nearest are left out, since a blend with them is a copy of both. If fewer
than `PARTNERS` products remain, the nearest products of other lines are added.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from bestseller.base.errors import BestsellerError
from bestseller.images.store import FRONT

# The nearest products of a line, this share of it and at most this number, are no second parents.
TWIN_SHARE, MOST_TWINS = 0.1, 20
PARTNERS = 5  # least number of products among which a second parent is drawn, if there are so many
# About the part of a product that lies inside the seam: 0.35 of the silhouettes of the demo's
MIDDLE = 0.35


@dataclass(frozen=True)
class Parent:
    """One of the two products of a blend: its sku, its line, its share, 0..1.

    The first parent gives the outside, the second the middle. A share is about the part of the
    product that is this parent's, less the colours that it takes from the other one, plus those
    that it gives.
    """

    sku: str
    line: str
    share: float


Parents = tuple[Parent, Parent]


@dataclass(frozen=True)
class Drawn:
    """Latents, float32 n x z_dim, and the two parents of each; None for a latent without."""

    latents: np.ndarray
    parents: list[Parents | None]


@dataclass(frozen=True)
class Codes:
    """The codes of the training images, and how latents are drawn from them.

    Attributes:
        codes: float32 N x K; a latent has 2 K numbers.
        skus, lines, views: of each image.
        low: how many numbers of a code are its low part.
        latents: how latents are drawn, ``blend`` or ``density``.
        partners: number of a line's products among which a second parent is drawn: those whose
            low parts are nearest to that of the first parent; at least `PARTNERS`.
        least_own, most_own: range of o, the share of its own colours that each parent keeps, 0..1.
        jitter: j, the standard deviation of a blend's noise over that of a line's codes.
        bandwidth: h, the bandwidth of the density's kernel over the same deviation.
    """

    codes: np.ndarray
    skus: list[str]
    lines: list[str]
    views: list[str]
    low: int
    latents: str
    partners: int
    least_own: float
    most_own: float
    jitter: float
    bandwidth: float

    @classmethod
    def of(
        cls, codes: np.ndarray, products: Mapping[str, list[str]], settings: Mapping[str, Any]
    ) -> "Codes":
        """Build the object from codes, lists of skus, lines and views, and a model's settings."""
        return cls(
            codes,
            products["skus"],
            products["lines"],
            products["views"],
            settings["low"],
            settings["latents"],
            settings["partners"],
            settings["least_own"],
            settings["most_own"],
            settings["jitter"],
            settings["bandwidth"],
        )

    def draw(
        self,
        lines: Sequence[str],
        seed: int,
        *,
        views: Sequence[str],
        truncation: float = np.inf,
    ) -> Drawn:
        """Draw a latent for each line; row i depends on its line, its view, i and `seed` alone.

        Args:
            lines: n names; an empty name draws from the products of all lines.
            seed: of the draw.
            views: n names; if a line has no image of the view, all its images are used.
            truncation: largest absolute value of the standard normal numbers that make a latent,
                see `TrainedGenerator.draw`. Only ``density`` uses it.

        Raises:
            BestsellerError: there are no two products to blend.
        """
        latents = np.empty((len(lines), self.z_dim), np.float32)
        parents: list[Parents | None] = []
        for i, (line, view) in enumerate(zip(lines, views, strict=True)):
            random = np.random.default_rng([seed, i])
            first = int(random.choice(self._pool(line, view)))
            if self.latents == "density":
                latents[i] = np.tile(self._near(first, random, truncation), 2)
                parents.append(None)
            else:
                second, own = self.partner(first, random)
                latents[i] = self.jittered(first, second, own, random)
                parents.append(self._parents(first, second, own))
        return Drawn(latents, parents)

    @property
    def z_dim(self) -> int:
        """How many numbers a latent has: the codes of an outside and of a middle."""
        return 2 * self.codes.shape[1]

    def between(self, first: str, second: str, shares: Sequence[float]) -> Drawn:
        """Pass from one product to another without a seam; the details are the first one's.

        Args:
            first, second: skus.
            shares: of the first one in the colours, 0..1, one for each latent.

        Raises:
            BestsellerError: a sku is unknown, or both skus are the same.
        """
        a, b = self._two(first, second)
        latents = np.stack([np.tile(self.mixed(a, b, share), 2) for share in shares])
        pair = partial(Parent, first, self.lines[a]), partial(Parent, second, self.lines[b])
        return Drawn(latents, [(pair[0](share), pair[1](1 - share)) for share in shares])

    def blends(self, first: str, second: str, count: int, seed: int) -> Drawn:
        """Draw `count` blends of two given products, as `draw` does.

        Row i depends on the two products, i and `seed` alone.

        Raises:
            BestsellerError: a sku is unknown, or both skus are the same.
        """
        a, b = self._two(first, second)
        latents = np.empty((count, self.z_dim), np.float32)
        parents: list[Parents | None] = []
        for i in range(count):
            random = np.random.default_rng([seed, i])
            own = self.own(random)
            latents[i] = self.jittered(a, b, own, random)
            parents.append(self._parents(a, b, own))
        return Drawn(latents, parents)

    def pair(self, first: str, second: str, own: float) -> Parents:
        """Return the parents of a blend of two products that keep a share `own` of their colours.

        Raises:
            BestsellerError: a sku is unknown, or both skus are the same.
        """
        return self._parents(*self._two(first, second), own)

    def blend_of(self, parents: Parents) -> np.ndarray:
        """Return the blend of parents without noise, float32 z_dim; the reverse of `pair`.

        Raises:
            BestsellerError: a sku is unknown, or both skus are the same.
        """
        own = (parents[0].share - MIDDLE) / (1 - 2 * MIDDLE)
        return self.blend(*self._two(parents[0].sku, parents[1].sku), own)

    def line_of(self, sku: str) -> str:
        """Return the line of a product.

        Raises:
            BestsellerError: the product has no code.
        """
        return self.lines[self._row(sku)]

    def partner(self, first: int, random: np.random.Generator) -> tuple[int, float]:
        """Draw the second parent for the row of a first one; return its row and the share `own`.

        Raises:
            BestsellerError: there is no other product.
        """
        if (own := self._candidates.get(first)) is None:
            own = self._candidates[first] = self._found_for(first)
        if not len(own):
            raise BestsellerError(
                f"product {self.skus[first]!r} has none beside it to be blended with: a single "
                "product, or the only one of its view"
            )
        second = int(random.choice(own))
        return second, self.own(random)

    def _found_for(self, first: int) -> np.ndarray:
        """Find the rows of which one becomes the second parent, for the row of a first one."""
        others = self._skus != self.skus[first]
        alike = others & (self._views == self.views[first])
        of_line = self._lines == self.lines[first]
        own = self._nearest(first, np.flatnonzero(alike & of_line))
        twins = min(int(TWIN_SHARE * len(own)), MOST_TWINS)
        own = own[twins : twins + self.partners]
        if len(own) < PARTNERS:
            foreign = self._nearest(first, np.flatnonzero(alike & ~of_line))
            own = np.concatenate([own, foreign[: PARTNERS - len(own)]])
        return own

    def own(self, random: np.random.Generator) -> float:
        """Draw the share of its own colours that each parent keeps, 0..1."""
        return float(random.uniform(self.least_own, self.most_own))

    def _nearest(self, row: int, others: np.ndarray) -> np.ndarray:
        """Sort the rows `others` by the distance of their low parts to that of `row`."""
        low = self.codes[:, : self.low]
        far = np.linalg.norm(low[others] - low[row], axis=1)
        ordered: np.ndarray = others[np.argsort(far, kind="stable")]
        return ordered

    def jittered(
        self, first: int, second: int, own: float, random: np.random.Generator
    ) -> np.ndarray:
        """Return the blend of two rows plus noise, as `draw` draws it, float32 z_dim.

        Outside and middle get the same noise, so that their colours still go together.
        """
        noise = self.jitter * (self.factor @ random.standard_normal(self.low))
        parts = self.blend(first, second, own).reshape(2, -1)
        parts[:, : self.low] += noise.astype(np.float32)
        return parts.ravel()

    def blend(self, first: int, second: int, own: float) -> np.ndarray:
        """Return the blend of two rows without noise, float32 z_dim: outside and middle."""
        return np.concatenate([self.mixed(first, second, own), self.mixed(second, first, own)])

    def mixed(self, row: int, other: int, share: float) -> np.ndarray:
        """Return the code of a row whose low part is mixed with another's, float32 K.

        Args:
            row, other: of `codes`.
            share: of `row` in the low part, 0..1.
        """
        code: np.ndarray = self.codes[row].copy()
        code[: self.low] = share * code[: self.low] + (1 - share) * self.codes[other, : self.low]
        return code

    def _parents(self, first: int, second: int, own: float) -> Parents:
        share = own * (1 - MIDDLE) + (1 - own) * MIDDLE
        return (
            Parent(self.skus[first], self.lines[first], share),
            Parent(self.skus[second], self.lines[second], 1 - share),
        )

    def _two(self, first: str, second: str) -> tuple[int, int]:
        if first == second:
            raise BestsellerError(f"{first!r} twice: a blend has two different parents")
        return self._row(first), self._row(second)

    def _row(self, sku: str) -> int:
        rows = [row for row, known in enumerate(self.skus) if known == sku]
        if not rows:
            raise BestsellerError(
                f"{sku!r}: no product of that sku was trained on; those held out for tests, and "
                "those that came later, have no code"
            )
        return min(rows, key=lambda row: self.views[row] != FRONT)

    def _pool(self, line: str, view: str) -> np.ndarray:
        """Return the rows of a line's images of a view, or of all its images if it has none."""
        of_line = self._lines == line if line else np.ones(len(self.skus), bool)
        of_view = of_line & (self._views == view)
        return np.flatnonzero(of_view if of_view.any() else of_line)

    def _near(self, row: int, random: np.random.Generator, truncation: float) -> np.ndarray:
        moved = self.factor @ truncated(random.standard_normal(self.low), truncation)
        code, h = self.codes[row].astype(np.float64), self.bandwidth
        mean = self._means[self.lines[row]]
        code[: self.low] = mean + (code[: self.low] - mean + h * moved) / np.sqrt(1 + h**2)
        return code

    @cached_property
    def _candidates(self) -> dict[int, np.ndarray]:
        """The rows that `_found_for` found, by row: training asks for them again and again."""
        return {}

    @cached_property
    def _lines(self) -> np.ndarray:
        return np.array(self.lines)

    @cached_property
    def _views(self) -> np.ndarray:
        return np.array(self.views)

    @cached_property
    def _skus(self) -> np.ndarray:
        return np.array(self.skus)

    @cached_property
    def _means(self) -> dict[str, np.ndarray]:
        """Return the mean low part of each line's codes, float64, by line."""
        low = self.codes[:, : self.low].astype(np.float64)
        return {line: low[self._lines == line].mean(axis=0) for line in set(self.lines)}

    @cached_property
    def factor(self) -> np.ndarray:
        """The symmetric square root of the low parts' covariance around their lines' means.

        float64 low x low; standard normal numbers times it are e of the formulas above.
        """
        centred = self.codes[:, : self.low].astype(np.float64)
        lines = np.unique(self._lines)
        for line in lines:
            rows = self._lines == line
            centred[rows] -= centred[rows].mean(axis=0)
        within = centred.T @ centred / max(1, len(centred) - len(lines))
        variances, axes = np.linalg.eigh(within)
        factor: np.ndarray = (axes * np.sqrt(variances.clip(min=0))) @ axes.T
        return factor


def truncated(z: np.ndarray, truncation: float) -> np.ndarray:
    """Map standard normal numbers to a normal distribution truncated to [-t, t].

    Each number keeps its quantile. This is the truncation trick (Brock et al. 2019, section 3.1).
    """
    if not np.isfinite(truncation):
        return z
    low, high = ndtr(-truncation), ndtr(truncation)
    squeezed: np.ndarray = ndtri(low + ndtr(z) * (high - low))
    return squeezed
