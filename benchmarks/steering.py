"""Does steering by sales make designs that buyers would like better? Held against the hidden taste.

``python benchmarks/steering.py data --models blend-plain-0 [--ledgers 1 2 3 4 5]`` with ``src`` on
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
- sales, score: parents screened, see `designs.screening`, then by the lower bound;
- oracle: the images of sales, by the read appeal itself: what a perfect score would choose;
- search: half of the images as in sales, the others steps of the latent search (`designs.search`);
- climb: the same by gradients, also of blends;
- search_drawn: as search, but from images as the model draws them, for models without parents.

Printed of each arm: appeal (mean true log appeal over the line's average product, as the attribute
reader reads it, less that of random; of three designs a line, lines alike), shared (the same of a
shortlist whose places are shared among the lines as `shortlist.sharing` says, a mean of designs),
novel (share), diverse (mean distance of two designs of a line in a space that judges alone, over
that of two real ones), real (share with a real photo's neighbourhood around it in that space),
covered (share whose 95 % interval holds the read appeal), beyond (share marked as beyond what was
seen).

Several models, such as trainings of one recipe, are measured one after the other; the intervals
are then those of the ledgers' and trainings' cells: of the mean of each ledger over the trainings,
and printed beside it that of all cells. CPU seconds of an arm are those of its images, steps and
their judgement in the first ledger, where no image has been looked at before.
"""

import argparse
import time
from dataclasses import dataclass, replace
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
from bestseller.centroid.distance import CentroidDistance
from bestseller.classifier.detector import OutOfDistributionDetector
from bestseller.classifier.sellers import mean_by_product, sales_history
from bestseller.demo import sales, taste
from bestseller.demo.shop import DemoShop
from bestseller.demo.world import last_day
from bestseller.designs.candidates import sample
from bestseller.designs.climbing import climb
from bestseller.designs.expected import Expectation
from bestseller.designs.region import passing
from bestseller.designs.screening import Screen, screened
from bestseller.designs.search import search
from bestseller.designs.searched import with_searched
from bestseller.designs.selection import choose_diverse
from bestseller.designs.sharing import share_out
from bestseller.designs.shortlist import alike, usual_between
from bestseller.designs.walk import budget
from bestseller.gans import TrainedGenerator, load_generator
from bestseller.gans.codes import Parents
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
ARMS: dict[str, tuple[Screen, str, Any]] = {  # parents, ranked by, how it is searched
    "random": ("drawn", "", None),
    "best_of_n": ("drawn", "picture_score", None),
    "lower_bound": ("drawn", "score_low", None),
    "sales": ("sales", "score_low", None),
    "score": ("score", "score_low", None),
    "oracle": ("sales", "oracle", None),
    "search": ("sales", "score_low", search),
    "climb": ("sales", "score_low", climb),
    "search_drawn": ("drawn", "score_low", search),
}
MEASURES = ("appeal", "shared", "novel", "diverse", "real", "covered", "beyond", "cpu_s")
CONFIDENCE = 0.95
Array = NDArray[np.float64]
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
    read: dict[bytes, Any]
    centre: CentroidDistance

    @classmethod
    def load(
        cls,
        data: Path,
        model: str,
        params: Params,
        reader: AttributeReader,
        same: "Shop | None" = None,
    ) -> "Shop":
        """Read a finished run; of `same`, one that differs by its model alone, all else is kept."""
        generator = load_generator(data / "models" / model)
        if same is not None:
            return replace(same, generator=generator, seen={}, read={})
        settings = params.catalogue.demo
        demo = DemoShop(settings.scale, settings.seed)
        every = ImageSet.open(data / "processed").of_main_view()
        of_shop = {product.sku for product in demo.products}
        images = every.select(every.index["sku"].isin(of_shop).to_numpy())
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
            KnownImages.of(space, every, space.features),  # also what no ledger knows
            detector,
            generator,
            space,
            judge,
            judge.features(pixels).astype(np.float64),
            reader,
            {},
            {},
            CentroidDistance.load(data / "centroid" / "distance.safetensors", "fp32"),
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
            picture, centre = self.known.floor.shares(features), self.centre.distances(fresh)
            for row, image in enumerate(fresh):
                self.seen[image.tobytes()] = {
                    "features": features[row],
                    "novelty": novelty[row],
                    "abstains": unlike[row],
                    "picture": picture[row],
                    "centre": centre[row],
                    "images": image,
                }
        return pd.DataFrame([self.seen[name] for name in names])

    def appeal(self, images: list[NDArray[np.uint8]]) -> Array:
        """Return the log appeal of images by today's taste, each read once."""
        names = [image.tobytes() for image in images]
        new = [i for i, name in zip(images, names, strict=True) if name not in self.read]
        if new:
            chances = self.reader.read(np.stack(new))
            for row, image in enumerate(new):
                told = {name: (v, found[row]) for name, (v, found) in chances.items()}
                self.read[image.tobytes()] = told
        shows = [self.read[name] for name in names]
        return utility_of(
            {
                name: (values, np.stack([row[name][1] for row in shows]))
                for name, (values, _) in shows[0].items()
            }
        )


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


def judged(
    shop: Shop,
    expectation: Expectation,
    line: str,
    images: NDArray[np.uint8],
    parents: list[Parents | None],
) -> tuple[NDArray[np.float32], pd.DataFrame]:
    """Return the features of candidates and what the shortlist knows of them; no classifier."""
    table = shop.look(images)
    features = np.stack(list(table["features"]))
    table = table.assign(parents=parents)
    return features, pd.concat([table, expectation.judge(features, line, parents)], axis=1)


def drawn(  # noqa: PLR0917 (what is drawn, then how)
    shop: Shop, params: Params, expectation: Expectation, line: str, screen: Screen, by: Any
) -> pd.DataFrame:
    """Return a line's candidates, judged."""
    given = params.shortlist
    count, starts = budget(given.candidates, given.search if by else 0)
    draw = partial(screened, screen=screen, draws=given.draws, expectation=expectation)
    candidates = sample([shop.generator], line, count, LATENTS, draw)
    look = partial(judged, shop, expectation, line)
    features, table = look(candidates.images, candidates.parents)
    if starts:
        _, _, table = with_searched(
            candidates,
            features,
            table,
            {shop.generator.name: shop.generator},
            starts=starts,
            steps=given.search,
            choose=choice_of(shop, params),
            judge=look,
            expectation=expectation,
            by=by,
        )
    return table


def chosen(  # noqa: PLR0917 (of what, then how)
    shop: Shop,
    line: str,
    table: pd.DataFrame,
    by: str,
    params: Params,
    taken: list[np.ndarray],
    places: int,
) -> pd.DataFrame:
    """Choose designs of a line as the shortlist does."""
    passing_rows = table[passing(table)]
    if passing_rows.empty:
        return passing_rows
    rows = choice_of(shop, params)(
        np.log(passing_rows[by].to_numpy()),
        np.stack(list(passing_rows["features"])),
        places,
        taken=np.stack(taken) if taken else None,
        **alike(
            list(passing_rows["parents"]),
            np.arange(len(passing_rows)),
            usual_between(shop.known, params.shortlist.apart).get(line, 0.0),
        ),
    )
    taken.extend(passing_rows["features"].iloc[rows])
    return passing_rows.iloc[rows]


def choice_of(shop: Shop, params: Params) -> Any:
    """Return how the shortlist chooses."""
    least, scale = np.percentile(
        shop.known.novelty.real_distances, [NEAR_COPY_PERCENTILE, NOVEL_PERCENTILE]
    )
    diversity = params.shortlist.diversity
    return partial(
        choose_diverse, diversity=diversity, scale=float(scale), least_distance=float(least)
    )


def measure(  # noqa: PLR0912, PLR0917 (what is measured, then how; an arm after the other)
    shop: Shop,
    params: Params,
    seed: int,
    means: pd.Series,
    lines: list[str],
    arms: list[str],
    shuffled: bool,
) -> dict[str, dict[str, float]]:
    """Return by arm every measure, for one ledger."""
    expectation, given = score_by(shop, seed, shuffled), params.shortlist
    drawings, seconds = {}, {}
    for arm in arms:
        screen, _, searched = ARMS[arm]
        if (screen, searched) not in drawings:
            began = time.process_time()
            drawings[screen, searched] = {
                line: drawn(shop, params, expectation, line, screen, searched) for line in lines
            }
            seconds[screen, searched] = time.process_time() - began
    if "oracle" in arms:
        for line, table in drawings["sales", None].items():
            truth = np.exp(shop.appeal(list(table["images"])))
            drawings["sales", None][line] = table.assign(oracle=truth)
    sold = expectation.scorer.ranker.products.groupby("line")["units"].sum()
    places = share_out(
        {line: int(sold.get(line, 0)) for line in lines}, given.per_line, given.sharing
    )
    real, lines = shop.judged, shop.images.index["line"].to_numpy()
    apart = {
        line: pdist(real[lines == line]).mean() for line in set(lines) if (lines == line).sum() > 1
    }
    rows: dict[str, dict[str, float]] = {}
    for arm in arms:
        screen, by, searched = ARMS[arm]
        kept, taken = {}, []
        for line, table in drawings[screen, searched].items():
            found = table[passing(table)]
            if by:
                found = chosen(shop, line, table, by, params, taken, given.per_line)
            if len(found):
                kept[line] = found.assign(appeal=shop.appeal(list(found["images"])))
        taken, gains, weights = [], [], []
        for line, table in drawings[screen, searched].items():
            many = table[passing(table)]
            if by:
                many = chosen(shop, line, table, by, params, taken, places[line])
            if len(many):
                gains.append(shop.appeal(list(many["images"])).mean() - means[line])
                weights.append(len(many) if by else places[line])
        if not kept:
            rows[arm] = {"designs": 0} | dict.fromkeys(MEASURES, float("nan"))
            continue
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
            "shared": float(np.average(gains, weights=weights)),
            "novel": float(np.mean([(r["novelty"] == "novel").mean() for r in kept.values()])),
            "diverse": float(np.mean(spread)),
            "real": close.precision,
            "covered": float(np.mean([h.mean() for h in held])),
            "beyond": float(np.mean([r["beyond_seen"].mean() for r in kept.values()])),
            "passes": float(
                np.mean([passing(t).mean() for t in drawings[screen, searched].values()])
            ),
            "cpu_s": seconds[screen, searched],
        }
    for arm in reversed(arms):
        for name in ("appeal", "shared"):
            rows[arm][name] -= rows["random"][name]
    return rows


def main() -> None:
    """Print a row per ledger and arm, then each arm's means and their leads over best-of-N."""
    params = load_params()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", nargs="+", default=["blend-plain-0"])
    parser.add_argument("--arms", nargs="+", default=[*ARMS], choices=[*ARMS])
    parser.add_argument("--ledgers", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--lines", type=int, default=0, help="the largest ones; 0 = all")
    parser.add_argument("--candidates", type=int, default=params.shortlist.candidates)
    parser.add_argument("--steps", type=int, default=params.shortlist.search or 4)
    parser.add_argument("--scale", type=float, default=0.18, help="of the reader's shop")
    parser.add_argument("--apart", type=float, default=params.shortlist.apart)
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    arms = ["random", *(arm for arm in asked.arms if arm != "random")]
    with threadpool_limits(asked.threads):
        configure_torch(asked.threads, 0)
        reader = AttributeReader.fit(str(asked.data / "backbones"), params, asked.scale)
        print("read rightly, unseen:", pd.Series(reader.accuracy()).round(2).to_dict(), flush=True)
        changes = {"candidates": asked.candidates, "search": asked.steps, "apart": asked.apart}
        changed = params.shortlist.model_copy(update=changes)
        params = params.model_copy(update={"shortlist": changed})
        shop, found = None, {}
        for model in asked.models:
            shop = Shop.load(asked.data, model, params, reader, shop)
            sizes = shop.images.index["line"].value_counts()
            lines = sorted(sizes.index[: asked.lines or None])
            for seed in asked.ledgers:
                permuted(seed - 1)  # the first ledger is one of the shop's own taste
                true = {p.line: [] for p in shop.demo.products}
                for product in shop.demo.products:
                    true[product.line].append(taste.utility(product.watch))
                means = pd.Series({line: np.log(np.mean(np.exp(u))) for line, u in true.items()})
                cell = measure(shop, params, seed, means, lines, arms, asked.shuffled)
                found[model, seed] = cell
                print(f"{model}, ledger {seed}; reader's rank correlation: {reader.agreement()}")
                print(pd.DataFrame(cell).T.to_string(float_format="{:.3f}".format), flush=True)
    for name in MEASURES:
        print(f"\n{name}: mean, interval over ledgers; less best_of_n's; over all cells")
        for arm in arms:
            cells = np.array(
                [
                    [found[model, seed][arm][name] for model in asked.models]
                    for seed in asked.ledgers
                ]
            )
            ahead = cells.copy()
            if "best_of_n" in arms:
                ahead -= np.array(
                    [
                        [found[model, seed]["best_of_n"][name] for model in asked.models]
                        for seed in asked.ledgers
                    ]
                )
            parts = (cells.mean(axis=1), ahead.mean(axis=1), cells.ravel(), ahead.ravel())
            told = [mean_interval(part, CONFIDENCE) for part in parts if len(part) > 1]
            print(f"{arm:12}", *(f"{i.value:7.3f} ({i.low:.3f} to {i.high:.3f})" for i in told))


if __name__ == "__main__":
    main()
