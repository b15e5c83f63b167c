"""Hold the shortlist against the embedded shop's hidden taste: does it beat random candidates?

Run in the folder of a finished run, or name its folders:
``python benchmarks/shortlist_truth.py --data data [--seeds 1 2 3 4 5 6] [--candidates 64]`` with
``src`` on the path.

Nobody can buy a design that a model has drawn, so the taste is read off the picture: a kernel ridge
regression from pixels to the true utility, fitted on freshly rendered watches of a shop with
another seed (`READER_SEED`) and held against rendered watches that it has not seen. It shares
nothing with the score: no feature, no sale, no product. For each seed of the latents the mean true
appeal of the shortlist, over that of its line's average watch, is compared with as many random
candidates of the same lines and models. The interval is over the seeds of the latents; the trained
models are the same in all of them.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from embedded import take_photos
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.kernel_ridge import KernelRidge
from threadpoolctl import threadpool_limits

from bestseller.base.compute import configure_torch
from bestseller.base.files import read_json
from bestseller.demo.shop import DemoShop
from bestseller.demo.taste import utility
from bestseller.designs.candidates import sample
from bestseller.designs.evidence import Naming
from bestseller.designs.selection import best_models
from bestseller.designs.shortlist import shortlist
from bestseller.gans import load_generator
from bestseller.metrics.statistics import mean_interval
from bestseller.params import Params, load_params
from bestseller.preference.scorer import Scorer

READER_SEED = 1_001  # of the shop that the reader learns from; the runs' shops have others
SIDE, COMPONENTS = 32, 150
RIDGE = 0.3
CONFIDENCE = 0.95

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Reader:
    """Reads the utility of a watch off its picture.

    Attributes:
        mean: by line, the mean appeal of the line's watches, as read.
        agreement: by line, the rank correlation with the truth on unseen watches.
    """

    space: PCA
    regression: KernelRidge
    mean: dict[str, float]
    agreement: dict[str, float]

    @classmethod
    def fit(cls, params: Params, scale: float) -> "Reader":
        """Fit on four fifths of a rendered shop, hold against the rest."""
        products = DemoShop(scale, READER_SEED).products
        pixels = _pixels(take_photos(products, 1, params))
        truth = np.array([utility(product.watch) for product in products])
        lines = np.array([product.line for product in products])
        held = np.random.default_rng(0).uniform(size=len(products)) < 0.2
        space = PCA(COMPONENTS, whiten=False, random_state=0).fit(pixels[~held])
        known = space.transform(pixels)
        width = np.median(((known[held][:, None] - known[~held][None, :500]) ** 2).sum(axis=2))
        regression = KernelRidge(alpha=RIDGE, kernel="rbf", gamma=1 / width)
        regression.fit(known[~held], truth[~held] - truth[~held].mean())
        read = regression.predict(known)
        agreement = {
            line: float(spearmanr(read[held & (lines == line)], truth[held & (lines == line)])[0])
            for line in sorted(set(lines))
            if (held & (lines == line)).sum() >= 20
        }
        means = pd.Series(np.exp(read)).groupby(lines).mean()
        return cls(space, regression, dict(means), agreement)

    def appeal(self, images: NDArray[np.uint8], lines: list[str]) -> Array:
        """Return the appeal of pictures over that of their lines' average watch, float64 N."""
        read = self.regression.predict(self.space.transform(_pixels(images)))
        return np.asarray(np.exp(read) / np.array([self.mean[line] for line in lines]))


def _pixels(images: NDArray[np.uint8]) -> Array:
    small = [Image.fromarray(i).resize((SIDE, SIDE), Image.Resampling.BOX) for i in images]
    return np.stack([np.asarray(image, np.float64).ravel() for image in small]) / 255


def measure(data: Path, params: Params, reader: Reader, seeds: list[int]) -> pd.DataFrame:
    """Return a row per seed: mean appeal of the shortlist and of random candidates."""
    metrics = data.parent / "metrics"
    scorer = Scorer.load(data / "backbones", data / "preference", data / "classifier")
    similarity = pd.read_csv(metrics / "similarity.csv")
    nearest = read_json(metrics / "comparison.json", "dvc repro compare")["nearest"]
    models = best_models(similarity[similarity["model"].isin(nearest)])
    names = {name for of_line in models.values() for name in of_line}
    generators = {name: load_generator(data / "models" / name) for name in sorted(names)}
    rows = []
    for seed in seeds:
        settings = params.shortlist.model_copy(update={"seed": seed})
        choice = shortlist(models, generators, scorer, Naming({}), settings, worth="")
        lines = [design.record["line"] for design in choice.designs]
        chosen = reader.appeal(np.stack([design.image for design in choice.designs]), lines)
        rng, random, passing = np.random.default_rng(seed), [], []
        for line in sorted(set(lines)):
            drawn = sample([generators[n] for n in models[line]], line, settings.candidates, seed)
            appeal = reader.appeal(drawn.images, [line] * len(drawn.images))
            _, judged = scorer.judge(drawn.images, [line] * len(drawn.images))
            random.append(np.full(lines.count(line), rng.choice(appeal, lines.count(line)).mean()))
            passing.append(spearmanr(judged["score"], appeal)[0])
        rows.append(
            {
                "seed": seed,
                "designs": len(lines),
                "shortlist": float(chosen.mean()),
                "random": float(np.concatenate(random).mean()),
                "score_agrees": float(np.mean(passing)),
            }
        )
        print({key: round(value, 3) for key, value in rows[-1].items()}, flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    """Print the reader's worth, a row per seed, and the difference with its interval."""
    params = load_params()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5, 6])
    parser.add_argument("--candidates", type=int, default=params.shortlist.candidates)
    parser.add_argument("--scale", type=float, default=0.4, help="of the reader's shop")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    with threadpool_limits(asked.threads):
        configure_torch(asked.threads, 0)
        reader = Reader.fit(params, asked.scale)
        told = ", ".join(f"{line} {value:.2f}" for line, value in reader.agreement.items())
        print(f"reader's rank correlation on unseen watches: {told}", flush=True)
        changed = params.shortlist.model_copy(update={"candidates": asked.candidates})
        params = params.model_copy(update={"shortlist": changed})
        table = measure(asked.data, params, reader, asked.seeds)
    gain = mean_interval(table["shortlist"] - table["random"], CONFIDENCE)
    print(f"shortlist less random: {gain.value:.3f} ({gain.low:.3f} to {gain.high:.3f})")


if __name__ == "__main__":
    main()
