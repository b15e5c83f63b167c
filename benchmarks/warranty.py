"""Is a promise kept? ``preference.warranty`` on many simulated shops of the embedded one's photos.

``python benchmarks/warranty.py data [--shops 100]`` with ``src`` on the path, in the folder of a
finished run. The photos and their features stay; each shop has a taste and a ledger of its own,
and its products are dealt anew: three fifths to fit the score, a fifth whose sales are known, and
a fifth that a promise is made of. Bad is what sells below the median fitted product of its line.

Printed, for true ledgers and for such as were dealt anew within lines: in how many shops a promise
is made; in how many it was broken at the cut that is chosen, and at any cut at all; how many of
the new products that are not bad it covers.
"""

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
from attribute_reader import permuted
from embedded import sales_of
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bestseller.backbones import load_space
from bestseller.base.compute import configure_torch
from bestseller.classifier.sellers import mean_by_product, sales_history
from bestseller.demo import sales
from bestseller.demo.shop import DemoShop
from bestseller.demo.world import last_day
from bestseller.images.store import ImageSet
from bestseller.params import load_params
from bestseller.preference.ranker import fit_ranker
from bestseller.preference.warranty import best_promise, promises
from bestseller.sales import units_per_product

BAD_SHARE, CONFIDENCE = 0.2, 0.95
FITTED, KNOWN = 0.6, 0.8  # of the products, where the second and the third part begin


def one_shop(
    demo: DemoShop, index: pd.DataFrame, features: NDArray[np.float32], seed: int, shuffled: bool
) -> dict[str, float]:
    """Return what was promised of a shop and what became of it."""
    rows = sales.draw_ledger(demo.products, demo.scale, seed, demo.season)
    ledger = sales_of(cast(DemoShop, SimpleNamespace(products=demo.products, ledger=rows.copy)))
    skus = [product.sku for product in demo.products]
    history = sales_history(units_per_product(ledger, skus, last_day(demo.season)), index, [])
    rng = np.random.default_rng(seed)
    if shuffled:
        for group in history.groupby("line").indices.values():
            dealt = rng.permutation(history.iloc[group][["counted", "days"]].to_numpy())
            history.loc[history.index[group], ["counted", "days"]] = dealt
    names = rng.permutation(history["cluster"].unique())
    place = pd.Series(np.arange(len(names)) / len(names), names).loc[history["cluster"]].to_numpy()
    fitted = history[place < FITTED].reset_index(drop=True)
    others = history[(place >= FITTED) & history["line"].isin(fitted["line"])]
    new = place[others.index] >= KNOWN
    ranker = fit_ranker(mean_by_product(features, index, fitted["sku"]), fitted, seed)
    median = (fitted["counted"] / fitted["days"]).groupby(fitted["line"]).median()
    rate = (others["counted"] / others["days"]).to_numpy(float)
    bad = rate < median.loc[others["line"]].to_numpy(float)
    scores = ranker.score(mean_by_product(features, index, others["sku"]), list(others["line"]))
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


def main() -> None:
    """Print a row for true and one for shuffled ledgers."""
    params = load_params()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--shops", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    settings = params.catalogue.demo
    demo = DemoShop(settings.scale, settings.seed)
    images = ImageSet.open(asked.data / "processed").of_main_view()
    with threadpool_limits(asked.threads):
        configure_torch(asked.threads, 0)
        space = load_space(asked.data / "backbones", params.backbones.score_space)
        features = space.features(np.asarray(images.images))
        for shuffled in (False, True):
            found = []
            for shop in range(asked.shops):
                permuted(shop)
                found.append(one_shop(demo, images.index, features, shop, shuffled))
            means = pd.DataFrame(found).mean().round(3).to_dict()
            print("shuffled" if shuffled else "true", asked.shops, means, flush=True)


if __name__ == "__main__":
    main()
