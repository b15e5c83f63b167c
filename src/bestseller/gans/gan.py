"""What a model is to the trainer: a generator and what trains it; a GAN's is a discriminator."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bestseller import params
from bestseller.gans.batch import Batch, RandomGenerator
from bestseller.gans.codes import Codes

Stats = dict[str, Tensor]


@dataclass(frozen=True)
class Shape:
    """Sizes that the data fixes.

    Attributes:
        image_size: pixels, side of the square RGB image; 32, 64, 128 or 256.
        z_dim: dimensions of the latent z.
        lines: number of product lines that condition the networks; 0 = unconditional.
        views: number of views that do; 1 = all images show the same.
    """

    image_size: int
    z_dim: int
    lines: int
    views: int = 1


class Model(nn.Module, ABC):
    """A generator and its losses; the trainer owns everything else.

    A new model is a module of its name in `bestseller.gans` that says `MODEL`, a line in
    `bestseller.params.train` and a section in params.yaml. `generator(z, conditions)` maps
    (N, z_dim) float latents and (N,) int64 numbers of `conditions.Conditions` to (N, 3, S, S)
    images in [-1, 1].

    Args:
        settings: the model's own section of params.yaml.
        shape: sizes that the data fixes.
    """

    version = 1  # of its networks and losses: with a new one no older checkpoint is resumed
    Settings: type[params.GanSettings] = params.GanSettings
    augmented = True  # False: it learns from the photos as they are, not from augmented ones

    def __init__(self, settings: Any, shape: Shape) -> None:
        super().__init__()
        self.generator = self.make_generator(settings, shape)

    @staticmethod
    @abstractmethod
    def make_generator(settings: Any, shape: Shape) -> nn.Module:
        """Build the generator alone, as needed to load a trained one."""

    @staticmethod
    def z_dim(settings: Any, shared: params.Shared) -> int:
        """Return the dimensions of a latent; the shared setting unless the model has its own."""
        del settings
        return shared.z_dim

    @abstractmethod
    def learners(self) -> dict[str, nn.Module]:
        """Return the networks that have an optimizer each, by its short name."""

    def scale_embeddings(self, scale: float) -> None:
        """Set the standard deviation of the fresh embeddings that tell G its condition."""
        for module in self.generator.modules():
            if isinstance(module, LatentAndCondition):
                module.scale(scale)

    def start_step(self, done: float) -> bool:
        """Prepare for a step with the share `done` of the training behind it, 0 <= done < 1.

        Returns:
            True when the optimizers must forget their moments, because the networks changed.
        """
        del done
        return False

    def rate(self, done: float) -> float:
        """Return the share of the section's lr that a step takes, 0..1."""
        del done
        return 1.0

    def fit(self, images: np.ndarray, index: pd.DataFrame) -> None:
        """Fix what stays fixed in training from the training images, uint8 N x S x S x 3.

        Args:
            images: those of `Batch.rows`.
            index: sku, line and view of each.
        """
        del images, index

    def codes(self) -> Codes | None:
        """Return where latents come from after `fit`; None where they are ~ N(0, I)."""
        return None


class JointModel(Model):
    """A model that learns from one loss."""

    def learners(self) -> dict[str, nn.Module]:
        return {"g": self.generator}

    @abstractmethod
    def loss(self, batch: Batch) -> tuple[Tensor, Tensor, Stats]:
        """Return what the learners minimise, the images made on the way and values to watch."""


class Gan(Model):
    """A generator, a discriminator and their losses, which take turns.

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
        """Return what the discriminator is shown of S x S images, before augmentation."""
        return images

    def shown_real(self, images: Tensor) -> Tensor:
        """Return what it is shown of real images, which a perfect generator would draw so."""
        return self.shown(images)

    @abstractmethod
    def discriminator_loss(
        self, real: Tensor, fake: Tensor, conditions: Tensor, random: RandomGenerator
    ) -> tuple[Tensor, Stats]:
        """Return L_D and values to watch; `fake` is detached from the generator."""

    @abstractmethod
    def generator_loss(self, fake: Tensor, conditions: Tensor) -> tuple[Tensor, Stats]:
        """Return L_adv and values to watch; the discriminator's weights are frozen."""


class ConditionEmbedding(nn.Embedding):
    """A learned vector for each line, plus one for each view where there are several.

    The sum lets a pair of few images share what its line and its view have in common elsewhere.
    With one view the weights, and their names, are the lines' alone.
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


class LatentAndCondition(nn.Module):
    """z joined with a learned embedding of the condition, the input of every generator.

    Mirza & Osindero 2014, "Conditional Generative Adversarial Nets": the condition is part of
    the input. Without lines it passes z through.
    """

    def __init__(self, shape: Shape, embedding_dim: int = 32) -> None:
        super().__init__()
        self.embedding = ConditionEmbedding(shape, embedding_dim) if shape.lines else None
        if self.embedding is not None:
            # short beside z, so that lines of a few products start from what all lines share
            for vectors in self.embedding.parameters():
                nn.init.normal_(vectors, 0.0, EMBEDDING_SCALE)
        self.out_features = shape.z_dim + (embedding_dim if shape.lines else 0)

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        if self.embedding is None:
            return z
        return torch.cat([z, self.embedding(conditions)], dim=1)

    @torch.no_grad()
    def scale(self, scale: float) -> None:
        """Set the standard deviation of fresh embeddings; the longer, the more lines differ."""
        if self.embedding is not None:
            for vectors in self.embedding.parameters():
                vectors.mul_(scale / EMBEDDING_SCALE)


class ConditionProjection(nn.Module):
    """The inner product of a condition's embedding with the discriminator's features.

    Miyato & Koyama 2018, "cGANs with Projection Discriminator", equation 4: the logit is
    psi(h) + <V y, h>. V starts at zero, so training begins at the unconditional discriminator.
    """

    def __init__(self, shape: Shape, features: int) -> None:
        super().__init__()
        self.embedding = ConditionEmbedding(shape, features) if shape.lines else None
        if self.embedding is not None:
            for vectors in self.embedding.parameters():
                nn.init.zeros_(vectors)

    def forward(self, features: Tensor, conditions: Tensor) -> Tensor | float:
        """Return (N, 1) to add to the logit of (N, features), or 0 without lines."""
        if self.embedding is None:
            return 0.0
        return (self.embedding(conditions) * features).sum(dim=1, keepdim=True)
