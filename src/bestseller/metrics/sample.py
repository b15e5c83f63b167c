"""The features of one set of images and of the real images, in one feature space."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bestseller.metrics.distances import Array
from bestseller.metrics.frechet import Gaussian
from bestseller.metrics.kernel_distance import Projections, projections
from bestseller.metrics.prdc import Prdc, precision_recall_density_coverage
from bestseller.metrics.sliced_wasserstein import mind
from bestseller.metrics.statistics import Estimate


@dataclass(frozen=True)
class RealFeatures:
    """The real images in a feature space.

    Features are divided by one number, the root mean square of the training images' features, so
    that a distance does not hang on the unit that a network happens to have. Inception-v3's stay
    as they are: FID and KID are published so.

    Attributes:
        space: label of the feature space, from `registry.space_label`.
        scale: what the features were divided by.
        train: features of the images that the generators learned from, N x d.
        test: features of the held-out images, M x d.
        rungs: by blur in pixels, what the blurred held-out images are to the others.
    """

    space: str
    scale: float
    train: Array
    test: Array
    rungs: Mapping[float, Projections]

    @cached_property
    def held_out(self) -> Projections:
        """The training images against the held-out ones: what real photos are to one another."""
        return projections(self.train, self.test)

    @property
    def floor(self) -> Estimate:
        """The distance that a ratio is taken to: that of `held_out`, or its standard error where
        that is larger, since below it two sets of real photos cannot be told apart."""
        found = self.held_out.estimate
        return Estimate(max(found.value, found.standard_error), found.standard_error)


@dataclass(frozen=True)
class Sample:
    """What the metrics of one feature space are computed from.

    Attributes:
        features: of the images that are measured, scaled as the real ones, N x d.
        real: the real images there.
        confidence: of intervals.
        paired: row i was made from held-out image i.
        is_held_out: the images are the held-out ones, which are measured against the training ones.
    """

    features: Array
    real: RealFeatures
    confidence: float
    paired: bool = False
    is_held_out: bool = False

    @cached_property
    def kid(self) -> Projections:
        """The kernel distance to the held-out photos; of these, to the training photos."""
        if self.is_held_out:
            return self.real.held_out
        return projections(self.features, self.real.test, self.paired)

    @cached_property
    def prdc(self) -> Prdc:
        """Precision, recall, density and coverage against the training photos."""
        return precision_recall_density_coverage(self.real.train, self.features)

    @cached_property
    def mind(self) -> Estimate:
        """The sliced Wasserstein distance to the training photos."""
        return mind(self.real.train, self.features)

    @cached_property
    def frechet(self) -> tuple[float, float]:
        """The Frechet distance to the training photos, and as of infinitely many images."""
        return Gaussian.of(self.real.train).distance_and_limit(self.features)
