"""The Inception score at its ends, and between them by hand."""

import numpy as np
import pytest

from bestseller.metrics.inception_score import inception_score


def test_constant_probabilities_score_one() -> None:
    assert inception_score(np.tile([0.7, 0.2, 0.1, 0.0], (5, 1))) == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize("classes", [2, 7])
def test_sure_and_balanced_classes_score_their_number(classes: int) -> None:
    assert inception_score(np.tile(np.eye(classes), (3, 1))) == pytest.approx(classes, rel=1e-14)


def test_between_by_hand() -> None:
    # p(y) = (0.65, 0.35).
    expected = np.exp(
        (
            0.9 * np.log(0.9 / 0.65)
            + 0.1 * np.log(0.1 / 0.35)
            + 0.4 * np.log(0.4 / 0.65)
            + 0.6 * np.log(0.6 / 0.35)
        )
        / 2
    )
    assert inception_score([[0.9, 0.1], [0.4, 0.6]]) == pytest.approx(expected, rel=1e-14)
