"""Two generators on the same held-out photos of today, in today's feature spaces."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bestseller.backbones import extract
from bestseller.backbones.features import FeatureCache
from bestseller.evaluation.measurement import load_spaces
from bestseller.evaluation.quality import scale_of, split
from bestseller.gans import TrainedGenerator
from bestseller.images.store import ImageSet
from bestseller.metrics.kernel_distance import kid_difference
from bestseller.metrics.statistics import Interval, normal_interval
from bestseller.params import Params

BACKBONES, FEATURES = Path("data/backbones"), Path(".scratch/features")


@dataclass(frozen=True)
class SpaceComparison:
    """The kernel distance of both to the held-out images in one feature space.

    Attributes:
        metric: its name, such as ``kid_lite2``.
        challenger, champion: each one's distance with its interval.
        difference: the challenger's minus the champion's; below 0 the challenger is nearer.
    """

    metric: str
    challenger: Interval
    champion: Interval
    difference: Interval


@dataclass(frozen=True)
class HeldOutComparison:
    """Both models in every metric space.

    Attributes:
        spaces: the main space first.
        n_images, n_real: images that each drew, real images held out.
        lines: lines that both draw.
    """

    spaces: list[SpaceComparison]
    n_images: int
    n_real: int
    lines: list[str]

    def facts(self) -> dict[str, float | int]:
        """Return everything as flat facts."""
        facts: dict[str, float | int] = {
            "n_images": self.n_images,
            "n_real": self.n_real,
            "lines_shared": len(self.lines),
        }
        for space in self.spaces:
            for whose in ("challenger", "champion", "difference"):
                found: Interval = getattr(space, whose)
                name = f"{space.metric}_{whose}"
                facts |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
        return facts

    @property
    def better(self) -> bool:
        """The challenger is nearer in every space, by intervals that exclude 0."""
        return all(space.difference.high < 0 for space in self.spaces)

    @property
    def worse(self) -> bool:
        """The challenger is farther in every space, by intervals that exclude 0."""
        return all(space.difference.low > 0 for space in self.spaces)


@dataclass(frozen=True)
class NotComparable:
    """Why the two models cannot be compared, and whether the challenger is promoted.

    The challenger is promoted if the champion does not fit today's catalogue any more. The champion
    stays if there are no photos to compare with.
    """

    promote: bool
    reason: str


def compare_on_held_out(
    challenger: TrainedGenerator,
    champion: TrainedGenerator,
    images: ImageSet,
    root: Path,
    params: Params,
) -> HeldOutComparison | NotComparable:
    """Draw from both with the same latents for the same lines, and measure both alike.

    Of the lines of today's catalogue those count that both learned, in the catalogue's proportions,
    and the held-out images of these. A photo that is held out today may have been a training image
    of the champion's run; that can only favour the champion.

    Args:
        challenger, champion: the two.
        images: today's real images, of the main view.
        root: the checkout with data/backbones; features of real images are kept in .scratch.
        params: evaluate.images are drawn, with retrain.gate.seed.

    Raises:
        BestsellerError: a backbone's file is missing or damaged.
    """
    catalogue = images.index["line"]
    lines = sorted(set(challenger.lines) & set(champion.lines) & set(catalogue))
    if not lines:
        return NotComparable(True, "The champion learned no line of today's catalogue.")
    held_out = split(images)[1]
    of_lines = held_out.index["line"].isin(lines).to_numpy()
    if of_lines.sum() < 2:
        return NotComparable(
            False,
            "Fewer than two images of the lines that both learned are held out: no comparison.",
        )
    n, seed = params.evaluate.images, params.retrain.gate.seed
    shown = catalogue[catalogue.isin(lines)].to_numpy()
    drawn = [str(line) for line in np.random.default_rng(seed).choice(shown, n)]
    new, old = (
        generator.images(generator.draw(drawn, seed).latents, drawn)
        for generator in (challenger, champion)
    )
    if new.shape != old.shape:
        return NotComparable(
            True,
            f"The champion draws {old.shape[1]} px, images.size of params.yaml is now "
            f"{new.shape[1]}.",
        )
    spaces = load_spaces(root / BACKBONES, params)
    kept, networks = FeatureCache(root / FEATURES), list(spaces.values())
    train = split(images)[0].images
    known, real = kept.extract(networks, train), kept.extract(networks, held_out.images)
    new_features, old_features = (
        extract(networks, pixels, progress=f"gate: {who}")
        for who, pixels in (("challenger", new), ("champion", old))
    )
    found = []
    for label, *tables in zip(spaces, known, real, new_features, old_features, strict=True):
        scale = scale_of(label, tables[0])
        photos, first, second = (table / scale for table in tables[1:])
        pair = kid_difference(photos[of_lines], first, second)
        intervals = (
            normal_interval(estimate, params.compare.confidence)
            for estimate in (pair.first, pair.second, pair.difference)
        )
        found.append(SpaceComparison(f"kid_{label}", *intervals))
    return HeldOutComparison(found, n, int(of_lines.sum()), lines)
