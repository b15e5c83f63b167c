"""The weights of LPIPS for the channels of a network's taps, fitted to human judgements."""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from bestseller.backbones.networks import architecture
from bestseller.base.errors import BestsellerError

LPIPS_NETWORKS = {"alexnet": "alex", "vgg16": "vgg"}  # names in the lpips package


def lpips_heads(network: str) -> list[Tensor]:
    """Return the weights of LPIPS v0.1 for each tap of a network, C values >= 0 each.

    They are valid only for the network with its ImageNet weights.

    Raises:
        BestsellerError: the file of the lpips package is missing or does not fit the network.
    """
    package = find_spec("lpips")  # finds the package without importing it, which takes seconds
    if package is None or package.origin is None:
        raise BestsellerError("lpips: not installed; run `pip install -r requirements.txt`")
    path = Path(package.origin).parent / "weights" / "v0.1" / f"{LPIPS_NETWORKS[network]}.pth"
    mend = "run `pip install --force-reinstall lpips`"
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise BestsellerError(f"{path}: {error}; {mend}") from error
    taps = range(len(architecture(network).taps))
    names = [f"lin{tap}.model.1.weight" for tap in taps]
    if sorted(stored) != names or any(bool((stored[name] < 0).any()) for name in names):
        raise BestsellerError(f"{path}: not the weights of LPIPS v0.1; {mend}")
    return [stored[name].flatten().float() for name in names]
