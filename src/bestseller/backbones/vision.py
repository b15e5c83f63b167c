"""The one module that imports torchvision and lpips.

PyTorch's CPU build does not fit the CUDA build of torchvision in the package registry. The compiled
extension of torchvision finds no CUDA library and is skipped. Then ``import torchvision`` fails
with "operator torchvision::nms does not exist", because torchvision describes two operators on
boxes that only the extension declares. This project uses no boxes. So if the extension does not
load, this module declares the two signatures, and torchvision can be imported. If it loads, as on
a CUDA machine, this module declares nothing.

For boxes too, torchvision imports PyTorch's compiler, just to ask it whether it compiles for a
device: a second of the CPU in each process. A stand-in answers instead while torchvision is
imported, and whoever asks for the compiler later gets it.
"""

import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

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


@contextmanager
def _no_compiler() -> Iterator[None]:
    """Spare imports in the block PyTorch's compiler, unless it is there already."""
    if "torch._dynamo" in sys.modules:
        yield
        return
    compiler, utils = ModuleType("torch._dynamo"), ModuleType("torch._dynamo.utils")
    vars(utils)["is_compile_supported"] = lambda device_type: False
    vars(compiler)["utils"] = utils
    stand_ins = {module.__name__: module for module in (compiler, utils)}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


# The declarations exist as long as this object.
_declared = None if _extension_loads() else torch.library.Library("torchvision", "DEF")
if _declared is not None:
    for operator in OPERATORS:
        _declared.define(operator)

with _no_compiler():
    from torchvision import models

import lpips  # noqa: E402 (after the declarations)

__all__ = ["lpips", "models"]
