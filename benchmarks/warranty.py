"""Is a promise kept? ``preference.warranty`` on many simulated shops of the embedded one's photos.

``python benchmarks/warranty.py data [--shops 100] [--sold 4] [--model blend-plain-0]`` with ``src``
on the path, in the folder of a finished run. The photos and their features stay; each shop has a
taste and a ledger of its own, ``--sold`` times as many units as the shop of the settings, and its
products are dealt anew: three fifths to fit the score, a fifth whose sales are known, and a fifth
that a promise is made of. Bad is what sells below the median fitted product of its line.

With ``--model`` the promise is made of designs (``preference.designs_warranty``): of random images
of that trained model those that the shortlist drops whatever their score are dropped, and the three
of each line with the highest score are promised of. Four fifths of the products fit the
score then, a fifth is held out, as in the pipeline. What a design would sell is drawn from its
appeal, which the attribute reader reads off the picture by the shop's taste: as many days on sale
as a product of its line, units by the line's units per day and appeal. Of a ledger dealt anew it
sells what any product of its line does.

Printed, for true ledgers and for such as were dealt anew within lines: in how many shops a promise
is made; in how many it was broken at the cut that is chosen, and at any cut at all; how many of
the new products that are not bad, or of the designs, it covers; of designs also in how many shops
they are exchangeable with products, without which the page promises nothing: the other numbers are
those of the bounds alone.
"""

import argparse
from dataclasses import dataclass
from math import exp
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
from attribute_reader import AttributeReader, Chances, permuted, utility_of
from embedded import sales_of
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bestseller.backbones import load_space
from bestseller.base.compute import configure_torch
from bestseller.classifier.sellers import mean_by_product, sales_history
from bestseller.demo import sales, taste
from bestseller.demo.shop import DemoShop
from bestseller.demo.world import last_day
from bestseller.designs.candidates import sample
from bestseller.gans import load_generator
from bestseller.images.store import ImageSet
from bestseller.params import Params, load_params
from bestseller.preference.designs_warranty import (
    best_row,
    covered,
    design_promises,
    exchangeable,
)
from bestseller.preference.held_out import held_out_table
from bestseller.preference.ranker import SalesRanker, fit_ranker
from bestseller.preference.scorer import Scorer
from bestseller.preference.warranty import BAD_SHARE, best_promise, promises
from bestseller.sales import units_per_product

CONFIDENCE = 0.95
PER_LINE, CANDIDATES, LATENTS = 3, 64, 1
FITTED, KNOWN = 0.6, 0.8  # of the products, where the second and the third part begin


@dataclass(frozen=True)
class Drawn:
    """Random images of a model that pass, row by row: what no ledger changes."""

    lines: list[str]
    features: NDArray[np.float32]
    chances: Chances

    @classmethod
    def of(cls, data: Path, model: str, images: ImageSet, params: Params, scale: float) -> "Drawn":
        """Draw and look at them once."""
        space = load_space(data / "backbones", params.backbones.score_space)
        scorer = Scorer.load(data / "backbones", data / "preference", data / "classifier")
        generator = load_generator(data / "models" / model)
        reader = AttributeReader.fit(str(data / "backbones"), params, scale)
        print("read rightly:", pd.Series(reader.accuracy()).round(2).to_dict(), flush=True)
        lines: list[str] = []
        kept = []
        for line in sorted(set(images.index["line"])):
            drawn = sample([generator], line, CANDIDATES, LATENTS).images
            features = space.features(drawn)
            unlike = scorer.ranker.abstains(features)
            near = scorer.known.neighbours(drawn, features)
            copies = np.array(scorer.known.classes(near, unlike)) == "near-copy"
            passes = ~(unlike | copies) & (scorer.known.floor.shares(features) <= 1)
            lines += [line] * int(passes.sum())
            kept.append(drawn[passes])
        pictures = np.concatenate(kept)
        return cls(lines, space.features(pictures), reader.read(pictures))

    def chosen(self, ranker: SalesRanker) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the rows of each line with the highest scores, and all rows' scores."""
        scores = ranker.score(self.features, self.lines)
        table = pd.DataFrame({"line": self.lines, "score": scores})
        top = table.sort_values("score", ascending=False).groupby("line").head(PER_LINE)
        return np.sort(top.index.to_numpy()), scores

    def rates(
        self, history: pd.DataFrame, appeal: pd.Series | None, seed: int
    ) -> NDArray[np.float64]:
        """Draw what each would sell a day; appeal is that of the products by sku, None = chance."""
        rng, own = np.random.default_rng([seed, 1]), np.exp(utility_of(self.chances))
        rate = np.zeros(len(self.lines))
        if appeal is None:
            sold = (history["counted"] / history["days"]).groupby(history["line"])
            known = {line: rates.to_numpy() for line, rates in sold}
            return np.array([rng.choice(known.get(line, [0.0])) for line in self.lines])
        weight = history["sku"].map(appeal) * history["days"]
        pace = (
            history["counted"].groupby(history["line"]).sum()
            / weight.groupby(history["line"]).sum()
        )
        days = history.groupby("line")["days"].apply(lambda column: column.to_numpy())
        for row, line in enumerate(self.lines):
            if line in pace.index:
                on_sale = rng.choice(days[line])
                rate[row] = rng.poisson(pace[line] * own[row] * on_sale) / on_sale
        return rate


def history_of(
    demo: DemoShop, index: pd.DataFrame, seed: int, asked: argparse.Namespace, shuffled: bool
) -> pd.DataFrame:
    """Draw a shop's ledger and return its products' sales, each with a random place in 0..1."""
    rows = sales.draw_ledger(demo.products, demo.scale * asked.sold, seed, demo.season)
    ledger = sales_of(cast(DemoShop, SimpleNamespace(products=demo.products, ledger=rows.copy)))
    skus = [product.sku for product in demo.products]
    history = sales_history(units_per_product(ledger, skus, last_day(demo.season)), index, [])
    rng = np.random.default_rng(seed)
    if shuffled:
        for group in history.groupby("line").indices.values():
            dealt = rng.permutation(history.iloc[group][["counted", "days"]].to_numpy())
            history.loc[history.index[group], ["counted", "days"]] = dealt
    names = rng.permutation(history["cluster"].unique())
    place = pd.Series(np.arange(len(names)) / len(names), names).loc[history["cluster"]]
    return history.assign(place=place.to_numpy())


def of_products(
    history: pd.DataFrame, index: pd.DataFrame, features: NDArray[np.float32], seed: int
) -> dict[str, float]:
    """Return what was promised of a shop's further products and what became of it."""
    fitted = history[history["place"] < FITTED].reset_index(drop=True)
    others = history[history["place"] >= FITTED].reset_index(drop=True)
    ranker = fit_ranker(mean_by_product(features, index, fitted["sku"]), fitted, seed)
    held = held_out_table(ranker, mean_by_product(features, index, others["sku"]), others)
    new = held["sku"].isin(others.loc[others["place"] >= KNOWN, "sku"]).to_numpy()
    scores, bad = held["score"].to_numpy(), held["bad"].to_numpy()
    table = promises(scores[~new], bad[~new], scores[new], CONFIDENCE)
    found = best_promise(table, BAD_SHARE)
    true = np.array([(bad[new] & (scores[new] >= cut)).sum() for cut in table["cut"]])
    told = {"promised": float(found is not None), "any": float((true > table["bad"]).any())}
    if found is not None:
        above = scores[new] >= found.cut
        told["broken"] = float(bad[new][above].sum() > found.bad)
        told["share"] = float(bad[new][above].mean())
        told["above"] = float(bad[new][above].mean() > BAD_SHARE)
        told["covers"] = float((above & ~bad[new]).sum() / (~bad[new]).sum())
    return told


def of_designs(  # noqa: PLR0917 (a shop, then its designs)
    history: pd.DataFrame,
    index: pd.DataFrame,
    features: NDArray[np.float32],
    seed: int,
    drawn: Drawn,
    appeal: pd.Series | None,
) -> dict[str, float]:
    """Return what was promised of designs and what became of it."""
    fitted = history[history["place"] < KNOWN].reset_index(drop=True)
    others = history[history["place"] >= KNOWN].reset_index(drop=True)
    ranker = fit_ranker(mean_by_product(features, index, fitted["sku"]), fitted, seed)
    held = held_out_table(ranker, mean_by_product(features, index, others["sku"]), others)
    rows, scores = drawn.chosen(ranker)
    rates = drawn.rates(history, appeal, seed)
    median = (fitted["counted"] / fitted["days"]).groupby(fitted["line"]).median()
    lines = pd.Series(drawn.lines).iloc[rows]
    bad = rates[rows] < median.reindex(lines).to_numpy(float)
    own, known = scores[rows], held["score"].to_numpy()
    table = design_promises(known, held["bad"].to_numpy(bool), own, CONFIDENCE)
    inside = covered(known, own)
    true = np.array([(bad & inside & (own >= cut)).sum() for cut in table["cut"]])
    found = best_row(table, BAD_SHARE)
    told = {"promised": float(found is not None), "any": float((true > table["bad"]).any())}
    told |= {"covered": float(inside.mean()), "bad": float(bad.mean())}
    told["exchangeable"] = float(exchangeable(known, own))  # else the page promises nothing
    told |= {"bad_covered": float(bad[inside].mean()) if inside.any() else np.nan}
    if found is not None:
        above = inside & (own >= found["cut"])
        told["broken"] = float(bad[above].sum() > found["bad"])
        told["share"] = float(bad[above].mean())
        told["above"] = float(bad[above].mean() > BAD_SHARE)
        told["covers"] = float(above.mean())
    return told


def main() -> None:
    """Print a row for true and one for shuffled ledgers."""
    params = load_params()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--shops", type=int, default=100)
    parser.add_argument("--sold", type=float, default=1.0, help="times as many units a product")
    parser.add_argument("--model", default="", help="trained model, such as blend-plain-0")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    settings = params.catalogue.demo
    demo = DemoShop(settings.scale, settings.seed)
    images = ImageSet.open(asked.data / "processed").of_main_view()
    with threadpool_limits(asked.threads):
        configure_torch(asked.threads, 0)
        space = load_space(asked.data / "backbones", params.backbones.score_space)
        features = space.features(np.asarray(images.images))
        if asked.model:
            drawn = Drawn.of(asked.data, asked.model, images, params, settings.scale)
        for shuffled in (False, True):
            found = []
            for shop in range(asked.shops):
                permuted(shop)
                history = history_of(demo, images.index, shop, asked, shuffled)
                if asked.model:
                    appeal = pd.Series({p.sku: exp(taste.utility(p.watch)) for p in demo.products})
                    true = None if shuffled else appeal
                    told = of_designs(history, images.index, features, shop, drawn, true)
                else:
                    told = of_products(history, images.index, features, shop)
                found.append(told)
                print(shop, told, flush=True)
            means = pd.DataFrame(found).mean().round(3).to_dict()
            print("shuffled" if shuffled else "true", asked.shops, means, flush=True)


if __name__ == "__main__":
    main()
