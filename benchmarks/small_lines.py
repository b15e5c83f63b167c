"""What DiffAugment does for lines with one to five products: DCGAN with and without it.

Run in the folder of a finished run of the demo, or name its data:
``python benchmarks/small_lines.py [--data data] [--seeds 0 1 2 3 4]`` with ``src`` on the path
(a training a seed and arm at the settings of params.yaml; minutes each).

A line with one photo has nothing held out, so its designs are held against watches of the same line
that the embedded shop would sell under other seeds, rendered afresh: the truth that a real brand
does not have. By line, of as many generated images:

- KID to the fresh watches, in the catalogue's feature space, at least 0.1;
- spread: the mean squared distance of two designs over that of two fresh watches; near 0 every
  latent gives one picture, above 1 the designs differ by more than the line's watches do;
- copies: the share of designs that the ratio test or their distance takes for a training image.

KID and spread differ by a factor of a thousand between lines, so they are summed up as geometric
means over the small lines and over the others, and compared as ratios, paired over the training
seeds, with their interval.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from embedded import take_photos
from numpy.typing import NDArray
from ruamel.yaml import YAML

from bestseller.backbones import FeatureSpace, load_space
from bestseller.backbones.features import FeatureCache
from bestseller.base.compute import configure_torch
from bestseller.base.progress import track
from bestseller.demo.shop import DemoShop
from bestseller.demo.world import Product
from bestseller.evaluation.quality import Real, split
from bestseller.gans import load_generator
from bestseller.images.store import ImageSet
from bestseller.metrics.diversity import mean_squared_distance
from bestseller.metrics.kernel_distance import kid
from bestseller.metrics.novelty import NEAR_COPY_PERCENTILE
from bestseller.metrics.statistics import mean_interval
from bestseller.params import PARAMS_FILE, Params, load_params

SMALL = 5  # products
FRESH_SEED = 2_001  # first seed of the shops that give the unseen watches
ARMS: dict[str, list[str]] = {"with": ["translation", "cutout"], "without": []}
CONFIDENCE = 0.95

Features = NDArray[np.float32]


def fresh_watches(lines: list[str], each: int, params: Params) -> dict[str, NDArray[np.uint8]]:
    """Return `each` aligned photos of every line, of watches that no run has seen."""
    found: dict[str, list[Product]] = defaultdict(list)
    seed = FRESH_SEED
    while any(len(found[line]) < each for line in lines):
        for product in DemoShop(1.0, seed).products:
            if product.line in lines and len(found[product.line]) < each:
                found[product.line].append(product)
        seed += 1
    return {
        line: take_photos(found[line], 1, params) for line in track(lines, "fresh", unit="line")
    }


def train(data: Path, arm: str, seed: int, folder: Path) -> Path:
    """Train one DCGAN in a workspace of its own; return the model's folder."""
    workspace = folder / arm
    name = f"dcgan-plain-{seed}"
    (workspace / "data").mkdir(parents=True, exist_ok=True)
    for part in ("augmented", "centroid"):
        link = workspace / "data" / part
        if not link.exists():
            link.symlink_to((data / part).resolve())
    yaml = YAML()
    settings = yaml.load(Path(PARAMS_FILE))
    settings["train"]["diffaugment"] = ARMS[arm]
    with (workspace / PARAMS_FILE).open("w", encoding="utf-8") as file:
        yaml.dump(settings, file)
    command = [sys.executable, "-m", "stages.train", "dcgan", "plain", str(seed)]
    paths = os.pathsep.join(str(Path(part).resolve()) for part in ("src", "."))
    environment = os.environ | {"PYTHONPATH": paths}
    subprocess.run(command, cwd=workspace, env=environment, check=True)
    return workspace / "data" / "models" / name


class Measures:
    """Measures a line's designs against fresh watches and the training images."""

    def __init__(self, data: Path, params: Params, space: FeatureSpace, each: int) -> None:
        catalogue = ImageSet.open(data / "processed").of_main_view()
        cache = FeatureCache(Path(".scratch/features"))
        real = Real.extract([space], catalogue, cache)
        (self.novelty,), (known,) = real.novelty.values(), real.features.values()
        self.scale = known.scale
        learned, _ = split(catalogue)
        counts = learned.index.groupby("line")["sku"].nunique()
        self.products = {str(line): int(count) for line, count in counts.items()}
        self.each, self.space = each, space
        fresh = fresh_watches(list(self.products), each, params)
        self.fresh: dict[str, Features] = {
            line: space.features(images) / self.scale for line, images in fresh.items()
        }

    def measure(self, model: Path) -> pd.DataFrame:
        """Return a row per line: products, kid, spread, copies."""
        generator = load_generator(model)
        rows = []
        for line, products in self.products.items():
            latents = generator.draw([line] * self.each, seed=0).latents
            images = generator.images(latents, [line] * self.each)
            made = self.space.features(images) / self.scale
            near = self.novelty.neighbours(made)
            copies = self.novelty.flagged(near)
            copies |= self.novelty.percentiles(near.distance) < NEAR_COPY_PERCENTILE
            spreads = [mean_squared_distance(part).value for part in (made, self.fresh[line])]
            rows.append(
                {
                    "line": line,
                    "products": products,
                    "kid": max(0.1, kid(made, self.fresh[line]).value),
                    "spread": spreads[0] / spreads[1],
                    "copies": float(copies.mean()),
                }
            )
        return pd.DataFrame(rows)


def main() -> None:
    """Train both arms at every seed; print means and paired differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--images", type=int, default=64, help="of a line, generated and fresh")
    asked = parser.parse_args()
    params = load_params()
    configure_torch(params.job_threads, 0)
    space = load_space(asked.data / "backbones", params.backbones.metric_spaces[0])
    measures = Measures(asked.data, params, space, asked.images)
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in asked.seeds:
            for arm in ARMS:
                found = measures.measure(train(asked.data, arm, seed, Path(folder)))
                tables.append(found.assign(arm=arm, seed=seed))
    report(pd.concat(tables))


def report(table: pd.DataFrame) -> None:
    """Print every line's means, then both groups' with the paired ratios."""
    table["lines"] = np.where(table["products"] <= SMALL, "small", "others")
    columns = ["products", "kid", "spread", "copies"]
    print(table.groupby(["lines", "line", "arm"])[columns].mean().round(3).to_string())
    copies = table.groupby(["lines", "arm"])["copies"].mean()
    for name in ("kid", "spread"):
        table[name] = np.log(table[name])
    by_seed = table.groupby(["lines", "arm", "seed"])[["kid", "spread"]].mean()
    for lines in ("small", "others"):
        print(f"{lines}: copies {copies[lines].round(4).to_dict()}")
        for name in by_seed:
            arms = {arm: by_seed.loc[lines, arm][name] for arm in ARMS}
            gain = mean_interval(arms["with"] - arms["without"], CONFIDENCE)
            means = ", ".join(f"{arm} {np.exp(found.mean()):.3g}" for arm, found in arms.items())
            ratio = [np.exp(value) for value in (gain.value, gain.low, gain.high)]
            print(f"{lines}: {name} {means}; ratio {{:.2f}} ({{:.2f}} to {{:.2f}})".format(*ratio))


if __name__ == "__main__":
    main()
