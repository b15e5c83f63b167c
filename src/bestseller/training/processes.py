"""One training in several processes, each with its share of every batch.

The processes that ``torchrun`` starts hold the same weights. Each takes its part of the global
batch; gradients are averaged before each optimizer step and batch norm counts the global batch,
so that the training is that of one process up to the rounding of sums. What is exchanged are
gradients, batch statistics and losses; only the first process writes.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from bestseller.gans.batch import ProcessGroup

LAUNCHED = "TORCHELASTIC_RUN_ID"  # set by torchrun in the processes that it starts


def relaunch(processes: int) -> None:
    """Become ``torchrun`` with this program in `processes` processes, unless it started this one.

    The process is replaced, so that whoever waits for it or stops it has the whole group.
    """
    if LAUNCHED in os.environ:
        return
    program = sys.orig_argv[sys.orig_argv.index("-m") + 1 :]
    options = ["--standalone", f"--nproc-per-node={processes}", "--module"]
    command = [sys.executable, "-m", "torch.distributed.run", *options, *program]
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torchrun warns where it is not set
    os.execv(sys.executable, command)


@contextmanager
def process_group() -> Iterator[ProcessGroup]:
    """Join the group of processes that ``torchrun`` started, if any, and yield this one's share."""
    if LAUNCHED not in os.environ:
        yield ProcessGroup()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl")
    else:
        if os.environ["LOCAL_WORLD_SIZE"] == os.environ["WORLD_SIZE"] and sys.platform == "linux":
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # one machine needs no network
        dist.init_process_group("gloo")
    try:
        yield ProcessGroup(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def average(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by its mean over the processes, in one exchange."""
    if not dist.is_initialized():
        return
    tensors = list(tensors)
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    parts = (flat / dist.get_world_size()).split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))


class _SumOverProcesses(torch.autograd.Function):
    """The sum of the processes' tensors; every process's loss depends on each of them."""

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        del context
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        del context
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


def _sum_over_processes(tensor: Tensor) -> Tensor:
    total: Tensor = _SumOverProcesses.apply(tensor)
    return total


class GlobalBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the global batch (Ioffe & Szegedy 2015), of equal shares, on any device.

    PyTorch's own SyncBatchNorm is for GPUs alone.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        del input

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        wide = x.float()
        dims = [d for d in range(x.dim()) if d != 1]
        count = wide.numel() // wide.shape[1] * dist.get_world_size()
        local = torch.stack([wide.sum(dims), wide.square().sum(dims)])
        mean, square = _sum_over_processes(local) / count
        variance = (square - mean.square()).clamp(min=0)
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        shape = [1, -1] + [1] * (x.dim() - 2)
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return (wide * scale.view(shape) + shift.view(shape)).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.momentum is not None and self.num_batches_tracked is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked += 1


def share_batch_norm(network: nn.Module) -> None:
    """Let the network's batch norms count the global batch; weights and names stay."""
    if not dist.is_initialized():
        return
    for name, child in network.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            shared = GlobalBatchNorm(child.num_features, child.eps, child.momentum)
            shared.load_state_dict(child.state_dict())
            shared.to(next(child.parameters()).device).train(child.training)
            setattr(network, name, shared)
        else:
            share_batch_norm(child)
