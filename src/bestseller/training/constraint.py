"""The centroid constraint pulls generated images as near to the centroid as real images are.

With frozen features Phi, a centre c and a reference distance d_ref (`centroids`):

    L_centroid = mean_j max(0, ||Phi(G(z_j)) - c||_2 - d_ref)
    L_G        = L_adv + lambda L_centroid

This is the constraint as published. Three settings change it:

- relative: the distance is divided by d_ref, so that lambda means the same in every feature space.
- schedule adaptive: lambda is multiplied by the share of the batch's images that are farther than
  d_ref from the centre. The share is that of the same batch, so it depends on the step alone.
- weighting gradient: lambda is multiplied by the ratio of two gradient norms: the mean norm of
  N dL_adv/dx over the generated images x, over the mean norm of N dL_centroid/dx over the images
  farther than d_ref. Lambda is then the constraint's gradient at such an image as a share of the
  adversarial gradient. Both norms are moving averages over the steps; checkpoints include them.
"""

import torch
from torch import Tensor, nn

from bestseller.centroid.centroids import Centroids
from bestseller.params import Centroid
from bestseller.training.processes import average

DECAY = 0.9  # factor of the gradients' moving averages from one use of the constraint to the next


class CentroidConstraint(nn.Module):
    """The weighted L_centroid and the frozen features that it needs.

    Args:
        centroids: features, centres, reference distances.
        settings: the section centroid of params.yaml: weight, schedule and so on.
        rows: int64 C, the index of each condition's centre; None = all use that of all images.
    """

    def __init__(
        self, centroids: Centroids, settings: Centroid, rows: Tensor | None = None
    ) -> None:
        super().__init__()
        self.centroids, self.settings = centroids, settings
        self.rows: Tensor | None
        self.register_buffer("rows", rows)
        # sum of norms and number of images: first of the adversarial gradient, then of this one
        self.gradients: Tensor
        self.register_buffer("gradients", torch.zeros(4))
        self.eval()

    def train(self, mode: bool = True) -> "CentroidConstraint":
        """Stay in evaluation mode: the features are frozen."""
        del mode
        return super().train(False)

    def applies(self, step: int, done: float) -> bool:
        """Tell whether this step uses the constraint; `done` is the share of training done."""
        return done >= self.settings.start and step % self.settings.every == 0

    def term(
        self, images: Tensor, conditions: Tensor, adversarial: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the term to add to L_adv, and values to record.

        Args:
            images: the generated batch, N x 3 x H x W in [-1, 1], with its graph.
            conditions: int64 N.
            adversarial: L_adv of the batch.

        Returns:
            The weighted loss, and a mapping: centroid_loss, the loss without its weight;
            centroid_distance, the mean distance over d_ref; centroid_outside, the share of images
            farther than d_ref; for weighting gradient also centroid_ratio, the ratio of the norms.
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
        """Return the ratio of the gradients' norms; 0 until an image was farther than d_ref."""
        count = len(outside)
        (push,) = torch.autograd.grad(adversarial, images, retain_graph=True)
        (pull,) = torch.autograd.grad(loss, images, retain_graph=True)
        now = torch.stack(
            [
                len(images) * push.float().flatten(1).norm(dim=1).sum(),
                torch.full((), len(images), device=push.device, dtype=torch.float32),
                count * pull.float().flatten(1).norm(dim=1).sum(),
                outside.float().sum(),
            ]
        )
        average([now])  # over the processes that share this training
        self.gradients.mul_(DECAY).add_(now, alpha=1 - DECAY)
        pushes, pushed, pulls, pulled = self.gradients
        tiny = torch.finfo(torch.float32).tiny
        ratio = (pushes / pushed) / (pulls / pulled.clamp(min=tiny)).clamp(min=tiny)
        return torch.where(pulls > 0, ratio, torch.zeros_like(ratio))
