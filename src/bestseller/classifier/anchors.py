"""The similarity of known images, such as noise, so that a reader can judge other values."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.classifier.classifier import Classifier
from bestseller.classifier.similarity import image_similarity
from bestseller.metrics.statistics import mean_interval

NOISE_IMAGES = 200

Images = NDArray[np.uint8]


def noise_images(n: int, size: int, seed: int) -> Images:
    """Return images of independent uniform pixels, uint8 n x size x size x 3."""
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def shuffled_images(images: Images, seed: int) -> Images:
    """Return the images with their pixels in random order: the colours without the design."""
    rng = np.random.default_rng(seed)
    pixels = images.reshape(len(images), -1, images.shape[-1])
    order = rng.permuted(np.tile(np.arange(pixels.shape[1]), (len(images), 1)), axis=1)
    return np.take_along_axis(pixels, order[:, :, None], axis=1).reshape(images.shape)


def anchor_images(
    images: Images, index: pd.DataFrame, parts: pd.DataFrame, lines: Sequence[str], seed: int
) -> dict[str, tuple[Images, list[str]]]:
    """Choose the anchors: by name, images and the line each is held against.

    noise: uniform pixels, held against the lines in turn. shuffled: the held-out best sellers with
    their pixels in random order. slow sellers: held-out products that are no best sellers.
    held-out best sellers: the classifier's test part. training images: what a generator that
    copies would show. An anchor of fewer than two images is left out.

    Args:
        images: uint8 N x S x S x 3, the whole image set; index: its sku, line, split.
        parts: the best sellers, from `sellers.assign_parts`.
        lines: the classifier's.
        seed: of the noise.
    """
    size = images.shape[1]
    known = index["line"].isin(lines) & (index["split"] == "test")
    slow = np.flatnonzero(known & ~index["sku"].isin(parts["sku"]))
    of_line = index["line"].to_numpy(object)

    def best(part: str) -> NDArray[np.int64]:
        return parts.loc[parts["split"] == part, "row"].to_numpy(np.int64)

    test = best("test")
    in_turn = [lines[i % len(lines)] for i in range(NOISE_IMAGES)]
    anchors = {
        "noise": (noise_images(NOISE_IMAGES, size, seed), in_turn),
        "shuffled": (shuffled_images(images[test], seed), list(of_line[test])),
        "slow sellers": (images[slow], list(of_line[slow])),
        "held-out best sellers": (images[test], list(of_line[test])),
        "training images": (images[best("train")], list(of_line[best("train")])),
    }
    return {name: anchor for name, anchor in anchors.items() if len(anchor[0]) > 1}


def anchor_table(
    classifier: Classifier, anchors: dict[str, tuple[Images, list[str]]], confidence: float
) -> pd.DataFrame:
    """Measure every anchor.

    Returns:
        anchor, similarity, low, high (percent, mean over images), n, without_prior (the similarity
        with the sales prior divided out), most_likely (percent: the mean probability of the line
        that the classifier finds most likely, which is never low for it must name one), abstained
        (share of the images on which the detector abstains).
    """
    rows = []
    for name, (images, lines) in anchors.items():
        logits, features = classifier.outputs(images)
        probabilities = classifier.probabilities_of(logits)
        values = image_similarity(probabilities, lines, classifier.lines)
        interval = mean_interval(values, confidence)
        adjusted = classifier.probabilities_of(logits, prior=False)
        rows.append(
            {
                "anchor": name,
                "similarity": interval.value,
                "low": max(interval.low, 0.0),
                "high": min(interval.high, 100.0),
                "n": len(images),
                "without_prior": image_similarity(adjusted, lines, classifier.lines).mean(),
                "most_likely": 100 * probabilities.max(axis=1).mean(),
                "abstained": float(classifier.detector.abstains(features).mean()),
            }
        )
    return pd.DataFrame(rows)
