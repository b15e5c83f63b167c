"""The one module that imports torchvision and lpips.

PyTorch's CPU build does not fit the CUDA build of torchvision in the package registry. The compiled
extension of torchvision finds no CUDA library and is skipped. Then ``import torchvision`` fails
with "operator torchvision::nms does not exist", because torchvision describes two operators on
boxes that only the extension declares. This project uses no boxes. So if the extension does not
load, this module declares the two signatures, and torchvision can be imported. If it loads, as on
a CUDA machine, this module declares nothing.
"""

import importlib.machinery
import importlib.util

import torch

from bestseller.base.errors import BestsellerError

OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _extension_loads() -> bool:
    """Load torchvision's compiled extension as torchvision does; tell whether it loaded."""
    package = importlib.util.find_spec("torchvision")
    if package is None or not package.submodule_search_locations:
        raise BestsellerError("torchvision: not installed; run `pip install -r requirements.txt`")
    loader = (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES)
    finder = importlib.machinery.FileFinder(package.submodule_search_locations[0], loader)
    extension = finder.find_spec("_C")
    if extension is None or extension.origin is None:
        return False
    try:
        torch.ops.load_library(extension.origin)
    except OSError:
        return False
    return True


# The declarations exist as long as this object.
_declared = None if _extension_loads() else torch.library.Library("torchvision", "DEF")
if _declared is not None:
    for operator in OPERATORS:
        _declared.define(operator)

import lpips  # noqa: E402 (after the declarations)
from torchvision import models  # noqa: E402

__all__ = ["lpips", "models"]
