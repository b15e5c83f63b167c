"""From best sellers to a calibrated, guarded classifier, measured on held-out products."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from bestseller.base.errors import BestsellerError
from bestseller.classifier import calibration
from bestseller.classifier.classifier import Classifier, forward
from bestseller.classifier.detector import OutOfDistributionDetector
from bestseller.classifier.mild import mild_changes
from bestseller.classifier.sellers import PARTS, sales_prior
from bestseller.classifier.training import train_network
from bestseller.metrics.statistics import clopper_pearson
from bestseller.params import Augment, Preference


def part_of(
    images: NDArray[np.uint8], parts: pd.DataFrame, lines: Sequence[str], part: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float64]]:
    """Return the images (uint8), labels (int64, into `lines`) and weights of one part.

    Raises:
        BestsellerError: the part is empty.
    """
    chosen = parts[parts["split"] == part]
    if chosen.empty:
        raise BestsellerError(
            f"data/processed/index.parquet: no best seller in the {part} part; "
            "raise preference.top_k or crawl more products"
        )
    column = {line: i for i, line in enumerate(lines)}
    labels = np.array([column[line] for line in chosen["line"]], np.int64)
    return images[chosen["row"].to_numpy()], labels, np.array(chosen["weight"], np.float64)


def fit_classifier(
    network: nn.Module,
    weights: str,
    *,
    images: NDArray[np.uint8],
    parts: pd.DataFrame,
    lines: Sequence[str],
    settings: Preference,
    changes: Augment | None = None,
) -> Classifier:
    """Train on the train part, then fit temperature and detector on the validation part.

    The detector is fitted on these images, as they are and after each kind of mild change.

    Args:
        network: a new ResNet-50 with L outputs.
        weights: where its weights come from: ``scratch`` or ``imagenet``.
        images: uint8 N x S x S x 3, the whole image set.
        parts: what `sellers.assign_parts` returned.
        lines: the L lines.
        settings: the section ``preference`` of params.yaml.
        changes: the section ``augment``; None fits the detector on the images as they are alone.

    Raises:
        BestsellerError: no best seller in the validation part.
    """
    held_out, held_out_labels, _ = part_of(images, parts, lines, "validation")
    train, labels, draws = part_of(images, parts, lines, "train")
    train_network(network, train, labels, draws, settings)
    logits, seen_by_none = forward(network, held_out)
    bank = forward(network, train)[1]
    detector = OutOfDistributionDetector.fit(
        np.concatenate(bank, axis=1),
        np.concatenate(seen_by_none, axis=1),
        blocks=[stage.shape[1] for stage in bank],
        mild=[
            np.concatenate(forward(network, changed)[1], axis=1)
            for changed in (mild_changes(held_out, changes) if changes else {}).values()
        ],
    )
    return Classifier(
        network.requires_grad_(False),
        weights,
        images.shape[1],
        list(lines),
        sales_prior(parts, lines),
        calibration.fit_temperature(logits, held_out_labels),
        detector,
    )


def assess(
    classifier: Classifier, images: NDArray[np.uint8], parts: pd.DataFrame, confidence: float
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Measure the classifier on the test part.

    Returns:
        Flat metrics: accuracy_test with its exact binomial interval, its mean over lines, the
        accuracy of always naming the line that sells most; nll (nats), brier and ece before and
        after the temperature; what the detector loses; numbers of images and lines. And a row per
        test image: actual, predicted (lines), for DVC's confusion template.

    Raises:
        BestsellerError: no best seller in the test part.
    """
    test, labels, _ = part_of(images, parts, classifier.lines, "test")
    logits, features = classifier.outputs(test)
    predicted = logits.argmax(axis=1)
    adjusted = classifier.probabilities_of(logits, prior=False)
    right = predicted == labels
    interval = clopper_pearson(int(right.sum()), len(right), confidence)
    metrics: dict[str, Any] = {
        "accuracy_test": float(right.mean()),
        "accuracy_test_low": interval.low,
        "accuracy_test_high": interval.high,
        "accuracy_test_without_prior": calibration.accuracy(adjusted, labels),
        "accuracy_test_mean_of_lines": float(pd.Series(right).groupby(labels).mean().mean()),
        "accuracy_test_largest_line": float((labels == np.argmax(classifier.prior)).mean()),
        "temperature": classifier.temperature,
        "lines": len(classifier.lines),
    }
    for name, temperature in (("before", 1.0), ("after", classifier.temperature)):
        probabilities = calibration.calibrated(logits, temperature)
        metrics[f"nll_{name}"] = calibration.nll_of_logits(logits, labels, temperature)
        metrics[f"brier_{name}"] = calibration.brier(probabilities, labels)
        metrics[f"ece_{name}"] = calibration.calibration_error(probabilities, labels)
    metrics["abstained_test"] = float(classifier.detector.abstains(features).mean())
    for part in PARTS:
        metrics[f"images_{part}"] = int((parts["split"] == part).sum())
    names = np.array(classifier.lines, dtype=object)
    confusion = pd.DataFrame({"actual": names[labels], "predicted": names[predicted]})
    return metrics, confusion.sort_values(["actual", "predicted"], ignore_index=True)
