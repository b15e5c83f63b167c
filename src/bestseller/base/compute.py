"""Where and how tensors are computed: device, precision, threads, memory."""

import sys
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from bestseller.base.memory import keep_freed_memory

# What may be coarse runs in bfloat16 (`autocast`). All else is float32 on every machine: on GPUs
# PyTorch would round the inputs of its convolutions to 10 bits (TF32), and features would be off by
# a quarter of a percent.
torch.backends.cudnn.allow_tf32 = False


def device() -> torch.device:
    """Return the CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_bf16() -> bool:
    """Tell whether this machine multiplies bfloat16 in hardware."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if sys.platform != "linux":
        return False
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = next((line for line in file if line.startswith("flags")), "").split()
    return bool({"avx512_bf16", "amx_bf16"} & set(flags))


def autocast(precision: str) -> AbstractContextManager[object]:
    """Return the context of mixed precision: ``auto`` (bf16 in hardware) or ``fp32``."""
    if precision == "auto" and has_bf16():
        return torch.autocast(device().type, dtype=torch.bfloat16)
    return nullcontext()


def configure_torch(threads: int, seed: int) -> None:
    """Set the number of threads of PyTorch and NumPy and the seed; keep freed memory."""
    torch.set_num_threads(threads)
    threadpool_limits(threads, "blas")
    torch.manual_seed(seed)
    if not torch.cuda.is_available():
        keep_freed_memory()


def place(network: nn.Module) -> None:
    """Move a network to the device; lay out its convolutions channels last, which is fastest."""
    network.to(device())
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def to_signed(images: Tensor) -> Tensor:
    """Decode uint8 images N x H x W x 3 into float32 N x 3 x H x W in [-1, 1], channels last."""
    return images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def to_uint8(images: Tensor) -> np.ndarray:
    """Quantise float images N x 3 x H x W in [-1, 1] to uint8 N x H x W x 3."""
    scaled = images.detach().float().add(1.0).mul_(127.5).round_().clamp_(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
