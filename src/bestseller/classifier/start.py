"""Where the classifier's training starts: at random, or at the published weights."""

from pathlib import Path
from typing import Literal

import torch
from torch import nn

from bestseller.backbones.weights import published_weights
from bestseller.classifier.classifier import NAME, build_network


def starting_network(
    lines: int, weights: str, weights_dir: Path, seed: int
) -> tuple[nn.Module, Literal["scratch", "imagenet"]]:
    """Return a new ResNet-50 with `lines` outputs, and where its weights come from.

    ``backbones.weights: imagenet`` starts at torchvision's published weights, but for the last
    layer, which is new; the others start at random, since no weights of it are at hand.

    Raises:
        BestsellerError: the published weights cannot be had.
    """
    torch.manual_seed(seed)
    network = build_network(lines)
    if weights != "imagenet":
        return network, "scratch"
    own = network.state_dict()
    published = published_weights(NAME, weights_dir)
    network.load_state_dict(own | {k: v for k, v in published.items() if not k.startswith("fc.")})
    return network, "imagenet"
