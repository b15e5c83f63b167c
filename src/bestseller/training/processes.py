"""One training in several processes. Each process computes its part of every batch.

``torchrun`` starts the processes. All hold the same weights. Gradients are averaged over the
processes before each optimizer step, and batch norm uses the statistics of the whole batch. So the
result is that of a single process, up to the rounding of sums. The processes exchange gradients,
batch statistics and losses. Only the first process writes files.
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

LAUNCHED = "TORCHELASTIC_RUN_ID"  # torchrun sets this variable in the processes that it starts


def relaunch(processes: int) -> None:
    """Replace this process by ``torchrun``, which runs this program in `processes` processes.

    A process that torchrun started is left as it is. Since the process is replaced, a parent that
    waits for it or stops it waits for or stops the whole group.
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
    """Join the processes that ``torchrun`` started, if any; yield this one's part of a batch."""
    if LAUNCHED not in os.environ:
        yield ProcessGroup()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl")
    else:
        if os.environ["LOCAL_WORLD_SIZE"] == os.environ["WORLD_SIZE"] and sys.platform == "linux":
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # the processes run on one machine
        dist.init_process_group("gloo")
    try:
        yield ProcessGroup(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def shares_training() -> bool:
    """Tell whether other processes compute parts of this process's training."""
    return dist.is_initialized()


def average(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by its mean over the processes, in one exchange."""
    if not shares_training():
        return
    tensors = list(tensors)
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    parts = (flat / dist.get_world_size()).split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))


class _SumOverProcesses(torch.autograd.Function):
    """The sum of the tensors of all processes, with the gradient that each process needs."""

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
    """Batch norm over the batch of all processes (Ioffe & Szegedy 2015), on any device.

    All processes must have equally many images. PyTorch's own SyncBatchNorm runs on GPUs only.
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
    """Make the network's batch norms use the batch of all processes; weights and names stay."""
    if not shares_training():
        return
    for name, child in network.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            shared = GlobalBatchNorm(child.num_features, child.eps, child.momentum)
            shared.load_state_dict(child.state_dict())
            shared.to(next(child.parameters()).device).train(child.training)
            setattr(network, name, shared)
        else:
            share_batch_norm(child)
