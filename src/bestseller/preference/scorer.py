"""The score of any image: similarity, expected sales, the products behind it, and its doubts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from bestseller.backbones import FeatureSpace, load_space
from bestseller.base.errors import BestsellerError
from bestseller.classifier.classifier import Classifier, load_classifier
from bestseller.classifier.similarity import image_similarity
from bestseller.preference.known import KnownImages
from bestseller.preference.ranker import NEIGHBOURS, SalesRanker, load_ranker

Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Scorer:
    """The frozen models that judge images, none of which a generator was trained against.

    Attributes:
        space: in which the ranker looks at images, and distances are measured.
        ranker: sales score of a product's features within its line.
        classifier: which line an image belongs to.
        known: the images that the generators learned from.
    """

    space: FeatureSpace
    ranker: SalesRanker
    classifier: Classifier
    known: KnownImages

    @classmethod
    def load(cls, backbones: str | Path, preference: str | Path, classifier: str | Path) -> Self:
        """Load a scorer from the folders that the stages backbone, backtest and classifier wrote.

        Raises:
            BestsellerError: a file is missing or damaged.
        """
        known = KnownImages.load(preference)
        return cls(
            load_space(backbones, known.space),
            load_ranker(preference),
            load_classifier(classifier),
            known,
        )

    def judge(
        self, images: Images, lines: Sequence[str]
    ) -> tuple[NDArray[np.float32], pd.DataFrame]:
        """Judge images, each for a line.

        Args:
            images: uint8 N x S x S x 3, N >= 1, of the classifier's size.
            lines: the N lines.

        Returns:
            features (float32 N x d) and a row per image: score (expected sales over those of the
            line's average product), similarity (percent, NaN for a line unknown to the
            classifier), abstains (the ranker's or the classifier's detector finds it unlike every
            product), novelty (class), distance (to the nearest training image), percentile
            (0..100), training_row, picture (its distance from real photos over the largest that
            is shown; above 1 it is below the floor of picture quality).
        """
        return self._judge(images, lines, *self.classifier.outputs(images))

    def score(self, images: Images, line: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Score images of products, framed as the catalogue's processed ones are.

        Args:
            images: uint8 N x S x S x 3, N >= 1; another size than the catalogue's is resized.
            line: the line of all images, or of each; none = the likeliest for each, as the
                classifier sees it with the sales prior divided out.

        Returns:
            A row per image: line, similarity, score, abstains, novelty, percentile (as `judge`
            has them), nearest_training (sku), neighbours (the nearest best sellers, nearest
            first: a list of dicts with sku, line, units, distance).

        Raises:
            BestsellerError: the images are of another shape or type, or the lines of another
                number.
        """
        images = self._sized(images)
        logits, deep = self.classifier.outputs(images)
        if line is None:
            likeliest = self.classifier.probabilities_of(logits, prior=False).argmax(axis=1)
            lines = [self.classifier.lines[column] for column in likeliest]
        else:
            lines = [line] * len(images) if isinstance(line, str) else list(line)
        if len(lines) != len(images):
            raise BestsellerError(f"line: {len(lines)} lines for {len(images)} images")
        features, table = self._judge(images, lines, logits, deep)
        nearest = self.known.training["sku"].to_numpy(object)[table.pop("training_row")]
        shown = table[["similarity", "score", "abstains", "novelty", "percentile"]].copy()
        shown.insert(0, "line", lines)
        shown["nearest_training"] = nearest
        shown["neighbours"] = pd.Series(self.neighbours(features), dtype=object)
        return shown

    def neighbours(
        self, features: NDArray[np.float32], k: int = NEIGHBOURS
    ) -> list[list[dict[str, Any]]]:
        """Return the k nearest best sellers of each row of features, nearest first.

        Returns:
            For each row dicts with sku, line, units (net), distance (in feature space).
        """
        rows, distances = self.ranker.neighbours(features, k)
        products = self.ranker.products
        return [
            [
                {
                    "sku": str(products["sku"].iloc[row]),
                    "line": str(products["line"].iloc[row]),
                    "units": int(products["units"].iloc[row]),
                    "distance": round(float(distance), 6),
                }
                for row, distance in zip(*found, strict=True)
                if row >= 0
            ]
            for found in zip(rows, distances, strict=True)
        ]

    def _judge(
        self,
        images: Images,
        lines: Sequence[str],
        logits: NDArray[np.float64],
        deep: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], pd.DataFrame]:
        features = self.space.features(images)
        probabilities = self.classifier.probabilities_of(logits)
        unlike = self.classifier.detector.abstains(deep)
        if self.ranker.detector is not None:
            unlike |= self.ranker.detector.abstains(features)
        found = self.known.neighbours(images, features)
        near = next(iter(found.values()))
        table = pd.DataFrame(
            {
                "score": self.ranker.score(features, lines),
                "similarity": image_similarity(probabilities, lines, self.classifier.lines),
                "abstains": unlike,
                "novelty": self.known.classes(found, unlike),
                "distance": near.distance,
                "percentile": self.known.novelty.percentiles(near.distance),
                "training_row": near.index,
                "picture": self.known.floor.shares(features),
            }
        )
        return features, table

    def _sized(self, images: Images) -> Images:
        """Return the images at the size that the classifier was trained on."""
        images, size = np.asarray(images), self.classifier.size
        square = images.ndim == 4 and images.shape[1] == images.shape[2] and images.shape[3] == 3
        if images.dtype != np.uint8 or not square or not len(images):
            raise BestsellerError(
                f"images: {images.dtype} {images.shape}, not uint8 N x S x S x 3 with an image; "
                "frame them as the stage preprocess does"
            )
        if images.shape[1] == size:
            return images
        resized = [
            Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS)
            for image in images
        ]
        return np.stack([np.asarray(image) for image in resized])


@lru_cache(maxsize=1)
def _scorer(data: Path) -> Scorer:
    return Scorer.load(data / "backbones", data / "preference", data / "classifier")


def score(
    images: Images, line: str | Sequence[str] | None = None, *, data: str | Path = "data"
) -> pd.DataFrame:
    """Score images with the models of the last `dvc repro`; see `Scorer.score`.

    The models are loaded once; a process that is to see new ones starts anew or uses `Scorer`.

    Args:
        images: uint8 N x S x S x 3.
        line: of all images, or of each; none = the likeliest.
        data: the folder with backbones/, preference/ and classifier/.
    """
    return _scorer(Path(data).resolve()).score(images, line)
