"""A toy generator, its scorer and a way to choose designs, for tests of the shortlist."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from bestseller.backbones import FeatureSpace
from bestseller.classifier.classifier import Classifier
from bestseller.designs.design import Choice
from bestseller.designs.evidence import Naming
from bestseller.designs.expected import Expectation
from bestseller.designs.explain import Explainer
from bestseller.designs.looks import Looks
from bestseller.designs.sellers import BestSellers
from bestseller.designs.shortlist import shortlist
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Drawn
from bestseller.images.store import ImageSet
from bestseller.params import Shortlist
from bestseller.preference.known import KnownImages
from bestseller.preference.ranker import SalesRanker
from bestseller.preference.scorer import Scorer

SIZE, LINES = 8, ["A", "B"]


WORTH = "WARNING: Of two held-out designs of one line, the score names the better seller 51 of 100."


class Pixels:
    """A feature extractor whose features are the pixels."""

    name = "raw_pixels"

    def features(self, images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1).astype(np.float32) / 255


class BrightIsA:
    """A classifier that takes bright images for line A, and knows everything."""

    lines = LINES

    def __init__(self) -> None:
        self.detector = self

    def outputs(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bright = images.reshape(len(images), -1).mean(axis=1) / 255.0
        return np.stack([bright, 1 - bright], axis=1), bright[:, None]

    def probabilities_of(self, logits: np.ndarray) -> np.ndarray:
        return logits

    def abstains(self, features: np.ndarray) -> np.ndarray:
        return np.zeros(len(features), dtype=bool)


class LikesBrightFirstPixel:
    """A ranker by the first pixel, whose best sellers are all products but the first ten."""

    detector = None

    def __init__(self, products: pd.DataFrame, bank: np.ndarray) -> None:
        self.products, self.bank = products, bank

    def score(self, features: np.ndarray, lines: list[str]) -> np.ndarray:
        return np.exp(self.log_rate(features))

    def log_rate(self, features: np.ndarray) -> np.ndarray:
        return features[:, 0].astype(np.float64)

    def neighbours(self, features: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        distances = cdist(features, self.bank[10:])
        order = np.argsort(distances, axis=1)[:, :k]
        return order + 10, np.take_along_axis(distances, order, axis=1)


class HalfToTwice:
    """A score may be half or twice of what it is; above 2.5 no product has been."""

    def __init__(self, scorer: Scorer) -> None:
        self.ranker = scorer.ranker

    def judge(self, features: np.ndarray, line: str, parents: list[Any]) -> pd.DataFrame:
        score = self.ranker.score(features, [line] * len(features))
        return pd.DataFrame(
            {
                "picture_score": score * 1.5,
                "score": score,
                "score_low": score / 2,
                "score_high": score * 2,
                "beyond_seen": score > 2.5,
            }
        )


class Memory:
    """A generator of noise that repeats a training image for every latent above 0."""

    name, hash, lines, z_dim, sales = "dcgan-plain-0", "ab" * 32, LINES, 4, False

    def __init__(self, training: np.ndarray) -> None:
        self.training = training

    def draw(self, lines: list[str], seed: int) -> Drawn:
        z = np.random.default_rng(seed).standard_normal((len(lines), 4)).astype(np.float32)
        return Drawn(z, [None] * len(lines))

    def images(self, latents: np.ndarray, lines: list[str]) -> np.ndarray:
        made = []
        for latent in latents:
            rng = np.random.default_rng(int(abs(latent[0]) * 1e6))
            new = rng.integers(0, 256, self.training.shape[1:], dtype=np.uint8)
            copy = self.training[int(abs(latent[0]) * 1e6) % len(self.training)]
            made.append(copy[:, ::-1] if latent[0] > 0 else new)
        return np.stack(made)


def known_images(pixels: Pixels, catalogue: ImageSet) -> KnownImages:
    """Remember a catalogue in the space of its pixels, with a floor that no noise falls below."""
    network = SimpleNamespace(network_name=pixels.name)
    space = SimpleNamespace(name=pixels.name, backbone=network, layers=(), side=0)
    known = KnownImages.of(cast(FeatureSpace, space), catalogue, pixels.features)
    known.floor.detector.threshold = 100.0
    return known


@pytest.fixture(scope="module")
def world() -> tuple[Memory, Scorer]:
    """Thirty random training images in two lines, and a scorer that is easy to foresee."""
    rng = np.random.default_rng(0)
    training = rng.integers(0, 256, (30, SIZE, SIZE, 3), dtype=np.uint8)
    held_out = rng.integers(0, 256, (30, SIZE, SIZE, 3), dtype=np.uint8)
    pixels = Pixels()
    bank = pixels.features(training)
    index = pd.DataFrame(
        {"sku": [f"S{i}" for i in range(60)], "line": [LINES[i % 2] for i in range(60)]}
    ).assign(cluster=range(60), split=["train"] * 30 + ["test"] * 30)
    index = index.assign(category="c", view="front", sha256="0")
    catalogue = ImageSet(np.concatenate([training, held_out]), index)
    index = index[["sku", "line"]][:30]
    ranker = LikesBrightFirstPixel(index.assign(units=range(30)), bank)
    scorer = Scorer(
        cast(FeatureSpace, pixels),
        cast(SalesRanker, ranker),
        cast(Classifier, BrightIsA()),
        known_images(pixels, catalogue),
    )
    return Memory(training), scorer


def choose(
    world: tuple[Memory, Scorer], rejected: np.ndarray | None = None, **changes: Any
) -> Choice:
    memory, scorer = world
    given: dict[str, Any] = {
        "candidates": 40,
        "per_line": 3,
        "recognisable": 1.0,
        "diversity": 0.0,
        "seed": 3,
    }
    given |= {"occlusion": 2, "sharing": "equal", "seller_share": 1.0, "seller_units": 10}
    given |= {"parents": "drawn", "draws": 4, "search": 0, "apart": 0}
    expectation = cast(Expectation, changes.pop("expectation", HalfToTwice(scorer)))
    known = scorer.known.training
    looks = Looks.of(memory.training, list(known["sku"]), list(known["line"]))
    skus = known["sku"].tolist()
    products = pd.DataFrame({"sku": skus, "name": skus, "line": known["line"].tolist()})
    products = products.assign(units=range(len(skus)), price=10.0, currency="EUR")
    sellers = BestSellers.of(memory.training, products, share=1.0, least_units=10)
    explainer = Explainer(scorer, looks, sellers, 2)
    wanted = Shortlist.model_validate(given | changes)
    choice = shortlist(
        {line: [memory.name] for line in LINES},
        {memory.name: cast(TrainedGenerator, memory)},
        scorer,
        Naming({"S1": "One"}),
        wanted,
        expectation=expectation,
        worth=WORTH,
        places=dict.fromkeys(LINES, wanted.per_line),
        rejected=rejected,
    )
    return explainer.explain(choice)
