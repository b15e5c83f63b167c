"""Perceptual distances between the images of a set.

LPIPS (Zhang et al. 2018) compares two images at several layers: features are scaled to unit length
over channels at every position, and their weighted squared differences are summed over channels and
averaged over positions. That is the squared distance of an embedding. Here every channel weighs the
same; with weights fitted to human judgements on a published network it would be LPIPS itself.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bestseller.backbones import Backbone
from bestseller.compute import autocast, device, to_signed
from bestseller.metrics.diversity import PairwiseSpread
from bestseller.metrics.quality import Values
from bestseller.progress import track

BATCH = 64
EPSILON = 1e-10  # added to a feature vector's length, as in LPIPS


def perceptual_embedding(maps: Sequence[Tensor]) -> Tensor:
    """Return the embedding of images, float32 N x D.

    Args:
        maps: feature maps of the same N images at several layers, N x C x h x w each;
            D = the sum of C h w.
    """
    parts = []
    for raw in maps:
        # Positions before channels: the order of channels-last memory, so that nothing is copied.
        features = raw.float().permute(0, 2, 3, 1)
        lengths = torch.linalg.vector_norm(features, dim=3, keepdim=True) + EPSILON
        positions = features.shape[1] * features.shape[2]
        parts.append((features / (lengths * positions**0.5)).flatten(1))
    return torch.cat(parts, dim=1)


def perceptual_diversity(
    backbone: Backbone,
    images: np.ndarray,
    *,
    pairs: int,
    precision: str,
    seed: int,
    progress: str,
) -> Values:
    """Measure how different the images of a set look from one another.

    Args:
        backbone: a network with perceptual taps, such as VGG-16.
        images: uint8 N x S x S x 3, N >= 3; taken in a random order, for pairs are sampled inside
            a batch.
        pairs: number of sampled pairs.
        precision: ``auto`` or ``fp32``.
        seed: of the order.
        progress: name of the progress bar.

    Returns:
        diversity_<backbone> over all pairs with its standard error (_se), its mean over sampled
        pairs (_sampled) and their number n_pairs: `pairs`, or as many as there are.

    Raises:
        ValueError: the network has no perceptual taps.
    """
    order = np.random.default_rng(seed).permutation(len(images))
    spread = PairwiseSpread(neighbours=-(-pairs // len(images)))
    with torch.inference_mode(), autocast(precision):
        for start in track(range(0, len(images), BATCH), progress, unit="batch"):
            batch = torch.from_numpy(images[order[start : start + BATCH]]).to(device())
            maps = backbone.taps(to_signed(batch))
            with torch.autocast(batch.device.type, enabled=False):
                spread.add(perceptual_embedding(maps))
    estimate, (sampled, count) = spread.over_all(), spread.over_pairs(pairs)
    key = f"diversity_{backbone.name}"
    return {
        key: estimate.value,
        f"{key}_se": estimate.standard_error,
        f"{key}_sampled": sampled,
        "n_pairs": count,
    }
