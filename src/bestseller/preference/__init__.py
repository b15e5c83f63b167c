"""What sells: the best-seller classifier, its calibration and similarity; the sales ranker."""

from bestseller.classifier.classifier import Classifier, load_classifier
from bestseller.preference.ranker import SalesRanker, fit_ranker, load_ranker
from bestseller.preference.scorer import Scorer, score

__all__ = [
    "Classifier",
    "SalesRanker",
    "Scorer",
    "fit_ranker",
    "load_classifier",
    "load_ranker",
    "score",
]
