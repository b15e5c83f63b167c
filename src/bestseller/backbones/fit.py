"""Fits a network from scratch on the user's own products: no download, no labels beside the lines.

Two random versions, called views here, are made of each image (shift, crop at the image's own
scale, mirror). The loss is the sum of two losses of the pooled features:

* line: cross-entropy of the product line with the logits adjusted by the lines' log shares
  (Menon et al. 2021). This balances the lines and does not give much weight to lines of a single
  product.
* instance: NT-Xent (Chen et al. 2020): find the other view of an image among all views in the
  batch. For this the features must keep what differs between products of one line: colour,
  texture, markers, layout. The views therefore do not change colours. Pictures of one design (a
  cluster) are not negatives of each other.

VGG-16 is fitted with batch normalisation, since without it a third of its layer-16 units become
inactive in so few steps. The normalisation is then folded into the convolutions. The result has
exactly the layers of torchvision's plain ``vgg16.features`` and computes the same function.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bestseller.backbones.backbone import Backbone
from bestseller.backbones.networks import (
    Architecture,
    Normalise,
    architecture,
    empty_network,
    fold_batch_norms,
    of_torchvision,
    torchvision_network,
    without_classifier,
)
from bestseller.base.compute import autocast, device, place, to_signed
from bestseller.base.errors import BestsellerError
from bestseller.base.progress import Progress
from bestseller.params import Backbones

# Side of a view over the image's side. VGG-16 needs eight times the operations of ResNet-18.
# Smaller views at the same scale halve this, and early layers see the same strokes and edges.
VIEW = {"vgg16": 0.75}
FITTED = ("vgg16", "resnet18", "resnet50")
SMALLEST_VIEW = 32  # pixels, since the networks halve the side five times
SHIFT = 1 / 16  # largest shift beyond the border, as a share of the side
PROJECTION = 128  # dimensions of the vectors that NT-Xent compares
TEMPERATURE = 0.2  # of NT-Xent
WEIGHT_DECAY = 0.05


@dataclass(frozen=True)
class _Products:
    """Images, uint8 N x S x S x 3, and for each the index of its line and of its design."""

    images: np.ndarray
    labels: np.ndarray
    designs: np.ndarray
    lines: int


@dataclass(frozen=True)
class Fit:
    """A fitted backbone and the mean loss of the last tenth of its steps."""

    backbone: Backbone
    loss: float


def fit_backbone(
    name: str, images: np.ndarray, lines: np.ndarray, clusters: np.ndarray, settings: Backbones
) -> Fit:
    """Fit a network; equal inputs, seed and thread count give equal weights.

    Args:
        name: one of `FITTED`.
        images: uint8 N x S x S x 3, S >= 32.
        lines: N product lines, of any sortable type.
        clusters: int N; images of equal number show one design.
        settings: the section ``backbones`` of params.yaml.

    Raises:
        BestsellerError: `name` is another network, there are fewer than two designs, or the loss
            is no longer finite.
    """
    if name not in FITTED:
        raise BestsellerError(
            f"params.yaml: backbones: {name} cannot be fitted here; these can: {', '.join(FITTED)}"
        )
    if len(np.unique(clusters)) < 2:
        raise BestsellerError(
            f"backbone: {len(images)} images of fewer than 2 designs are too few to fit {name}; "
            "add products, or set backbones.weights to imagenet in params.yaml"
        )
    random = torch.Generator().manual_seed(settings.seed)
    network = _trainable(name, random)
    place(network)
    classes, labels = np.unique(lines, return_inverse=True)
    products = _Products(images, labels, clusters, len(classes))
    loss = _train(name, network, products, settings, random)
    _measure_statistics(network, architecture(name), images, settings)
    if of_torchvision(network, "VGG"):
        _fold(network)
    return Fit(Backbone(name, "catalogue", network), loss)


def _trainable(name: str, random: torch.Generator) -> nn.Module:
    """Build a network with He's initial weights, VGG-16 with batch normalisation."""
    if name == "vgg16":
        with torch.device("meta"):
            network = without_classifier(torchvision_network("vgg16_bn"))
    else:
        network = empty_network(name)
    network.to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", generator=random)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.reset_parameters()
    return network


class _Heads(nn.Module):
    """The layers that are fitted with the network for the losses and then dropped."""

    def __init__(self, dimensions: int, lines: int) -> None:
        super().__init__()
        self.line = nn.Linear(dimensions, lines)
        self.first, self.second = nn.Linear(dimensions, 256), nn.Linear(256, PROJECTION)

    def project(self, features: Tensor) -> Tensor:
        return F.normalize(self.second(F.relu(self.first(features))), dim=1)


def _train(
    name: str,
    network: nn.Module,
    products: _Products,
    settings: Backbones,
    random: torch.Generator,
) -> float:
    """Train the network in place; return the mean loss of the last tenth of the steps."""
    kind = architecture(name)
    normalise = Normalise(kind.mean, kind.std).to(device())
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**31, (), generator=random)))
        heads = _Heads(kind.dimensions, products.lines).to(device())
    parameters = [*network.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
        ],
        lr=settings.lr,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.lr, total_steps=settings.steps
    )
    shares = np.bincount(products.labels) / len(products.labels)
    log_shares = torch.from_numpy(np.log(shares)).float().to(device())
    losses = []
    network.train()
    title = f"backbone {name}"
    with Progress(title, settings.steps * settings.batch_size, "img") as progress:
        views = _views(products.images, VIEW.get(name, 1.0), settings)
        for batch, rows in (next(views) for _ in range(settings.steps)):
            truth = torch.from_numpy(products.labels[rows]).to(device())
            design = torch.from_numpy(products.designs[rows]).to(device())
            with autocast(settings.precision):
                features = network(normalise(to_signed(batch.to(device()))))
            features = features.float()
            line_loss = F.cross_entropy(heads.line(features) + log_shares, truth)
            loss = line_loss + nt_xent(heads.project(features), design, TEMPERATURE)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            losses.append(loss.item())
            if not np.isfinite(losses[-1]):
                raise BestsellerError(
                    f"params.yaml: backbones.lr: {settings.lr} let the loss of {name} grow beyond "
                    f"all numbers at step {len(losses)}; lower it"
                )
            progress.update(len(rows), f"loss {losses[-1]:.2f}")
    return float(np.mean(losses[-max(1, settings.steps // 10) :]))


def nt_xent(projections: Tensor, designs: Tensor, temperature: float) -> Tensor:
    """Compute the normalised temperature-scaled cross-entropy loss.

    Args:
        projections: float 2B x d of unit length; rows i and i + B are views of one image.
        designs: int 2B; rows of equal number are not negatives of each other.
        temperature: divides the cosines.
    """
    rows = torch.arange(len(projections), device=projections.device)
    other = rows.roll(len(rows) // 2)
    excluded = designs[:, None] == designs[None, :]
    excluded[rows, other] = False
    logits = projections @ projections.T / temperature
    return F.cross_entropy(logits.masked_fill(excluded, -torch.inf), other)


def _views(
    images: np.ndarray, share: float, settings: Backbones
) -> Iterator[tuple[Tensor, np.ndarray]]:
    """Yield (views uint8 2B x s x s x 3, image rows 2B) without end; a pass has each image once."""
    random = np.random.default_rng(settings.seed)
    full = images.shape[1]
    side, shift = max(round(share * full), SMALLEST_VIEW), round(SHIFT * full)
    pairs = max(1, settings.batch_size // 2)
    order = np.empty(0, np.int64)
    while True:
        while len(order) < pairs:
            order = np.concatenate([order, random.permutation(len(images))])
        rows, order = np.tile(order[:pairs], 2), order[pairs:]
        batch = np.pad(images[rows], ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="edge")
        corners = random.integers(0, full + 2 * shift - side + 1, (len(rows), 2))
        mirrored = random.random(len(rows)) < 0.5
        views = np.stack(
            [view[y : y + side, x : x + side] for view, (y, x) in zip(batch, corners, strict=True)]
        )
        views[mirrored] = views[mirrored, :, ::-1]
        yield torch.from_numpy(views), rows


def _measure_statistics(
    network: nn.Module, kind: Architecture, images: np.ndarray, settings: Backbones
) -> None:
    """Set batch normalisation to the statistics of whole, unchanged images.

    The running averages of the training are those of older weights, and of views.
    """
    normalise = Normalise(kind.mean, kind.std).to(device())
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a plain average over the batches
    network.train()
    with torch.no_grad(), autocast(settings.precision):
        parts = -(-len(images) // settings.batch_size)
        for rows in np.array_split(np.arange(len(images)), parts):
            network(normalise(to_signed(torch.from_numpy(images[rows]).to(device()))))
    network.eval()


def _fold(network: Any) -> None:
    """Fold each batch normalisation into the convolution before it; the function stays the same."""
    folded: Any = fold_batch_norms(network)
    layers = [layer for layer in folded.features if not isinstance(layer, nn.Identity)]
    network.features = nn.Sequential(*layers)
