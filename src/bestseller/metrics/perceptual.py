"""Perceptual distances between the images of a set.

LPIPS (Zhang et al. 2018) compares two images at several layers: features are scaled to unit length
over channels at every position, and their weighted squared differences are summed over channels and
averaged over positions. As no weight is negative, that is the squared distance of an embedding.
With the ImageNet weights of VGG-16 or AlexNet the channels have LPIPS's own weights, v0.1, and the
number is LPIPS. With other networks or weights every channel weighs the same, and the number is
called diversity.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bestseller.backbones import Backbone
from bestseller.backbones.heads import LPIPS_NETWORKS, lpips_heads
from bestseller.base.compute import autocast, device, to_signed
from bestseller.base.progress import track
from bestseller.evaluation.quality import Values
from bestseller.metrics.diversity import PairwiseSpread
from bestseller.metrics.registry import space_label

BATCH = 64
EPSILON = 1e-10  # added to a feature vector's length, as in LPIPS


def perceptual_embedding(maps: Sequence[Tensor], weights: Sequence[Tensor] | None = None) -> Tensor:
    """Return the embedding of images, float32 N x D.

    Args:
        maps: feature maps of the same N images at several layers, N x C x h x w each;
            D = the sum of C h w.
        weights: of each layer's channels, C each, none negative; None = one for every channel.
    """
    parts = []
    for number, raw in enumerate(maps):
        # Positions before channels: the order of channels-last memory, so that nothing is copied.
        features = raw.float().permute(0, 2, 3, 1)
        lengths = torch.linalg.vector_norm(features, dim=3, keepdim=True) + EPSILON
        positions = features.shape[1] * features.shape[2]
        unit = features / (lengths * positions**0.5)
        if weights is not None:
            unit = unit * weights[number].to(unit).sqrt()
        parts.append(unit.flatten(1))
    return torch.cat(parts, dim=1)


def perceptual_name(backbone: Backbone) -> tuple[str, str]:
    """Return the metric that a network gives, ``lpips`` or ``diversity``, and its space's label."""
    if backbone.weights == "imagenet" and backbone.network_name in LPIPS_NETWORKS:
        return "lpips", backbone.network_name
    return "diversity", space_label(backbone.name)


def perceptual_diversity(
    backbone: Backbone,
    images: np.ndarray,
    *,
    pairs: int,
    precision: str,
    seed: int,
    progress: str,
) -> tuple[Values, np.ndarray]:
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
        lpips_<network> where it is LPIPS, diversity_<space> elsewhere: over all
        pairs with its standard error (_se), its mean over sampled pairs (_sampled) and their
        number n_pairs: `pairs`, or as many as there are. And the images' features, float32 N x d,
        as `backbone.features` gives them: the network has seen the images already.

    Raises:
        ValueError: the network has no perceptual taps.
    """
    published = perceptual_name(backbone)[0] == "lpips"
    weights = lpips_heads(backbone.network_name) if published else None
    order = np.random.default_rng(seed).permutation(len(images))
    spread = PairwiseSpread(neighbours=-(-pairs // len(images)))
    features = np.empty((len(images), backbone.architecture.dimensions), np.float32)
    with torch.inference_mode(), autocast(precision):
        for start in track(range(0, len(images), BATCH), progress, unit="batch"):
            rows = order[start : start + BATCH]
            batch = torch.from_numpy(images[rows]).to(device())
            maps = backbone.taps(to_signed(batch))
            features[rows] = backbone.pooled(maps[-1]).float().cpu().numpy()
            with torch.autocast(batch.device.type, enabled=False):
                spread.add(perceptual_embedding(maps, weights))
    estimate, (sampled, count) = spread.over_all(), spread.over_pairs(pairs)
    key = "_".join(perceptual_name(backbone))
    values = {
        key: estimate.value,
        f"{key}_se": estimate.standard_error,
        f"{key}_sampled": sampled,
        "n_pairs": count,
    }
    return values, features
