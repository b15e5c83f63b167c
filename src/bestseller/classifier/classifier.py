"""The best-seller classifier: a ResNet-50 whose classes are the product lines.

The network is torchvision's ResNet-50 with its stem unchanged (stride-2 convolution and pooling)
and L outputs: published weights fit it, and at 64 x 64 the last feature map is 2 x 2.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bestseller.backbones.backbone import batches
from bestseller.backbones.networks import Normalise, architecture, torchvision_network
from bestseller.base.compute import device, place
from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, read_json, require, write_json
from bestseller.classifier.calibration import calibrated, without_prior
from bestseller.classifier.detector import OutOfDistributionDetector

BATCH = 128
STAGES = ("layer1", "layer2", "layer3", "layer4")
NAME = "resnet50"
MADE_BY = "dvc repro classifier"


def build_network(lines: int) -> nn.Module:
    """Return a ResNet-50 with random weights and `lines` outputs.

    The last normalisation of each block starts at zero, so that blocks start as the identity: a
    network trained from scratch in few steps learns sooner.
    """
    return torchvision_network(NAME, num_classes=lines, zero_init_residual=True)


def normaliser() -> Normalise:
    """Return what maps images in [-1, 1] to the range of the published weights."""
    kind = architecture(NAME)
    return Normalise(kind.mean, kind.std).to(device())


@torch.inference_mode()
def forward(
    network: nn.Module, images: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], list[NDArray[np.float32]]]:
    """Compute logits and features in fp32 and evaluation mode, whatever the machine's precision.

    Args:
        network: a network that `build_network` made.
        images: uint8 N x S x S x 3, N >= 1.

    Returns:
        Logits, float64 N x L, and the features of the network's four stages, float32 N x 256, 512,
        1024 and 2048: their outputs averaged over positions. The last are what its last layer sees.
    """
    place(network.eval())
    normalise, pooled, found = normaliser(), list[Tensor](), list[list[Tensor]]()
    hooks = [
        network.get_submodule(stage).register_forward_hook(
            lambda _, __, output: pooled.append(output.mean(dim=(2, 3)))
        )
        for stage in STAGES
    ]
    try:
        for batch in batches(images, BATCH):
            logits = network(normalise(batch)).double()
            found.append([logits.cpu(), *(features.float().cpu() for features in pooled)])
            pooled.clear()
    finally:
        for hook in hooks:
            hook.remove()
    scores, *features = (torch.cat(parts).numpy() for parts in zip(*found, strict=True))
    return scores, features


@dataclass(frozen=True)
class Classifier:
    """A trained classifier with its calibration and its out-of-distribution detector.

    Attributes:
        network: a network that `build_network` made, trained.
        weights: where training started: ``scratch`` or ``imagenet``.
        size: side of the images it was trained on, pixels.
        lines: the L product lines in the order of the columns of `probabilities`.
        prior: share of each line in the training draws, sums to 1.
        temperature: divides the logits; fitted on validation images.
        detector: tells images that are like no best seller, by their features.
    """

    network: nn.Module
    weights: str
    size: int
    lines: list[str]
    prior: list[float]
    temperature: float
    detector: OutOfDistributionDetector

    def outputs(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return uncalibrated logits (float64 N x L) and features (float32 N x 3840).

        Raises:
            ValueError: the images are not uint8 N x size x size x 3.
        """
        if images.dtype != np.uint8 or images.shape[1:] != (self.size, self.size, 3):
            raise ValueError(
                f"images are {images.dtype} {images.shape}, "
                f"not uint8 N x {self.size} x {self.size} x 3"
            )
        logits, stages = forward(self.network, images)
        return logits, np.concatenate(stages, axis=1)

    def probabilities(self, images: NDArray[np.uint8], prior: bool = True) -> NDArray[np.float64]:
        """Return the calibrated p(line | image), float64 N x L, rows sum to 1.

        Args:
            images: uint8 N x S x S x 3.
            prior: keep the sales prior of training (the published definition), or divide it out.
        """
        return self.probabilities_of(self.outputs(images)[0], prior)

    def probabilities_of(
        self, logits: NDArray[np.float64], prior: bool = True
    ) -> NDArray[np.float64]:
        """Return the calibrated probabilities of logits that `outputs` returned."""
        probabilities = calibrated(logits, self.temperature)
        return probabilities if prior else without_prior(probabilities, np.array(self.prior))

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the input of the last layer, float32 N x 2048, >= 0."""
        return forward(self.network, images)[1][-1]

    def abstains(self, images: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Tell for which images the similarity means nothing: they are like no best seller."""
        return self.detector.abstains(self.outputs(images)[1])

    def save(self, folder: str | Path) -> None:
        """Write resnet50.safetensors and resnet50.json into `folder`."""
        folder = Path(folder)
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors["detector.bank"] = torch.from_numpy(self.detector.bank)
        with atomic_path(folder / f"{NAME}.safetensors") as temporary:
            save_file({k: v.cpu().contiguous() for k, v in tensors.items()}, temporary)
        described = {
            "architecture": NAME,
            "weights": self.weights,
            "size": self.size,
            "lines": self.lines,
            "prior": self.prior,
            "temperature": self.temperature,
            "detector": self.detector.settings(),
        }
        write_json(folder / f"{NAME}.json", described)


def load_classifier(folder: str | Path) -> Classifier:
    """Read a classifier that `Classifier.save` wrote. Nothing is unpickled.

    Raises:
        BestsellerError: a file is missing, or the two do not belong together.
    """
    path = require(Path(folder) / f"{NAME}.safetensors", MADE_BY)
    described = read_json(Path(folder) / f"{NAME}.json", MADE_BY)
    tensors = load_file(path)
    detector = OutOfDistributionDetector(
        tensors.pop("detector.bank").numpy(), **described["detector"]
    )
    network = build_network(len(described["lines"]))
    try:
        network.load_state_dict({k.removeprefix("network."): v for k, v in tensors.items()})
    except RuntimeError as error:
        raise BestsellerError(
            f"{path}: the weights do not fit {NAME}.json beside it; run `{MADE_BY} --force`"
        ) from error
    network.requires_grad_(False)
    known = ("weights", "size", "lines", "prior", "temperature")
    return Classifier(network, **{name: described[name] for name in known}, detector=detector)
