"""The moving average of a generator's weights, which is what samples and ships."""

import copy

import torch
from torch import nn


class MovingAverage:
    """Exponential moving average of parameters and float buffers.

    Args:
        network: the network that trains.
        half_life: images after which an old weight counts half (Karras et al. 2020 count the
            average's length in images, so that it does not depend on the batch size).
    """

    def __init__(self, network: nn.Module, half_life: float) -> None:
        self.half_life = half_life
        self.started = 0  # images seen when the average last began anew
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def restart(self, network: nn.Module, images_seen: int) -> None:
        """Begin anew at `network`, which has changed its meaning: old weights average no more."""
        self.started = images_seen
        torch._foreach_copy_(_tensors(self.network), _tensors(network))

    @torch.no_grad()
    def update(self, network: nn.Module, batch_size: int, images_seen: int) -> None:
        """Move towards `network` by one batch; early on the average is as short as the training."""
        half_life = min(self.half_life, max(images_seen - self.started, 1) * 0.1)
        weight = 1 - 0.5 ** (batch_size / half_life)
        ours, theirs = _tensors(self.network), _tensors(network)
        torch._foreach_lerp_(ours, theirs, weight)
        for our, their in zip(self.network.buffers(), network.buffers(), strict=True):
            if not our.is_floating_point():
                our.copy_(their)


def _tensors(network: nn.Module) -> list[torch.Tensor]:
    buffers = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
    return [parameter.data for parameter in network.parameters()] + buffers
