"""A design's latent as a centre plus noise, m = b + A n, where a drawn n is standard normal:

    latents ~ N(0, I)         b = 0                                          A = I
    blends                    b = the parents' blend in their shares         A = the blends' noise
    draws from a density      b = the mean code of the line                  A = the codes' spread

Only the low part of codes has noise: the rows of A for their high part are zero. A latent has two
codes, of an outside and of a middle, and both get the same noise.

|n| is the distance of a latent from the middle of what the model draws. In many dimensions drawn
latents lie near the sphere |n|^2 = dimensions. A path between two of them may follow this sphere
(White 2016, "Sampling Generative Networks").
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Drawn, Parents

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """Latents as centres and noise.

    Attributes:
        centres: float64 M x z_dim, b.
        factor: float64 z_dim x K, A; K = z_dim, or `low` where latents are made of codes.
        n: float64 M x K.
    """

    centres: Array
    factor: Array
    n: Array

    @classmethod
    def of(cls, generator: TrainedGenerator, line: str, drawn: Drawn) -> Self:
        """Take the latents of a line apart; what no n of the centre gives stays in the centre."""
        wide = drawn.latents.astype(np.float64)
        around = cls.around(generator, line, drawn.parents)
        n = (wide - around.centres) @ np.linalg.pinv(around.factor).T
        return cls(wide - n @ around.factor.T, around.factor, n)

    @classmethod
    def around(cls, generator: TrainedGenerator, line: str, parents: list[Parents | None]) -> Self:
        """Return the latents of a line without their noise, n = 0."""
        codes, count = generator.codes, len(parents)
        if codes is None:
            size = generator.z_dim
            return cls(np.zeros((count, size)), np.eye(size), np.zeros((count, size)))
        part, nothing = np.zeros((codes.codes.shape[1], codes.low)), np.zeros((count, codes.low))
        part[: codes.low] = codes.factor
        factor = np.tile(part, (2, 1))
        pairs = [pair for pair in parents if pair is not None]
        if len(pairs) == count:
            blends = np.stack([codes.blend_of(pair) for pair in pairs])
            return cls(blends.astype(np.float64), codes.jitter * factor, nothing)
        of_line = np.array(codes.lines) == line
        mean = codes.codes[of_line if of_line.any() else slice(None)].mean(axis=0)
        centres = np.tile(mean.astype(np.float64), (count, 2))
        return cls(centres, factor, nothing)

    def latents(self, n: Array) -> NDArray[np.float32]:
        """Return the latents of noise, float32 M x z_dim."""
        return np.asarray((self.centres + n @ self.factor.T).astype(np.float32))

    def tangent(self, slope: Array, rows: NDArray[np.int64]) -> Array:
        """Return g / |g| of some rows, float64, by the slope at their latents; 0 where that is."""
        n = self.n[rows]
        along = slope @ self.factor
        squares = np.maximum((n**2).sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        along -= (along * n).sum(axis=1, keepdims=True) / squares * n
        length = np.linalg.norm(along, axis=1, keepdims=True)
        return np.divide(along, length, where=length > 0, out=np.zeros_like(along))

    def turned(self, uphill: Array, turn: Array) -> Array:
        """Return the noise after a turn of `turn` radians (float64 M) towards `uphill`."""
        length = np.linalg.norm(self.n, axis=1, keepdims=True)
        return np.asarray(np.cos(turn)[:, None] * self.n + np.sin(turn)[:, None] * length * uphill)
