"""Drift since the last run: the sales mix, the top sellers, the look of the products.

Drift is reported and stops nothing. Each number has beside it the value that chance alone gives. A
warning reports a number only if it is above both this value and its threshold in params.yaml.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import chdtri

from bestseller.backbones import empty_feature_stack
from bestseller.backbones.backbone import batches
from bestseller.base.compute import device
from bestseller.base.files import read_table
from bestseller.centroid.centroids import load_centroids
from bestseller.classifier.sellers import top_sellers
from bestseller.evaluation.quality import rounded
from bestseller.images.augment import augment
from bestseller.images.split import TEST
from bestseller.images.store import ImageSet
from bestseller.params import Drift, Params
from bestseller.report.drift import PRIOR, windows

SALES, PROCESSED = Path("data/sales"), Path("data/processed")
DISTANCE = Path("data/centroid/distance.safetensors")
Facts = dict[str, Any]


def measure_drift(before: Path, root: Path, params: Params) -> Facts:
    """Measure what moved between the last run and today.

    Args:
        before: the folder that holds data/sales and data/centroid as the last run left them; what
            it lacks, at a first run, is not compared.
        root: the checkout with today's data/sales and data/processed.
        params: of the run; thresholds are under retrain.drift.

    Returns:
        Flat facts for JSON, and ``warnings``, a list of sentences. See `sales_mix`,
        `top_seller_turnover` and `image_shift` for the others.

    Raises:
        BestsellerError: a file of today is missing or damaged.
    """
    limits, confidence = params.retrain.drift, params.compare.confidence
    images = ImageSet.open(root / PROCESSED, "dvc repro preprocess")
    ledger = read_table(root / SALES / "ledger.parquet", "dvc repro sales")
    facts: Facts = sales_mix(ledger, confidence)
    if (old := before / SALES / "units.parquet").exists():
        units = read_table(root / SALES / "units.parquet", "dvc repro sales")
        facts |= top_seller_turnover(read_table(old), units, images.index, params)
    if (measure := before / DISTANCE).exists():
        # it is of the images that the GANs learn from, so today's are changed likewise
        facts |= image_shift(measure, augment(images, params.augment, "drift: augment"))
    return rounded(facts) | {"warnings": warnings(facts, limits)}


def sales_mix(ledger: pd.DataFrame, confidence: float) -> Facts:
    """Compare the ledger's last 90 days with the same days of the year before.

    The population stability index over lines with shares p now and q before,

        PSI = sum_l (p_l - q_l) ln(p_l / q_l)

    (Siddiqi, Credit Risk Scorecards, 2006; Jeffreys' divergence), half a unit added to each line.
    Of N and M independent units with equal shares over L lines, PSI / (1/N + 1/M) is close to
    chi-square with L - 1 degrees of freedom (Yurdakul and Naranjo 2020): its quantile is what
    chance makes. Large orders make more of it.

    Args:
        ledger: line, date, units.
        confidence: of the quantile, 0..1.

    Returns:
        sales_psi, sales_psi_chance, sales_psi_line (the line with the largest term). Empty where
        the ledger does not reach back, a window has no sale, or there is one line.
    """
    found = windows(ledger)
    if found is None or not found.now.sum() or not found.before.sum() or len(found.now) < 2:
        return {}
    now, before = (units.to_numpy(np.float64) + PRIOR for units in (found.now, found.before))
    p, q = now / now.sum(), before / before.sum()
    terms = (p - q) * np.log(p / q)
    noise = 1 / found.now.sum() + 1 / found.before.sum()
    return {
        "sales_psi": float(terms.sum()),
        "sales_psi_chance": float(noise * chdtri(len(p) - 1, 1 - confidence)),
        "sales_psi_line": str(found.now.index[int(terms.argmax())]),
    }


def top_seller_turnover(
    before: pd.DataFrame, now: pd.DataFrame, index: pd.DataFrame, params: Params
) -> Facts:
    """Return how many of today's best sellers the last run did not count among them.

    Args:
        before, now: sku, units (net) of all products, then and today.
        index: of today's images; a product without one counts neither then nor today.
        params: preference.top_k and preference.scope say what a best seller is.

    Returns:
        top_sellers, top_sellers_new, top_seller_turnover_share (the second over the first). Empty
        where no product with an image of today had sold then.
    """
    settings = params.preference
    if not before.loc[before["sku"].isin(index["sku"]), "units"].gt(0).any():
        return {}
    old, new = (
        set(top_sellers(units, index, settings.top_k, settings.scope)["sku"])
        for units in (before, now)
    )
    entered = len(new - old)
    return {
        "top_sellers": len(new),
        "top_sellers_new": entered,
        "top_seller_turnover_share": entered / len(new),
    }


def image_shift(measure: Path, images: ImageSet) -> Facts:
    """Measure today's images in the last run's features Phi, against its centroid c and d_ref.

    Like c, over the images that are not held out, c_new = mean_i Phi(x_i). Were these n images
    drawn anew from products that c is the true mean of, chance would move c_new by

        sqrt(tr S / n),  tr S = sum_i ||Phi(x_i) - c_new||^2 / (n - 1),

    the standard error of the mean. Two runs share most of their images, which leaves chance less.

    Args:
        measure: the last run's distance.safetensors, which holds the network, c and d_ref.
        images: today's, changed as those that the GANs learn from.

    Returns:
        images_measured; centroid_shift, ||c_new - c|| / d_ref; centroid_shift_chance, the standard
        error over d_ref; centroid_distance, mean_i ||Phi(x_i) - c|| / d_ref, which was 1. Only
        the first where the features have another shape, as after a change of images.size.

    Raises:
        BestsellerError: the file is damaged.
    """
    centroids = load_centroids(measure, empty_feature_stack)
    if centroids is None:
        raise ValueError(f"{measure} holds no centroid")
    centroids.to(device())
    centre, d_ref = centroids.centres[0], float(centroids.references[0])
    seen = images.select(images.index["split"] != TEST).images
    facts: Facts = {"images_measured": len(seen)}
    total, squares, distance = torch.zeros((), dtype=torch.float64), 0.0, 0.0
    with torch.inference_mode():
        for batch in batches(seen, 64, "drift: images"):
            features = centroids.features(batch).double()
            if features.shape[1:] != centre.shape:
                return facts
            apart = (features - centre).flatten(1)
            norms = apart.norm(dim=1)
            total = total.to(apart.device) + apart.sum(dim=0)
            squares += float(norms.square().sum())
            distance += float(norms.sum())
    n = len(seen)
    shift = float(total.norm()) / n
    spread = max(squares - n * shift**2, 0.0) / max(n - 1, 1)
    return facts | {
        "centroid_shift": shift / d_ref,
        "centroid_shift_chance": float(np.sqrt(spread / n)) / d_ref,
        "centroid_distance": distance / n / d_ref,
    }


def warnings(facts: Mapping[str, Any], limits: Drift) -> list[str]:
    """Return a sentence for every fact above its threshold and above chance.

    Args:
        facts: of `sales_mix`, `top_seller_turnover` and `image_shift`, as far as they are known.
        limits: the section retrain.drift of params.yaml.
    """
    told = []
    psi, chance = facts.get("sales_psi", 0.0), facts.get("sales_psi_chance", 0.0)
    if psi > max(chance, limits.max_sales_psi):
        told.append(
            f"The sales mix by line is not that of a year ago: PSI {psi:.2f} is above "
            f"{limits.max_sales_psi:g} and above what chance makes ({chance:.2f}); most of it is "
            f"{facts['sales_psi_line']}."
        )
    turnover = facts.get("top_seller_turnover_share", 0.0)
    if turnover > limits.max_turnover:
        told.append(
            f"{facts['top_sellers_new']:,} of the {facts['top_sellers']:,} top sellers are new "
            f"({turnover:.0%}, above {limits.max_turnover:.0%})."
        )
    shift, chance = facts.get("centroid_shift", 0.0), facts.get("centroid_shift_chance", 0.0)
    if shift > max(chance, limits.max_centroid_shift):
        told.append(
            f"The catalogue's centre in feature space moved by {shift:.2f} d_ref, above "
            f"{limits.max_centroid_shift:g} and above what chance makes ({chance:.2f})."
        )
    distance = facts.get("centroid_distance", 0.0)
    if distance > limits.max_centroid_distance:
        told.append(
            f"The images lie {distance:.2f} d_ref from the last run's centre on average, above "
            f"{limits.max_centroid_distance:g}: the products look different."
        )
    if "images_measured" in facts and "centroid_shift" not in facts:
        told.append(
            "The images could not be held against those of the last run: they have another size."
        )
    return told
