"""How numbers and names are written for people."""

import math
from typing import Any

from bestseller.base.errors import BestsellerError
from bestseller.params import Item
from bestseller.params.train import GANS

UNITS = {"s": "s", "mb": "MB", "gb": "GB", "px": "px", "percent": "%", "bytes": "bytes"}
UPPER = {
    "auc": "AUC",
    "fid": "FID",
    "lpips": "LPIPS",
    "kid": "KID",
    "mind": "MIND",
    "sku": "SKU",
    "skus": "SKUs",
    "ece": "ECE",
    "fd": "FD",
    "rmse": "RMSE",
    "nll": "NLL",
    "psi": "PSI",
}
MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"
SHARE = "_share"
SHARES = (SHARE, "_rate", "_rate_low", "_rate_high")


def label(key: str) -> str:
    """Write a lower_snake_case key as words, with its unit in brackets: ``wall_s`` -> Wall (s)."""
    *words, last = key.split("_")
    unit = UNITS.get(last) if words else None
    if unit is None:
        words.append(last)
    text = " ".join(UPPER.get(word, word) for word in words)
    text = text[:1].upper() + text[1:]
    return f"{text} ({unit})" if unit else text


def number(value: float, digits: int = 4) -> str:
    """Write a number with thousands separated and about `digits` significant figures."""
    if not math.isfinite(value):
        return DASH
    if float(value).is_integer() and abs(value) < 1e15:
        text = f"{int(value):,}"
    elif 1e-3 <= abs(value) < 1e15:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{min(decimals, 4)}f}"
    else:
        text = f"{value:.{digits - 2}e}"
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def percent(value: float) -> str:
    """Write a percentage with one decimal, without its sign."""
    return DASH if math.isnan(value) else f"{value:.1f}"


def times(value: float) -> str:
    """Write a multiple of the average: two decimals and a multiplication sign."""
    return f"{value:.2f}\N{MULTIPLICATION SIGN}"


def fact(key: str, value: Any) -> str:
    """Write the value of a flat fact; a key ending in ``_share`` or ``_rate`` becomes percent."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        known = math.isfinite(value)
        return f"{100 * value:.1f} %" if known and key.endswith(SHARES) else number(float(value))
    if isinstance(value, list | tuple):
        return ", ".join(fact(key, part) for part in value) or "none"
    return str(value) or "none"


def fact_label(key: str) -> str:
    """Write the key of a flat fact as words."""
    return label(key.removesuffix(SHARE)) if key.endswith(SHARE) else label(key)


def model_label(name: str) -> str:
    """Write a matrix item for people: ``dcgan-centroid-0`` -> DCGAN, centroid, seed 0.

    A name of another form, such as that of a reference, becomes words.
    """
    try:
        item = Item.parse(name)
    except BestsellerError:
        return GANS[name].label if name in GANS else label(name.replace("-", "_"))
    return f"{variant_label(item.gan, item.constraint)}, seed {item.seed}"


def variant_label(gan: str, constraint: str) -> str:
    """Write a model, whatever its seed, for people: ``DCGAN, centroid``."""
    return f"{GANS[gan].label if gan in GANS else gan}, {constraint}"


def joined(words: list[str]) -> str:
    """Join words as in a sentence: ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def count(n: int, one: str, many: str = "") -> str:
    """Write a number with its noun: ``1 line``, ``3 lines``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
