"""The moving average of a generator's weights: the network that is sampled and saved."""

import copy

import torch
from torch import nn


class MovingAverage:
    """Exponential moving average of parameters and float buffers.

    Args:
        network: the network that is trained; its tensors stay where they are.
        half_life: number of training images after which the influence of old weights has halved.
            It is counted in images, as by Karras et al. 2020, so that it does not depend on the
            batch size.
    """

    def __init__(self, network: nn.Module, half_life: float) -> None:
        self.half_life = half_life
        self.started = 0  # number of training images at the last restart
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        # listed once: going through the modules takes longer than the arithmetic of small networks
        self._ours, self._theirs = _tensors(self.network), _tensors(network)
        self._counts = [
            (our, their)
            for our, their in zip(self.network.buffers(), network.buffers(), strict=True)
            if not our.is_floating_point()
        ]

    @torch.no_grad()
    def restart(self, images_seen: int) -> None:
        """Set the average to the network's weights.

        A model calls for this when its networks change, so that old weights no longer fit.
        """
        self.started = images_seen
        torch._foreach_copy_(self._ours, self._theirs)

    @torch.no_grad()
    def update(self, batch_size: int, images_seen: int) -> None:
        """Move the average towards the network by one batch.

        Soon after a start or restart the half-life is shorter: at most a tenth of the images since.
        """
        half_life = min(self.half_life, max(images_seen - self.started, 1) * 0.1)
        weight = 1 - 0.5 ** (batch_size / half_life)
        torch._foreach_lerp_(self._ours, self._theirs, weight)
        for our, their in self._counts:
            our.copy_(their)


def _tensors(network: nn.Module) -> list[torch.Tensor]:
    buffers = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
    return [parameter.data for parameter in network.parameters()] + buffers
