"""Pure functions of images and features, and a record for each metric (`registry`).

The metrics alone, for images of your own, with ``src`` on the path:

    from bestseller.metrics import kid, precision_recall_density_coverage

    kid(real, generated)  # features, float N x d and M x d; an Estimate: value, standard_error
    precision_recall_density_coverage(real, generated, k=5).coverage

`frechet_distance` takes two means and covariances, `frechet_distance_from_features` and `mind` two
sets of features. `lpips_diversity` takes images and a network, see there.
"""

from typing import TYPE_CHECKING

from bestseller.lazy import exports

if TYPE_CHECKING:
    from bestseller.metrics.frechet import frechet_distance, frechet_distance_from_features
    from bestseller.metrics.kernel_distance import kid
    from bestseller.metrics.perceptual import lpips_diversity
    from bestseller.metrics.prdc import precision_recall_density_coverage
    from bestseller.metrics.sliced_wasserstein import mind

__all__ = [
    "frechet_distance",
    "frechet_distance_from_features",
    "kid",
    "lpips_diversity",
    "mind",
    "precision_recall_density_coverage",
]
__getattr__ = exports(
    __name__,
    {
        "frechet_distance": "frechet",
        "frechet_distance_from_features": "frechet",
        "kid": "kernel_distance",
        "lpips_diversity": "perceptual",
        "mind": "sliced_wasserstein",
        "precision_recall_density_coverage": "prdc",
    },
)
