"""The cost of the constraint in time, by hand."""

import pandas as pd
import pytest

from bestseller.comparison.cost import cost_answers, training_costs


def test_costs_are_means_over_seeds_and_the_constraint_is_beside_its_own_gan() -> None:
    timings = pd.DataFrame(
        [
            ("dcgan", "plain", 0, 100.0, 400.0),
            ("dcgan", "plain", 1, 300.0, 200.0),
            ("dcgan", "centroid", 0, 300.0, 150.0),
            ("pggan", "centroid", 0, 50.0, 80.0),
        ],
        columns=["gan", "constraint", "seed", "seconds", "images_per_second"],
    )
    costs = training_costs(timings).set_index(["gan", "constraint"])
    assert costs["seconds"].tolist() == [200.0, 300.0, 50.0]
    assert costs["seeds"].tolist() == [2, 1, 1]
    assert costs["times_plain"].tolist()[:2] == pytest.approx([1.0, 2.0])
    assert pd.isna(costs["times_plain"]["pggan", "centroid"])
    assert cost_answers(training_costs(timings)) == [
        "dcgan: training with the centroid constraint takes 2.00 times as long an image "
        "(150 images/s, 300 s)."
    ]
