"""The interface of a model to the trainer: a generator and the networks and losses it needs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bestseller import params
from bestseller.gans.batch import SALES_LEVELS, Batch, RandomGenerator
from bestseller.gans.codes import Codes

Stats = dict[str, Tensor]


@dataclass(frozen=True)
class Shape:
    """Sizes of images, latents and conditions.

    Attributes:
        image_size: pixels, side of the square RGB image; 32, 64, 128 or 256.
        z_dim: dimensions of the latent z.
        lines: number of product lines in the conditions; 0 = unconditional.
        views: number of views in the conditions; 1 = all images show the same view.
        sales: whether G and D are told how a product sells: the last of the z_dim numbers is the
            standard normal quantile of its percentile, and D is told its level.
    """

    image_size: int
    z_dim: int
    lines: int
    views: int = 1
    sales: bool = False


class Model(nn.Module, ABC):
    """A generator and its losses. The trainer does the rest: optimizers, loop, checkpoints.

    A new model needs a module of its name in `bestseller.gans` that defines `MODEL`, a line in
    `bestseller.params.train` and a section in params.yaml. `generator(z, conditions)` maps
    (N, z_dim) float latents and (N,) int64 numbers of `conditions.Conditions` to (N, 3, S, S)
    images in [-1, 1].

    Args:
        settings: the model's own section of params.yaml.
        shape: sizes of images, latents and conditions.
    """

    version = 1  # raise it when networks or losses change: older checkpoints are then not used
    Settings: type[params.GanSettings] = params.GanSettings
    augmented = True  # False: the model learns from the photos themselves, not from augmented ones
    # False: a step reads values back from the device, so no CUDA graph can be made of it
    recordable = True

    def __init__(self, settings: Any, shape: Shape) -> None:
        super().__init__()
        self.generator = self.make_generator(settings, shape)

    @staticmethod
    @abstractmethod
    def make_generator(settings: Any, shape: Shape) -> nn.Module:
        """Build the generator alone, which is enough to load a trained one."""

    @staticmethod
    def z_dim(settings: Any, shared: params.Shared, images: int) -> int:
        """Return the dimensions of a latent: the shared setting, unless a model overrides it.

        Args:
            settings: the model's own section of params.yaml.
            shared: the train section.
            images: number of training images.
        """
        del settings, images
        return shared.z_dim

    @abstractmethod
    def learners(self) -> dict[str, nn.Module]:
        """Return the networks that are trained, each with its own optimizer, by a short name."""

    def scale_embeddings(self, scale: float) -> None:
        """Set the standard deviation of the fresh embeddings that tell G its condition."""
        for module in self.generator.modules():
            if isinstance(module, LatentAndCondition):
                module.scale(scale)

    def start_step(self, done: float) -> bool:
        """Prepare for a step; `done` is the share of the training that is over, 0 <= done < 1.

        Returns:
            True if the networks changed, so that the optimizers must reset their moments.
        """
        del done
        return False

    def prepare(self, batch: Batch) -> Batch:
        """Add to a batch what the CPU computes for the step, before the step begins."""
        return batch

    def rate(self, done: float) -> float:
        """Return the factor of this step on the learning rate of the settings, 0..1."""
        del done
        return 1.0

    def fit(self, images: np.ndarray, index: pd.DataFrame) -> None:
        """Compute from the training images, once, what training does not change.

        Args:
            images: the training images, uint8 N x S x S x 3, to which `Batch.rows` refers.
            index: sku, line and view of each image.
        """
        del images, index

    def codes(self) -> Codes | None:
        """Return the codes that latents are drawn from, after `fit`; None if z ~ N(0, I)."""
        return None


class JointModel(Model):
    """A model that learns from one loss."""

    def learners(self) -> dict[str, nn.Module]:
        return {"g": self.generator}

    @abstractmethod
    def loss(self, batch: Batch) -> tuple[Tensor, Tensor, Stats]:
        """Return the loss that all learners minimise, the generated images, values to record."""


class Gan(Model):
    """A generator, a discriminator and their two losses, which are minimised in turn.

    `discriminator(images, conditions)` returns logits.
    """

    def __init__(self, settings: Any, shape: Shape) -> None:
        super().__init__(settings, shape)
        self.discriminator = self.make_discriminator(settings, shape)

    @staticmethod
    @abstractmethod
    def make_discriminator(settings: Any, shape: Shape) -> nn.Module:
        """Build the discriminator."""

    def learners(self) -> dict[str, nn.Module]:
        return {"d": self.discriminator, "g": self.generator}

    def shown(self, images: Tensor) -> Tensor:
        """Return the discriminator's input for generated S x S images, before augmentation."""
        return images

    def shown_real(self, images: Tensor) -> Tensor:
        """Return the discriminator's input for real images, before augmentation.

        A perfect generator's images have the same distribution as this input.
        """
        return self.shown(images)

    @abstractmethod
    def discriminator_loss(
        self, real: Tensor, fake: Tensor, conditions: Tensor, random: RandomGenerator
    ) -> tuple[Tensor, Stats]:
        """Return L_D and values to record; `fake` is detached from the generator."""

    @abstractmethod
    def generator_loss(self, fake: Tensor, conditions: Tensor) -> tuple[Tensor, Stats]:
        """Return L_adv and values to record; the discriminator's weights are frozen."""


class ConditionEmbedding(nn.Embedding):
    """A learned vector for each line, plus one for each view if there are several views.

    The embedding of a (line, view) pair is the sum of both vectors. So a pair with few images
    learns from the other images of its line and of its view. With one view there are only the
    weights of the lines.
    """

    def __init__(self, shape: Shape, dimensions: int) -> None:
        super().__init__(shape.lines, dimensions)
        self.views = nn.Embedding(shape.views, dimensions) if shape.views > 1 else None

    def forward(self, conditions: Tensor) -> Tensor:
        """Return (N, dimensions) for (N,) numbers of `conditions.Conditions`."""
        if self.views is None:
            return super().forward(conditions)
        count = self.views.num_embeddings
        lines = super().forward(conditions.div(count, rounding_mode="floor"))
        return lines + self.views(conditions % count)


EMBEDDING_SCALE = 0.3
SALES_WIDTH = 32  # hidden units of the embedding of a percentile


class LatentAndCondition(nn.Module):
    """The input of every generator: z concatenated with a learned embedding of the condition.

    Mirza & Osindero 2014, "Conditional Generative Adversarial Nets": the condition is part of
    the input. Without lines the input is z.
    """

    def __init__(self, shape: Shape, embedding_dim: int = 32) -> None:
        super().__init__()
        self.embedding = ConditionEmbedding(shape, embedding_dim) if shape.lines else None
        if self.embedding is not None:
            # Short compared with z: lines start almost alike, which helps lines of few products.
            for vectors in self.embedding.parameters():
                nn.init.normal_(vectors, 0.0, EMBEDDING_SCALE)
        self.out_features = shape.z_dim + (embedding_dim if shape.lines else 0)

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        if self.embedding is None:
            return z
        return torch.cat([z, self.embedding(conditions)], dim=1)

    @torch.no_grad()
    def scale(self, scale: float) -> None:
        """Set the standard deviation of fresh embeddings; with a larger one, lines differ more."""
        if self.embedding is not None:
            for vectors in self.embedding.parameters():
                vectors.mul_(scale / EMBEDDING_SCALE)


class ConditionProjection(nn.Module):
    """The inner product of a condition's embedding with the discriminator's features.

    Miyato & Koyama 2018, "cGANs with Projection Discriminator", equation 4: the logit is
    psi(h) + <V y, h>. V starts at zero, so the discriminator starts unconditional. A percentile of
    sales is embedded by two layers, as a regression label by CcGAN (Ding et al. 2021, "CcGAN:
    Continuous Conditional Generative Adversarial Networks for Image Generation"), and added.
    """

    def __init__(self, shape: Shape, features: int) -> None:
        super().__init__()
        self.embedding = ConditionEmbedding(shape, features) if shape.lines else None
        if self.embedding is not None:
            for vectors in self.embedding.parameters():
                nn.init.zeros_(vectors)
        self.sales: nn.Sequential | None = None
        if shape.sales:
            last = nn.Linear(SALES_WIDTH, features)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
            self.sales = nn.Sequential(nn.Linear(1, SALES_WIDTH), nn.LeakyReLU(0.2), last)

    def forward(self, features: Tensor, conditions: Tensor) -> Tensor | float:
        """Return (N, 1) to add to the logit of (N, features), or 0 without lines and sales.

        Args:
            features: of the discriminator.
            conditions: int64 N, `Batch.told`.
        """
        told: Tensor | None = None
        if self.sales is not None:
            percentile = (conditions % SALES_LEVELS).to(features.dtype) / (SALES_LEVELS - 1)
            told = self.sales(2 * percentile[:, None] - 1)
            conditions = conditions.div(SALES_LEVELS, rounding_mode="floor")
        if self.embedding is not None:
            line = self.embedding(conditions)
            told = line if told is None else told + line
        return 0.0 if told is None else (told * features).sum(dim=1, keepdim=True)
