"""Does steering by sales make designs that buyers would like better? Held against the hidden taste.

``python benchmarks/steering.py data --model blend-plain-0 [--ledgers 1 2 3 4 5]`` with ``src`` on
the path, in the folder of a finished run of the embedded shop.

No model is trained: the run's blend model stays, and for each ledger seed the shop's sales are
drawn anew from a taste of their own (the first: the shop's; others: its weights dealt anew among
the values of each attribute), and the score is fitted to them. So a ledger stands for another shop
with the same catalogue; what varies with the catalogue, the latents and the training is not in
the intervals, which are Student's over the ledgers. ``--shuffled`` deals the sales of each line
anew among its products: the control, in which nothing can be learned.

Each arm draws the same number of images a line and keeps the same number, of those that copy
nothing, are like products and are sharp enough; classifiers are left out (`recognisable` is 1).

- random: the mean of all images that pass, as the model draws them;
- best_of_n: as the model draws them, by the score of the picture alone;
- lower_bound: the same images, by the lower bound of the score drawn towards its prior;
- sales, score: parents screened, see `designs.screening`, then by the lower bound.

Printed of each arm: appeal (mean true log appeal over the line's average product, as the attribute
reader reads it, less that of random), novel (share), diverse (mean distance of two designs of a
line in a space that judges alone, over that of two real ones), real (share with a real photo's
neighbourhood around it in that space), covered (share whose 95 % interval holds the read appeal),
beyond (share marked as beyond what was seen).
"""

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
from attribute_reader import AttributeReader, permuted, utility_of
from embedded import sales_of
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from threadpoolctl import threadpool_limits

from bestseller.backbones import FeatureSpace, load_space
from bestseller.base.compute import configure_torch
from bestseller.classifier.detector import OutOfDistributionDetector
from bestseller.classifier.sellers import mean_by_product, sales_history
from bestseller.demo import sales, taste
from bestseller.demo.shop import DemoShop
from bestseller.demo.world import last_day
from bestseller.designs.candidates import Candidates, sample
from bestseller.designs.expected import Expectation
from bestseller.designs.screening import Screen, screened
from bestseller.designs.selection import choose_diverse
from bestseller.gans import TrainedGenerator, load_generator
from bestseller.images.store import ImageSet
from bestseller.metrics.novelty import NEAR_COPY_PERCENTILE, NOVEL_PERCENTILE
from bestseller.metrics.prdc import precision_recall_density_coverage
from bestseller.metrics.statistics import mean_interval
from bestseller.params import Params, Space, load_params
from bestseller.preference.known import KnownImages
from bestseller.preference.ranker import fit_ranker
from bestseller.preference.scorer import Scorer
from bestseller.sales import units_per_product

JUDGE = Space(network="efficientnet_lite2", layers=[], side=144)
ARMS: dict[str, tuple[Screen, str]] = {
    "random": ("drawn", ""),
    "best_of_n": ("drawn", "picture_score"),
    "lower_bound": ("drawn", "score_low"),
    "sales": ("sales", "score_low"),
    "score": ("score", "score_low"),
}
CONFIDENCE = 0.95
LATENTS = 1  # seed of the draw, the same for all ledgers: images are then looked at once


@dataclass(frozen=True)
class Shop:
    """What all ledgers share; `seen` is what none changes of a drawn image, by its pixels."""

    demo: DemoShop
    images: ImageSet
    features: NDArray[np.float32]
    known: KnownImages
    detector: OutOfDistributionDetector
    generator: TrainedGenerator
    space: FeatureSpace
    judge: FeatureSpace
    judged: NDArray[np.float64]
    reader: AttributeReader
    seen: dict[bytes, dict[str, Any]]

    @classmethod
    def load(cls, data: Path, model: str, params: Params, reader: AttributeReader) -> "Shop":
        """Read a finished run."""
        settings = params.catalogue.demo
        demo = DemoShop(settings.scale, settings.seed)
        images = ImageSet.open(data / "processed").of_main_view()
        of_shop = {product.sku for product in demo.products}
        images = images.select(images.index["sku"].isin(of_shop).to_numpy())
        space = load_space(data / "backbones", params.backbones.score_space)
        judge = load_space(data / "backbones", JUDGE)
        pixels, part = np.asarray(images.images), images.index["split"].to_numpy()
        features = space.features(pixels)
        detector = OutOfDistributionDetector.fit(
            features[part == "train"], features[part == "validation"]
        )
        return cls(
            demo,
            images,
            features,
            KnownImages.of(space, images, space.features),
            detector,
            load_generator(data / "models" / model),
            space,
            judge,
            judge.features(pixels).astype(np.float64),
            reader,
            {},
        )

    def look(self, images: NDArray[np.uint8]) -> pd.DataFrame:
        """Return what no ledger changes, a row per image, each worked out once."""
        names = [image.tobytes() for image in images]
        new = np.array([name not in self.seen for name in names])
        if new.any():
            fresh = images[new]
            features = self.space.features(fresh)
            unlike = self.detector.abstains(features)
            novelty = self.known.classes(self.known.neighbours(fresh, features), unlike)
            sharp = self.known.floor.shares(features) <= 1
            chances = self.reader.read(fresh)
            for row, image in enumerate(fresh):
                self.seen[image.tobytes()] = {
                    "features": features[row],
                    "novelty": novelty[row],
                    "passes": novelty[row] != "near-copy" and not unlike[row] and sharp[row],
                    "shows": {name: (v, found[row]) for name, (v, found) in chances.items()},
                    "images": image,
                }
        return pd.DataFrame([self.seen[name] for name in names])


def score_by(shop: Shop, seed: int, shuffled: bool) -> Expectation:
    """Draw a ledger, fit the score to it as the stage backtest does."""
    settings = shop.demo
    rows = sales.draw_ledger(settings.products, settings.scale, seed, settings.season)
    listed = SimpleNamespace(products=settings.products, ledger=rows.copy)
    ledger = sales_of(cast(DemoShop, listed))
    skus = [product.sku for product in settings.products]
    units = units_per_product(ledger, skus, last_day(settings.season))
    index = shop.images.index
    history = sales_history(units, index, [])
    fitted = history[history["split"] != "test"].reset_index(drop=True)
    if shuffled:
        rng = np.random.default_rng(seed)
        for group in fitted.groupby("line").indices.values():
            dealt = rng.permutation(fitted.iloc[group][["counted", "days"]].to_numpy())
            fitted.loc[fitted.index[group], ["counted", "days"]] = dealt
    seen = mean_by_product(shop.features, index, fitted["sku"])
    ranker = fit_ranker(seen, fitted, seed, shop.detector)
    scorer = Scorer(shop.space, ranker, cast(Any, None), shop.known)
    return Expectation.of(scorer, CONFIDENCE)


def judged(shop: Shop, drawn: Candidates, expectation: Expectation) -> pd.DataFrame:
    """Return what the shortlist knows of candidates, with the read appeal; no classifier."""
    table = shop.look(drawn.images)
    shows = list(table["shows"])
    chances = {
        name: (values, np.stack([row[name][1] for row in shows]))
        for name, (values, _) in shows[0].items()
    }
    features = np.stack(list(table["features"]))
    expected = expectation.judge(features, drawn.line, drawn.parents)
    return pd.concat([table, expected], axis=1).assign(appeal=utility_of(chances))


def chosen(
    shop: Shop, table: pd.DataFrame, by: str, params: Params, taken: list[np.ndarray]
) -> pd.DataFrame:
    """Choose designs of a line as the shortlist does."""
    least, scale = np.percentile(
        shop.known.novelty.real_distances, [NEAR_COPY_PERCENTILE, NOVEL_PERCENTILE]
    )
    passing = table[table["passes"]]
    if passing.empty:
        return passing
    rows = choose_diverse(
        np.log(passing[by].to_numpy()),
        np.stack(list(passing["features"])),
        count=params.shortlist.per_line,
        diversity=params.shortlist.diversity,
        scale=float(scale),
        least_distance=float(least),
        taken=np.stack(taken) if taken else None,
    )
    taken.extend(passing["features"].iloc[rows])
    return passing.iloc[rows]


def measure(  # noqa: PLR0917 (what is measured, then how)
    shop: Shop, params: Params, seed: int, means: pd.Series, lines: list[str], shuffled: bool
) -> dict[str, dict[str, float]]:
    """Return by arm every measure, for one ledger."""
    expectation, given = score_by(shop, seed, shuffled), params.shortlist
    drawings = {}
    for screen in dict.fromkeys(screen for screen, _ in ARMS.values()):
        draw = partial(screened, screen=screen, draws=given.draws, expectation=expectation)
        drawings[screen] = {
            line: judged(
                shop, sample([shop.generator], line, given.candidates, LATENTS, draw), expectation
            )
            for line in lines
        }
    real, lines = shop.judged, shop.images.index["line"].to_numpy()
    apart = {
        line: pdist(real[lines == line]).mean() for line in set(lines) if (lines == line).sum() > 1
    }
    rows: dict[str, dict[str, float]] = {}
    for arm, (screen, by) in ARMS.items():
        kept, taken = {}, []
        for line, table in drawings[screen].items():
            kept[line] = chosen(shop, table, by, params, taken) if by else table[table["passes"]]
        kept = {line: rows for line, rows in kept.items() if len(rows)}
        looks = {
            line: shop.judge.features(np.stack(list(rows["images"][: given.per_line])))
            for line, rows in kept.items()
        }
        spread = [
            pdist(looks[line]).mean() / apart[line]
            for line in looks
            if line in apart and len(looks[line]) > 1
        ]
        gained = {line: rows["appeal"].mean() - means[line] for line, rows in kept.items()}
        held = [
            (np.exp(rows["appeal"] - means[line]).between(rows["score_low"], rows["score_high"]))
            for line, rows in kept.items()
        ]
        close = precision_recall_density_coverage(
            real, np.concatenate(list(looks.values())).astype(np.float64)
        )
        rows[arm] = {
            "designs": sum(map(len, kept.values())),
            "appeal": float(np.mean(list(gained.values()))),
            "novel": float(np.mean([(r["novelty"] == "novel").mean() for r in kept.values()])),
            "diverse": float(np.mean(spread)),
            "real": close.precision,
            "covered": float(np.mean([h.mean() for h in held])),
            "beyond": float(np.mean([r["beyond_seen"].mean() for r in kept.values()])),
            "passes": float(np.mean([t["passes"].mean() for t in drawings[screen].values()])),
        }
    for arm in reversed(ARMS):
        rows[arm]["appeal"] -= rows["random"]["appeal"]
    return rows


def main() -> None:
    """Print a row per ledger and arm, then each arm's means and their leads over best-of-N."""
    params = load_params()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="blend-plain-0")
    parser.add_argument("--ledgers", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--lines", type=int, default=0, help="the largest ones; 0 = all")
    parser.add_argument("--candidates", type=int, default=params.shortlist.candidates)
    parser.add_argument("--scale", type=float, default=0.18, help="of the reader's shop")
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    with threadpool_limits(asked.threads):
        configure_torch(asked.threads, 0)
        reader = AttributeReader.fit(str(asked.data / "backbones"), params, asked.scale)
        print("read rightly, unseen:", pd.Series(reader.accuracy()).round(2).to_dict(), flush=True)
        shop = Shop.load(asked.data, asked.model, params, reader)
        changed = params.shortlist.model_copy(update={"candidates": asked.candidates})
        params = params.model_copy(update={"shortlist": changed})
        sizes = shop.images.index["line"].value_counts()
        lines = sorted(sizes.index[: asked.lines or None])
        found = {}
        for seed in asked.ledgers:
            permuted(seed - 1)  # the first ledger is one of the shop's own taste
            true = {p.line: [] for p in shop.demo.products}
            for product in shop.demo.products:
                true[product.line].append(taste.utility(product.watch))
            means = pd.Series({line: np.log(np.mean(np.exp(u))) for line, u in true.items()})
            found[seed] = measure(shop, params, seed, means, lines, asked.shuffled)
            print(f"ledger {seed}; reader's rank correlation: {reader.agreement()}")
            print(pd.DataFrame(found[seed]).T.to_string(float_format="{:.3f}".format), flush=True)
    for name in ("appeal", "novel", "diverse", "real", "covered", "beyond"):
        print(f"\n{name}: mean over ledgers, and less best_of_n's")
        for arm in ARMS:
            values = np.array([found[seed][arm][name] for seed in asked.ledgers])
            base = np.array([found[seed]["best_of_n"][name] for seed in asked.ledgers])
            both = mean_interval(values, CONFIDENCE), mean_interval(values - base, CONFIDENCE)
            print(f"{arm:12}", *(f"{i.value:7.3f} ({i.low:.3f} to {i.high:.3f})" for i in both))


if __name__ == "__main__":
    main()
