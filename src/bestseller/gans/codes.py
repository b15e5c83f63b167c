"""Latents from the codes of real products: blends of two parents, or draws from a density.

A code m has two parts. The low part, its first `low` numbers, holds colours and large shapes; the
high part holds the rest: edges and details. Let a and b be two parents, s the share of a, mu the
mean low part of a line's codes, and r = low(m) - mu the deviation of a product from that mean. Then

    blend:    r' = s r_a + (1 - s) r_b                        s ~ U(least, most)
              low = s mu_a + (1 - s) mu_b + f r' + j e        high = high(m_a)
    density:  low = mu + (r_i + h e) / sqrt(1 + h^2)          high = high(m_i)

Colours can be averaged. Averaged details would show both products over each other, so a blend has
the details of the first parent alone. The weighted mean r' is shorter than its parents' deviations,
and its image is duller. The factor
f = sqrt(1 - j^2) (s |r_a| + (1 - s) |r_b|) / |r'|, at most `MOST_STRETCH`, restores the length; the
square root leaves room for the noise j e (White 2016, "Sampling Generative Networks", restores the
length of latents by spherical interpolation). The density is a Gaussian kernel density (Silverman
1986, section 6.4.1: smoothed bootstrap that keeps the variance). e is normal, with the covariance
of the low parts around the means of their lines.

The parents are two different products. The first is a product of the requested line. The second is
drawn among the products of the line that are nearest to the first, since shapes that differ much
leave a halo. The very nearest are left out, since a blend with them is a copy of both. If fewer
than `PARTNERS` products remain, the nearest products of other lines are added.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from bestseller.base.errors import BestsellerError
from bestseller.images.store import FRONT

# The nearest products of a line, this share of it and at most this number, are no second parents.
TWIN_SHARE, MOST_TWINS = 0.1, 20
PARTNERS = 5  # least number of products among which a second parent is drawn, if there are so many
MOST_STRETCH = 1.5  # largest f, the factor on a blend's deviation from the mean of its lines


@dataclass(frozen=True)
class Parent:
    """One of the two products of a blend: its sku, its line, its share, 0..1."""

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
        codes: float32 N x z_dim.
        skus, lines, views: of each image.
        low: how many numbers of a code are its low part.
        latents: how latents are drawn, ``blend`` or ``density``.
        partners: number of a line's products among which a second parent is drawn: those whose
            low parts are nearest to that of the first parent; at least `PARTNERS`.
        least_share, most_share: range of the first parent's share of the low part, 0..1.
        jitter: j, the standard deviation of a blend's noise over that of a line's codes, 0..1.
        bandwidth: h, the bandwidth of the density's kernel over the same deviation.
    """

    codes: np.ndarray
    skus: list[str]
    lines: list[str]
    views: list[str]
    low: int
    latents: str
    partners: int
    least_share: float
    most_share: float
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
            settings["least_share"],
            settings["most_share"],
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
        latents = np.empty((len(lines), self.codes.shape[1]), np.float32)
        parents: list[Parents | None] = []
        for i, (line, view) in enumerate(zip(lines, views, strict=True)):
            random = np.random.default_rng([seed, i])
            first = int(random.choice(self._pool(line, view)))
            if self.latents == "density":
                latents[i] = self._near(first, random, truncation)
                parents.append(None)
            else:
                second, share = self.partner(first, random)
                latents[i] = self.jittered(first, second, share, random)
                parents.append(self._parents(first, second, share))
        return Drawn(latents, parents)

    def between(self, first: str, second: str, shares: Sequence[float]) -> Drawn:
        """Blend two products, once for each share of the first, 0..1; details are the first's.

        Raises:
            BestsellerError: a sku is unknown, or both skus are the same.
        """
        a, b = self._two(first, second)
        latents = np.stack([self.blend(a, b, share) for share in shares])
        return Drawn(latents, [self._parents(a, b, share) for share in shares])

    def blends(self, first: str, second: str, count: int, seed: int) -> Drawn:
        """Draw `count` blends of two given products with random shares and noise, as `draw` does.

        Row i depends on the two products, i and `seed` alone.

        Raises:
            BestsellerError: a sku is unknown, or both skus are the same.
        """
        a, b = self._two(first, second)
        latents = np.empty((count, self.codes.shape[1]), np.float32)
        parents: list[Parents | None] = []
        for i in range(count):
            random = np.random.default_rng([seed, i])
            share = float(random.uniform(self.least_share, self.most_share))
            latents[i] = self.jittered(a, b, share, random)
            parents.append(self._parents(a, b, share))
        return Drawn(latents, parents)

    def line_of(self, sku: str) -> str:
        """Return the line of a product.

        Raises:
            BestsellerError: the product has no code.
        """
        return self.lines[self._row(sku)]

    def partner(self, first: int, random: np.random.Generator) -> tuple[int, float]:
        """Draw the second parent for the row of a first one; return its row and the first's share.

        Raises:
            BestsellerError: there is no other product.
        """
        others = self._skus != self.skus[first]
        alike = others & (self._views == self.views[first])
        of_line = self._lines == self.lines[first]
        own = self._nearest(first, np.flatnonzero(alike & of_line))
        twins = min(int(TWIN_SHARE * len(own)), MOST_TWINS)
        own = own[twins : twins + self.partners]
        if len(own) < PARTNERS:
            foreign = self._nearest(first, np.flatnonzero(alike & ~of_line))
            own = np.concatenate([own, foreign[: PARTNERS - len(own)]])
        if not len(own):
            raise BestsellerError(
                f"product {self.skus[first]!r} has none beside it to be blended with: a single "
                "product, or the only one of its view"
            )
        second = int(random.choice(own))
        return second, float(random.uniform(self.least_share, self.most_share))

    def _nearest(self, row: int, others: np.ndarray) -> np.ndarray:
        """Sort the rows `others` by the distance of their low parts to that of `row`."""
        low = self.codes[:, : self.low]
        far = np.linalg.norm(low[others] - low[row], axis=1)
        ordered: np.ndarray = others[np.argsort(far, kind="stable")]
        return ordered

    def jittered(
        self, first: int, second: int, share: float, random: np.random.Generator
    ) -> np.ndarray:
        """Return the blend of two rows plus noise, as `draw` draws it, float32 z_dim."""
        code = self._blend(first, second, share, np.sqrt(1 - self.jitter**2))
        code[: self.low] += self.jitter * (self.factor @ random.standard_normal(self.low))
        return code.astype(np.float32)

    def blend(self, first: int, second: int, share: float) -> np.ndarray:
        """Return the blend of two rows without noise, float32 z_dim; `share`, 0..1, of `first`."""
        return self._blend(first, second, share, 1.0).astype(np.float32)

    def _blend(self, first: int, second: int, share: float, kept: float) -> np.ndarray:
        """Blend two rows; `kept`, 0..1, shortens the deviation to leave room for the noise."""
        shares = np.array([share, 1 - share])
        codes = self.codes[[first, second]].astype(np.float64)
        means = np.stack([self._means[self.lines[row]] for row in (first, second)])
        departures = codes[:, : self.low] - means
        between = shares @ departures
        length = np.linalg.norm(between)
        wanted = kept * (shares @ np.linalg.norm(departures, axis=1))
        stretch = min(wanted / length, MOST_STRETCH) if length else 0.0
        return np.concatenate([shares @ means + stretch * between, codes[0, self.low :]])

    def _parents(self, first: int, second: int, share: float) -> Parents:
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
