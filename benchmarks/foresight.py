"""Would a past day's shortlist have told what sold later? The stage foresight over several ledgers.

``python benchmarks/foresight.py data --past PAST [--ledgers 1 2 3 4 5] [--shuffled]`` with ``src``
and the root on the path, in the folder of a finished run of the embedded shop. PAST is the folder
of a training as of that day, such as the stage leaves in ``.scratch/foresight`` when it is stopped
behind the training: its ``data/processed`` and ``data/models`` count.

No model is trained: PAST's stays, for what a model learns from are the photos of then, whatever
sold. For each ledger seed the shop's sales are drawn anew from a taste of their own (the first: the
shop's; others: its weights dealt anew among the values of each attribute); the score is fitted to
the sales until the day, the shortlist chosen by it, and the sales after the day are those of the
same taste. Launches are the shop's own days, as where a catalogue tells them. What varies with the
training is not in the intervals, which are Student's of the log of the lift over the ledgers.
``--shuffled`` deals the sales until the day anew among the products of a line: the control.

The classifier is left out (`recognisable` is 1); all else is the stage's code. Beside the lift of
sales as they came (best and slow sellers by units per day) stands the lift where best and slow are
told by the taste itself: the difference is what the chance of few sales hides.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
from attribute_reader import permuted
from embedded import sales_of
from threadpoolctl import threadpool_limits

from bestseller.backbones import FeatureSpace, load_space
from bestseller.base.compute import configure_torch
from bestseller.classifier.detector import OutOfDistributionDetector
from bestseller.classifier.sellers import mean_by_product, sales_history
from bestseller.demo import sales, taste
from bestseller.demo.shop import DemoShop
from bestseller.demo.world import last_day
from bestseller.designs.candidates import sample
from bestseller.designs.evidence import Naming
from bestseller.designs.expected import Expectation
from bestseller.designs.foresight import Lift, lift
from bestseller.designs.sharing import share_out
from bestseller.designs.shortlist import eligible, shortlist
from bestseller.gans import TrainedGenerator, load_generator
from bestseller.images.store import ImageSet
from bestseller.metrics.statistics import mean_interval
from bestseller.params import Params, load_params
from bestseller.preference.known import KnownImages
from bestseller.preference.past import later_sales
from bestseller.preference.ranker import fit_ranker
from bestseller.preference.scorer import Scorer
from bestseller.sales import units_per_product

CONFIDENCE = 0.95


class Remembering(Scorer):
    """A scorer that looks at the same images once: of a ledger they keep all but the score."""

    seen: ClassVar[dict[bytes, tuple[Any, pd.DataFrame]]] = {}

    def judge(self, images: Any, lines: Any) -> Any:
        """Judge images as `Scorer.judge`."""
        key = images.tobytes()
        if key not in self.seen:
            self.seen[key] = super().judge(images, lines)
        features, judged = self.seen[key]
        return features, judged.assign(score=self.ranker.score(features, lines))


@dataclass(frozen=True)
class Day:
    """What all ledgers share: the photos and the model of the day, and later photos as seen."""

    demo: DemoShop
    after: pd.Timestamp
    known: ImageSet
    features: Any
    detector: OutOfDistributionDetector
    remembered: KnownImages
    space: FeatureSpace
    generator: TrainedGenerator
    index: pd.DataFrame
    judges: list[FeatureSpace]
    seen: list[Any]
    looked: dict[bytes, Any]
    pool: dict[str, Any]

    @classmethod
    def load(cls, data: Path, past: Path, after: str, params: Params) -> "Day":
        """Read a finished run and a training of the day."""
        settings = params.catalogue.demo
        images = ImageSet.open(data / "processed").of_main_view()
        known = ImageSet.open(past / "data/processed").of_main_view()
        (model,) = [path for path in (past / "data/models").iterdir() if path.is_dir()]
        space = load_space(data / "backbones", params.backbones.score_space)
        features = space.features(np.asarray(known.images))
        part = known.index["split"].to_numpy()
        judges = [load_space(data / "backbones", s) for s in params.backbones.metric_spaces]
        return cls(
            DemoShop(settings.scale, settings.seed),
            pd.Timestamp(after),
            known,
            features,
            OutOfDistributionDetector.fit(
                features[part == "train"], features[part == "validation"]
            ),
            KnownImages.of(space, known, space.features),
            space,
            load_generator(model),
            images.index,
            judges,
            [judge.features(np.asarray(images.images)) for judge in judges],
            {},
            {},
        )

    def look(self, place: int, pictures: Any) -> Any:
        """Return the features of pictures in a judging space, worked out once."""
        key = bytes([place]) + pictures.tobytes()
        if key not in self.looked:
            self.looked[key] = self.judges[place].features(pictures)
        return self.looked[key]

    def scorer(self, history: pd.DataFrame, seed: int) -> Scorer:
        """Fit the score to the sales until the day."""
        fitted = history[history["split"] != "test"].reset_index(drop=True)
        seen = mean_by_product(self.features, self.known.index, fitted["sku"])
        ranker = fit_ranker(seen, fitted, seed, self.detector)
        return Remembering(self.space, ranker, None, self.remembered)

    def candidates(self, scorer: Scorer, params: Params) -> dict[str, Any]:
        """Return by line the random candidates that pass, the same for all ledgers."""
        wanted = params.shortlist
        for line in self.generator.lines:
            if line not in self.pool:
                drawn = sample([self.generator], line, wanted.candidates, wanted.seed).images
                _, judged = scorer.judge(drawn, [line] * len(drawn))
                self.pool[line] = drawn[eligible(judged, np.zeros(len(drawn), bool), 1.0)]
        return {line: images for line, images in self.pool.items() if len(images)}


def shortlist_of(
    scorer: Scorer, generator: TrainedGenerator, units: dict[str, int], params: Params
) -> dict[str, np.ndarray]:
    """Return by line the pictures that the shortlist chooses."""
    wanted = params.shortlist
    choice = shortlist(
        {line: [generator.name] for line in units},
        {generator.name: generator},
        scorer,
        Naming({}),
        wanted,
        expectation=Expectation.of(scorer, CONFIDENCE),
        worth="",
        places=share_out(units, wanted.per_line, wanted.sharing),
    )
    chosen: dict[str, list[np.ndarray]] = {}
    for design in choice.designs:
        chosen.setdefault(str(design.record["line"]), []).append(design.image)
    return {line: np.stack(images) for line, images in chosen.items()}


def measure(day: Day, params: Params, seed: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Return what one ledger gives: lifts by sales and by the taste, in each judging space."""
    permuted(seed - 1)
    demo, until = day.demo, last_day(day.demo.season)
    drawn = sales.draw_ledger(demo.products, demo.scale * asked.sold, seed, demo.season)
    ledger = sales_of(cast(DemoShop, SimpleNamespace(products=demo.products, ledger=drawn.copy)))
    skus = [product.sku for product in demo.products]
    before = units_per_product(ledger[ledger["date"] <= day.after], skus, day.after.date())
    history = sales_history(before, day.known.index, [])
    if asked.shuffled:
        rng, columns = np.random.default_rng(seed), ["counted", "days", "units"]
        for group in history.groupby("line").indices.values():
            dealt = rng.permutation(history.iloc[group][columns].to_numpy())
            history.loc[history.index[group], columns] = dealt
    scorer = day.scorer(history, seed)
    sold = history.groupby("line")["units"].sum()
    units = {line: int(sold.get(line, 0)) for line in day.generator.lines}
    chosen = shortlist_of(scorer, day.generator, units, params)
    pool = day.candidates(scorer, params)

    days = pd.DataFrame({"sku": skus, "launch": [pd.Timestamp(p.launch) for p in demo.products]})
    sums = units_per_product(ledger, skus, until)
    least = params.foresight.least_days
    later = later_sales(days.assign(told=True), sums, day.index, day.after.date(), least)
    truth = {p.sku: np.exp(taste.utility(p.watch)) for p in demo.products}
    order = pd.Index(day.index["sku"]).get_indexer(later["sku"])
    row: dict[str, Any] = {"ledger": seed, "designs": sum(map(len, chosen.values()))}
    row |= {"launches": len(later), "units": float((later["rate"] * later["days"]).median())}
    for place, judge in enumerate(day.judges):
        near = {line: day.look(place, images) for line, images in chosen.items()}
        far = {line: day.look(place, images) for line, images in pool.items()}
        for kind, table in (
            ("sales", later),
            ("taste", later.assign(rate=later["sku"].map(truth))),
        ):
            own = day.seen[place][order]
            found = lift(table, own, near, far, asked.share, CONFIDENCE, draws=300)
            assert isinstance(found, Lift), found
            named = {"": found.interval.value, " p": found.chosen, " q": found.random}
            row |= {f"{kind} {judge.name}{key}": value for key, value in named.items()}
    return row


def main() -> None:
    """Print a row per ledger, then the mean lift of each space with its interval."""
    params = load_params()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--past", type=Path, required=True)
    parser.add_argument("--as-of", default="2020-09-16", help="the middle of the ledger")
    parser.add_argument("--ledgers", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--sold", type=float, default=1.0, help="times as many units a product")
    parser.add_argument("--share", type=float, default=params.foresight.share)
    parser.add_argument("--apart", type=float, default=params.shortlist.apart)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    all_recognisable = params.shortlist.model_copy(
        update={"recognisable": 1.0, "apart": asked.apart}
    )
    params = params.model_copy(update={"shortlist": all_recognisable})
    with threadpool_limits(asked.threads):
        configure_torch(asked.threads, 0)
        day = Day.load(asked.data, asked.past, asked.as_of, params)
        rows = []
        for seed in asked.ledgers:
            rows.append(measure(day, params, seed, asked))
            print({key: round(value, 3) for key, value in rows[-1].items()}, flush=True)
    table = pd.DataFrame(rows)
    for name in (f"{kind} {judge.name}" for kind in ("sales", "taste") for judge in day.judges):
        if len(table) > 1:
            log = mean_interval(np.log(table[name]), CONFIDENCE)
            value, low, high = np.exp([log.value, log.low, log.high])
            print(f"lift by {name}: {value:.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
