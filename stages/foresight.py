"""Make the shortlist of a past day; say whether it tells best from slow sellers launched later."""

import datetime as dt
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, read_table, reading, remove, write_json
from bestseller.base.processes import tied
from bestseller.catalogue.product import Product
from bestseller.catalogue.raw import read_catalogue
from bestseller.designs.export import read_choice
from bestseller.designs.foresight import Lift, lift, sentence
from bestseller.images.store import ImageSet
from bestseller.params import PARAMS_FILE, Params
from bestseller.params.sales import NO_LEDGER
from bestseller.preference.past import later_sales, launch_days
from stages import WORKSPACE, run

CATALOGUE = Path("data/raw/catalogue.jsonl")
ORIGINALS = Path("data/raw/images.zip")
UNITS = Path("data/sales/units.parquet")
PROCESSED = Path("data/processed")
BACKBONES = Path("data/backbones")
RESULT = "metrics/foresight.json"
SCRATCH = Path(".scratch/foresight")
CANDIDATES = "data/candidates.npz"
CHECKPOINTS = ".scratch"  # within a past: a training that was killed goes on from there
OFF = "Off: no day of the past is set (foresight.as_of in params.yaml)."

Pictures = Mapping[str, np.ndarray]  # by line, uint8 N x S x S x 3


def main(params: Params) -> None:
    wanted = params.foresight
    if not wanted.as_of:
        write_json(RESULT, {"off": OFF})
        print(f"foresight: {OFF}")
        return
    if why := why_untold(params):
        tell({"as_of": wanted.as_of}, why)
        return
    day = dt.date.fromisoformat(wanted.as_of)
    products, units = read_catalogue(CATALOGUE), read_table(UNITS, "dvc repro sales")
    days = launch_days(units, products, wanted.launched)
    known = set(days.loc[days["launch"] <= pd.Timestamp(day), "sku"])
    images = ImageSet.open(PROCESSED).of_main_view()
    launches = later_sales(days, units, images.index, day, wanted.least_days)
    facts = {"as_of": wanted.as_of, "products_known": len(known), "launches": len(launches)}
    if not known or launches.empty:
        tell(
            facts,
            f"Of {len(known)} products known and {len(launches)} launched later nothing "
            "can be told.",
        )
        return
    past = make_past(params, [product for product in products if product.sku in known])
    chosen, candidates = pictures_of(past)
    photos = images.select(images.index["sku"].isin(launches["sku"]).to_numpy())
    tell(facts | measure(launches, photos, chosen, candidates, params), "")
    remove(past)


def why_untold(params: Params) -> str:
    """Return in a sentence why nothing can be told of this ledger; empty where something can."""
    if params.sales.source == "none":
        return NO_LEDGER
    if params.sales.allocation != "none":
        return "Sales are known by line only: which product of a line sold better was not observed."
    return ""


def tell(facts: Mapping[str, Any], why: str) -> None:
    """Write the result and print its sentence."""
    told = dict(facts) | ({"sentence": f"Not told: {why}"} if why else {})
    write_json(RESULT, told)
    print(f"foresight: {told['sentence']}")


def make_past(params: Params, products: list[Product]) -> Path:
    """Make the shortlist of the day in a folder of its own, by the stages' own code.

    A run that was killed leaves the folder, and its training's checkpoint, to the next one.

    Returns:
        The folder; its data/ and metrics/ are those of a run on that day.

    Raises:
        BestsellerError: a stage failed; the message is its own.
    """
    wanted = params.foresight
    past = (SCRATCH / f"{wanted.as_of}-{wanted.model}-{wanted.seed}").resolve()
    past.mkdir(parents=True, exist_ok=True)
    for old in past.iterdir():
        if old.name != CHECKPOINTS:
            remove(old)
    for folder in ("data/raw", "data/source", "metrics"):
        (past / folder).mkdir(parents=True)
    with atomic_path(past / CATALOGUE) as path:
        path.write_text("".join(product.model_dump_json() + "\n" for product in products), "utf-8")
    (past / ORIGINALS).symlink_to(ORIGINALS.resolve())
    (past / BACKBONES).symlink_to(BACKBONES.resolve())
    write_json(past / "data/source/ledger.json", {"as_of": wanted.as_of})
    with atomic_path(past / PARAMS_FILE) as path, path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(
            of_the_day(params).model_dump(mode="json", by_alias=True), file
        )
    root = Path(__file__).resolve().parent.parent
    inherited = {k: v for k, v in os.environ.items() if k not in ("DVC_STAGE", "DVC_ROOT")}
    done = subprocess.run(
        tied([sys.executable, "-m", "stages.foresight_past"]),
        cwd=past,
        env=inherited | {"PYTHONPATH": str(root), "BESTSELLER_LIVE": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise BestsellerError(f"as of {wanted.as_of}: {last[0].partition(': ')[2] or last[0]}")
    return past


def of_the_day(params: Params) -> Params:
    """Return the settings of the past: the ledger as it was known, one model, no foresight."""
    wanted, sales = params.foresight, params.sales
    until = min(filter(None, (wanted.as_of, sales.until)))
    known = min(filter(None, (wanted.as_of, sales.as_of)))
    path = str((WORKSPACE / sales.path).resolve()) if sales.path else ""
    weights = str((WORKSPACE / params.backbones.weights_dir).resolve())
    changed = {
        "models": [wanted.model],
        "seeds": [wanted.seed],
        "sales": sales.model_copy(update={"until": until, "as_of": known, "path": path}),
        "backbones": params.backbones.model_copy(update={"weights_dir": weights}),
        "foresight": wanted.model_copy(update={"as_of": ""}),
    }
    return params.model_copy(update=changed)


def pictures_of(past: Path) -> tuple[Pictures, Pictures]:
    """Return by line the designs of the past's shortlist, and the random candidates beside them."""
    chosen: dict[str, list[np.ndarray]] = defaultdict(list)
    for design in read_choice(past / "data/designs").designs:
        chosen[str(design.record["line"])].append(design.image)
    with (
        reading(past / CANDIDATES, "dvc repro foresight") as found,
        np.load(found, allow_pickle=False) as stored,
    ):
        lines, images = stored["lines"], stored["images"]
    random = {str(line): images[lines == line] for line in np.unique(lines)}
    return {line: np.stack(found) for line, found in chosen.items()}, random


def measure(
    launches: pd.DataFrame, photos: ImageSet, chosen: Pictures, candidates: Pictures, params: Params
) -> dict[str, Any]:
    """Return the facts: the lift in each metric space, and the main one's in a sentence."""
    from bestseller.backbones import load_space  # noqa: PLC0415 (slow import)
    from bestseller.base.compute import configure_torch  # noqa: PLC0415 (slow import)

    configure_torch(params.threads, params.shortlist.seed)
    wanted, confidence = params.foresight, params.compare.confidence
    values: dict[str, Any] = {"designs": sum(map(len, chosen.values()))}
    order = pd.Index(photos.index["sku"]).get_indexer(launches["sku"])
    told = ""
    for given in params.backbones.metric_spaces:
        space = load_space(BACKBONES, given)
        found = lift(
            launches,
            space.features(np.asarray(photos.images))[order],
            {line: space.features(images) for line, images in chosen.items()},
            {line: space.features(images) for line, images in candidates.items()},
            wanted.share,
            confidence,
        )
        if isinstance(found, str):
            return values | {"sentence": f"Not told: {found}"}
        values |= facts_of(found, "" if not told else f"_{space.name}")
        told = told or sentence(found, wanted.as_of)
    return values | {"sentence": told}


def facts_of(found: Lift, suffix: str) -> dict[str, float | int]:
    """Return a lift as flat facts, those of further spaces with a suffix."""
    values = {
        "lift": found.interval.value,
        "lift_low": found.interval.low,
        "lift_high": found.interval.high,
        "best_nearer_share": found.chosen,
        "best_nearer_random_share": found.random,
        "random_lists_reaching_it_share": found.reached,
    }
    flat: dict[str, float | int] = {f"{k}{suffix}": round(v, 6) for k, v in values.items()}
    if not suffix:
        flat |= {"best_sellers": found.best, "slow_sellers": found.slow, "lines": found.lines}
    return flat


if __name__ == "__main__":
    run(main)
