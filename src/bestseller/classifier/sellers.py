"""Sales joined to images: best sellers for the classifier, sales histories for the ranker."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.base.errors import BestsellerError

PARTS = ("train", "validation", "test")


def top_sellers(
    units: pd.DataFrame, index: pd.DataFrame, top_k: int, scope: Literal["line", "overall"]
) -> pd.DataFrame:
    """Select the images of the best-selling products.

    A product that sold nothing, net of returns, is never a best seller, however few sold more.
    Equal units are ordered by sku, so that the choice does not depend on the order of the rows.

    Args:
        units: a row per product that sold: sku, units (net units in the window).
        index: a row per image, in the order of the image set: sku, line, cluster, split.
        top_k: how many products are best sellers.
        scope: ``line`` takes `top_k` of every line, ``overall`` takes `top_k` of them all.

    Returns:
        A row per image of a best seller, in the order of the image set: row (its place in the
        image set), sku, line, cluster, split, units (of its product), weight (> 0: units over
        the number of its product's images, so that products are drawn in proportion to units
        whatever the number of their photos).

    Raises:
        BestsellerError: no product of the catalogue sold anything.
    """
    images = index[["sku", "line", "cluster", "split"]].reset_index(drop=True)
    images.insert(0, "row", range(len(images)))
    images = images.merge(units[["sku", "units"]], on="sku", how="inner", validate="many_to_one")
    images = images[images["units"] > 0]
    if images.empty:
        raise BestsellerError(
            "data/sales/units.parquet: no product with an image sold a unit; "
            "check that the ledger's sku column names the catalogue's products"
        )
    products = images.drop_duplicates("sku").sort_values(["units", "sku"], ascending=[False, True])
    best = products.groupby("line").head(top_k) if scope == "line" else products.head(top_k)
    images = images[images["sku"].isin(best["sku"])].sort_values("row", ignore_index=True)
    images["weight"] = images["units"] / images.groupby("sku")["sku"].transform("size")
    return images


def assign_parts(selected: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Make every line of the selection learnable, and name what is missing.

    The parts are those of the image set, split by duplicate cluster within a line; restricted to
    the best sellers a line can lose one. The rule for lines with too few products: a line without
    a training image takes its validation images for training, and a line without those too is
    left out, because the test part belongs to no other. A line without validation images has no
    say in the calibration; a line without test images has no row in the confusion matrix.

    Args:
        selected: what `top_sellers` returned.

    Returns:
        The selection with its final column split, without the lines left out, and the sorted
        lines by their state: left_out, moved_to_train, without_validation, without_test.
    """
    parts = selected.copy()
    has_train = set(parts.loc[parts["split"] == "train", "line"])
    validation = parts["split"] == "validation"
    may_move = validation & ~parts["line"].isin(has_train)
    moved = sorted(set(parts.loc[may_move, "line"]))
    clusters = parts.loc[may_move, "cluster"]  # near-duplicates in another line move with them
    parts.loc[validation & parts["cluster"].isin(clusters), "split"] = "train"
    known = has_train | set(moved)
    left_out = sorted(set(parts["line"]) - known)
    parts = parts[parts["line"].isin(known)].reset_index(drop=True)
    states = {"left_out": left_out, "moved_to_train": moved}
    for part in PARTS[1:]:
        states[f"without_{part}"] = sorted(known - set(parts.loc[parts["split"] == part, "line"]))
    return parts, states


def lines_of(parts: pd.DataFrame) -> list[str]:
    """Return the lines of the selection in alphabetical order: the classes of the classifier.

    Raises:
        BestsellerError: fewer than two lines, which no classifier can tell apart.
    """
    lines = sorted(parts["line"].unique())
    if len(lines) < 2:
        named = lines[0] if lines else "none"
        raise BestsellerError(
            f"data/processed/index.parquet: the best sellers are of one line ({named}); the "
            "classifier needs two: raise preference.top_k or crawl a catalogue of several lines"
        )
    return lines


def sales_prior(parts: pd.DataFrame, lines: Sequence[str]) -> list[float]:
    """Return each line's share of the classifier's draws: its share of the training weight."""
    train = parts[parts["split"] == "train"]
    share = train.groupby("line")["weight"].sum() / train["weight"].sum()
    return [float(share[line]) for line in lines]


def sales_history(
    units: pd.DataFrame, index: pd.DataFrame, best_sellers: Sequence[str]
) -> pd.DataFrame:
    """Return what the ranker learns from and is tested on: products with a first sale.

    A ledger does not say when a product was launched. So its first sale starts the clock and is
    not counted itself: the other units, in the days since, are an unbiased estimate of its sales
    rate, while all units over these days would make a hit of a product that sold its only unit
    last week. Of a ledger by month or the like, the period of the first sale starts the clock, and
    the whole periods behind it count; a product without one is left out. A product that never sold
    may not have been on sale at all, and is left out too.

    Args:
        units: sku, units (net), first_date (of the first sale), days_on_sale (from then to the
            last day of the ledger) and, of a ledger by period, counted; see
            `sales.units_per_product`.
        index: a row per image: sku, line, cluster, split.
        best_sellers: skus.

    Returns:
        A row per product, by sku: sku, line, cluster, split, units (net), counted (float, units
        after the first sale or its period, >= 0), days (float, > 0), first_sale (datetime64),
        best_seller (bool).
    """
    products = index[["sku", "line", "cluster", "split"]].drop_duplicates("sku")
    columns = ["sku", "units", "first_date", "days_on_sale"]
    is_sold = units["units"] > 0
    if by_period := "counted" in units:
        columns.append("counted")
        is_sold &= units["days_on_sale"] > 0
    sold = units.loc[is_sold, columns]
    table = products.merge(sold, on="sku", how="inner", validate="one_to_one")
    table = table.sort_values("sku", ignore_index=True)
    counted = table.pop("counted") if by_period else (table["units"] - 1).clip(lower=0)
    table["counted"] = counted.astype(float)
    table["days"] = table.pop("days_on_sale").clip(lower=1).astype(float)
    table["first_sale"] = pd.to_datetime(table.pop("first_date"))
    table["best_seller"] = table["sku"].isin(best_sellers)
    return table


def mean_by_product(
    values: NDArray[np.floating], index: pd.DataFrame, skus: pd.Series
) -> NDArray[np.float32]:
    """Average the rows of a table of image features over each product's images.

    Args:
        values: N x d, a row per image of `index`.
        index: N rows with the column sku.
        skus: the products, in the order wanted; each has an image.

    Returns:
        float32 M x d.
    """
    means = pd.DataFrame(np.asarray(values, np.float64)).groupby(index["sku"].to_numpy()).mean()
    return means.loc[skus].to_numpy(np.float32)
