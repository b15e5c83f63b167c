"""Expresses a model's distance from real photos as a blur: real photos so blurred are as far.

A kernel distance has no unit that a person knows. So held-out real photos are degraded on purpose,
and each kind is measured like a model against the untouched ones: a ladder. A model's place between
the rungs of the Gaussian blur says in pixels how far it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter
from scipy.special import ndtri

from bestseller.metrics.kernel_distance import Projections
from bestseller.metrics.statistics import Interval

Pixels = np.ndarray
BLURS = (0.5, 1.0, 2.0)  # standard deviations in pixels, rising
STEP = 0.01  # pixels between two blurs that are tried for the ends of an interval


@dataclass(frozen=True)
class Degradation:
    """One rung: `name` in tables, `words` in sentences, `apply` to uint8 N x H x W x 3."""

    name: str
    words: str
    apply: Callable[[Pixels], Pixels]


def blurred(images: Pixels, sigma: float) -> Pixels:
    """Blur each image with a Gaussian whose standard deviation is `sigma` pixels."""
    kernel = ImageFilter.GaussianBlur(sigma)
    return np.stack([np.asarray(Image.fromarray(image).filter(kernel)) for image in images])


def noisy(images: Pixels, levels: float) -> Pixels:
    """Add Gaussian noise of a standard deviation of `levels` grey levels, the same every time."""
    noise = np.random.default_rng(0).normal(0.0, levels, images.shape)
    return np.rint(images + noise).clip(0, 255).astype(np.uint8)


def compressed(images: Pixels, quality: int) -> Pixels:
    """Pass each image through JPEG of a quality, 1..95."""
    found = []
    for image in images:
        file = BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        found.append(np.asarray(Image.open(file)))
    return np.stack(found)


def shifted(images: Pixels, down: int, right: int) -> Pixels:
    """Move the content by whole pixels; what comes into view repeats the outermost pixels."""
    most = max(abs(down), abs(right))
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
    height, width = images.shape[1:3]
    return padded[:, most - down :, most - right :][:, :height, :width]


def _blur(sigma: float) -> Degradation:
    words = f"real photos blurred by {sigma:g} px"
    return Degradation(f"blurred-{sigma:g}px", words, lambda images: blurred(images, sigma))


def _noise(levels: int) -> Degradation:
    words = f"real photos with noise of {levels} grey levels"
    return Degradation(f"noisy-{levels}", words, lambda images: noisy(images, levels))


def _jpeg(quality: int) -> Degradation:
    words = f"real photos as JPEG of quality {quality}"
    return Degradation(f"jpeg-{quality}", words, lambda images: compressed(images, quality))


BLUR_LADDER = {sigma: _blur(sigma) for sigma in BLURS}
LADDER = (
    *BLUR_LADDER.values(),
    *(_noise(levels) for levels in (3, 8, 20)),
    *(_jpeg(quality) for quality in (75, 30)),
    Degradation("shifted-1px", "real photos shifted by 1 px", lambda images: shifted(images, 1, 1)),
)


def blur_equivalent(
    model: Projections, rungs: Mapping[float, Projections], confidence: float
) -> Interval:
    """Return the blur, px, at which real photos are as far from real photos as a model is.

    Between the rungs the root of the kernel distance, which is a metric, is taken to rise on a
    straight line, from 0 at no blur; a rung below the one before it counts as high as that. The
    interval holds every blur whose distance the model's does not differ from: images of the model,
    and real photos, which all distances share, vary (delta method on the Hajek projections).

    Args:
        model: of its images and the held-out photos.
        rungs: by blur in pixels, rising: of the blurred held-out photos and the held-out ones.
        confidence: of the interval.

    Returns:
        0 to the largest blur. That blur itself stands for anything beyond it.
    """
    blurs = np.array([0.0, *rungs])
    kids = [rung.estimate.value for rung in rungs.values()]
    roots = np.maximum.accumulate(np.sqrt(np.maximum([0.0, *kids], 0.0)))
    value = _place(np.sqrt(max(model.estimate.value, 0.0)), blurs, roots)
    of_photos = np.stack([rung.first + rung.second for rung in rungs.values()])
    z, accepted = float(ndtri((1 + confidence) / 2)), [value]
    for blur in np.append(np.arange(0.0, blurs[-1], STEP), blurs[-1]):
        root, weights = _between(blur, blurs, roots)
        rest = model.second - weights[1:] @ of_photos
        variance = model.first.var(ddof=1) / len(model.first) + rest.var(ddof=1) / len(rest)
        if abs(model.estimate.value - root**2) <= 2.0 * z * np.sqrt(variance):
            accepted.append(float(blur))
    return Interval(value, min(accepted), max(accepted))


def _place(root: float, blurs: np.ndarray, roots: np.ndarray) -> float:
    """Return the smallest blur whose root distance is `root`; the largest one beyond all."""
    above = np.flatnonzero(roots >= root)
    if not len(above):
        return float(blurs[-1])
    if above[0] == 0:
        return 0.0
    i = above[0]
    share = (root - roots[i - 1]) / (roots[i] - roots[i - 1])
    return float(blurs[i - 1] + share * (blurs[i] - blurs[i - 1]))


def _between(blur: float, blurs: np.ndarray, roots: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the root distance of a blur, and the derivative of its square by each rung's KID."""
    i = min(max(int(np.searchsorted(blurs, blur)), 1), len(blurs) - 1)
    share = (blur - blurs[i - 1]) / (blurs[i] - blurs[i - 1])
    root = (1 - share) * roots[i - 1] + share * roots[i]
    weights = np.zeros(len(blurs))
    for place, part in ((i - 1, 1 - share), (i, share)):
        if roots[place] > 0:
            weights[place] += root * part / roots[place]
    return float(root), weights


def blur_words(blur: Interval, least: float = STEP) -> str:
    """Say where a model stands: as far from real photos as real photos blurred by x px."""
    most = BLURS[-1]
    if blur.low >= most:
        return f"farther from real photos than real photos blurred by {most:g} px"
    end = f"more than {most:g}" if blur.high >= most else f"{blur.high:.2f}"
    if blur.value >= most:
        return (
            f"farther from real photos than real photos blurred by {most:g} px "
            f"(interval: from {blur.low:.2f} px on)"
        )
    if blur.value < least:
        return f"as near to real photos as real photos are to one another (up to {end} px of blur)"
    return (
        f"as far from real photos as real photos blurred by {blur.value:.2f} px "
        f"({blur.low:.2f} to {end})"
    )
