"""The centroid constraint: generated images stay as near the catalogue's centre as real ones.

With frozen features Phi, a centre c and a reference distance d_ref (`centroids`):

    L_centroid = mean_j max(0, ||Phi(G(z_j)) - c||_2 - d_ref)
    L_G        = L_adv + lambda L_centroid

That is the constraint as published. Beside it stand, each a setting:

- relative: the distance over d_ref, so that lambda means the same in every feature space;
- schedule adaptive: lambda times the share of the batch outside d_ref. The share is that of the
  same batch, so that nothing but the step decides it;
- weighting gradient: lambda times the ratio of the two losses' gradients at an image, of the mean
  norm of N dL_adv/dx over the generated images to the mean norm of N dL_centroid/dx over those
  outside d_ref. Lambda is then the pull on an image outside as a share of the adversarial push.
  Both norms are moving averages over the steps, which a checkpoint keeps.
"""

import torch
from torch import Tensor, nn

from bestseller.centroid.centroids import Centroids
from bestseller.params import Centroid
from bestseller.training.processes import average

DECAY = 0.9  # of the gradients' moving averages, from one use to the next


class CentroidConstraint(nn.Module):
    """L_centroid, weighted, with its frozen features.

    Args:
        centroids: features, centres, reference distances.
        settings: weight, schedule, ...: the section centroid of params.yaml.
        rows: int64 C, the centre of each condition; without it that of all images for every one.
    """

    def __init__(
        self, centroids: Centroids, settings: Centroid, rows: Tensor | None = None
    ) -> None:
        super().__init__()
        self.centroids, self.settings = centroids, settings
        self.rows: Tensor | None
        self.register_buffer("rows", rows)
        # sum of norms and number of images, of the adversarial gradient and of the constraint's
        self.gradients: Tensor
        self.register_buffer("gradients", torch.zeros(4))
        self.eval()

    def train(self, mode: bool = True) -> "CentroidConstraint":
        """Stay in evaluation mode: the features are frozen."""
        del mode
        return super().train(False)

    def applies(self, step: int, done: float) -> bool:
        """Tell whether the constraint is used at this step, a share `done` of the training in."""
        return done >= self.settings.start and step % self.settings.every == 0

    def term(
        self, images: Tensor, conditions: Tensor, adversarial: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what to add to L_G, and what to watch.

        Args:
            images: the generated batch, N x 3 x H x W in [-1, 1], with its graph.
            conditions: int64 N.
            adversarial: L_adv of the batch.

        Returns:
            The weighted loss; centroid_loss, its value without a weight; centroid_distance, the
            mean distance over d_ref; centroid_outside, the share of images outside.
        """
        settings = self.settings
        part = slice(settings.images or len(images))
        rows = None if self.rows is None else self.rows[conditions[part]]
        distances = self.centroids.distances(images[part], rows)
        outside = distances.detach() > 1
        excess = (distances - 1).clamp(min=0)
        if not settings.relative:
            references = self.centroids.references
            excess = excess * (references[0] if rows is None else references[rows])
        loss, share = excess.mean(), outside.float().mean()
        stats = {
            "centroid_loss": loss.detach(),
            "centroid_distance": distances.detach().mean(),
            "centroid_outside": share,
        }
        weight = (
            settings.weight * settings.every * (share if settings.schedule == "adaptive" else 1.0)
        )
        if settings.weighting == "gradient":
            ratio = self._ratio(images, adversarial, loss, outside)
            stats["centroid_ratio"] = ratio
            weight = weight * ratio
        return weight * loss, stats

    def _ratio(self, images: Tensor, adversarial: Tensor, loss: Tensor, outside: Tensor) -> Tensor:
        """Return the ratio of the gradients' norms at an image, 0 before any lay outside."""
        count = len(outside)
        (push,) = torch.autograd.grad(adversarial, images, retain_graph=True)
        (pull,) = torch.autograd.grad(loss, images, retain_graph=True)
        now = torch.stack(
            [
                len(images) * push.float().flatten(1).norm(dim=1).sum(),
                torch.as_tensor(len(images), device=push.device, dtype=torch.float32),
                count * pull.float().flatten(1).norm(dim=1).sum(),
                outside.float().sum(),
            ]
        )
        average([now])  # over the processes of one training
        self.gradients.mul_(DECAY).add_(now, alpha=1 - DECAY)
        pushes, pushed, pulls, pulled = self.gradients
        tiny = torch.finfo(torch.float32).tiny
        ratio = (pushes / pushed) / (pulls / pulled.clamp(min=tiny)).clamp(min=tiny)
        return torch.where(pulls > 0, ratio, torch.zeros_like(ratio))
