"""What is asked of every candidate: score, similarity, novelty, nearest best sellers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bestseller.backbones import Backbone
from bestseller.designs.candidates import Candidates
from bestseller.metrics.novelty import NoveltyTest
from bestseller.preference import Classifier, SalesRanker
from bestseller.preference.similarity import image_similarity


@dataclass(frozen=True)
class Judges:
    """The frozen models that judge candidates, none of which a generator was trained against.

    Attributes:
        backbone: feature extractor in whose space distances are measured.
        ranker: sales score of a product's features within its line.
        classifier: which line an image belongs to.
        novelty: distances to the images that the generators learned from.
        training: the index of these images, row i for row i of the novelty test.
    """

    backbone: Backbone
    ranker: SalesRanker
    classifier: Classifier
    novelty: NoveltyTest
    training: pd.DataFrame

    def judge(self, candidates: Candidates) -> tuple[np.ndarray, pd.DataFrame]:
        """Judge every candidate of a line.

        Returns:
            features (float32 N x d) and a row per candidate: score (expected sales over those of
            the line's average product), similarity (percent, NaN for a line unknown to the
            classifier), abstains (the ranker's or the classifier's gate finds it unlike every
            product), novelty (class), distance (to the nearest training image), percentile
            (0..100), training_row.
        """
        features = self.backbone.features(candidates.images)
        logits, deep = self.classifier.outputs(candidates.images)
        lines = [candidates.line] * len(features)
        probabilities = self.classifier.probabilities_of(logits)
        unlike = self.classifier.gate.abstains(deep)
        if self.ranker.gate is not None:
            unlike |= self.ranker.gate.abstains(features)
        near = self.novelty.neighbours(features)
        table = pd.DataFrame(
            {
                "score": self.ranker.score(features, lines),
                "similarity": image_similarity(probabilities, lines, self.classifier.lines),
                "abstains": unlike,
                "novelty": self.novelty.classes(near),
                "distance": near.distance,
                "percentile": self.novelty.percentiles(near.distance),
                "training_row": near.index,
            }
        )
        return features, table
