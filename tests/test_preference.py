"""Best sellers, calibration, similarity and the detector."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bestseller.base.errors import BestsellerError
from bestseller.classifier import calibration
from bestseller.classifier.detector import OutOfDistributionDetector
from bestseller.classifier.mild import CHANGES, MOST, mild_changes
from bestseller.classifier.neighbours import nearest
from bestseller.classifier.sellers import (
    assign_parts,
    lines_of,
    mean_by_product,
    sales_history,
    sales_prior,
    top_sellers,
)
from bestseller.classifier.similarity import (
    REPORTED_SIMILARITY,
    reported_similarity,
    similarity_table,
)
from bestseller.params import load_params
from bestseller.preference.floor import PictureFloor


def table(text: str) -> pd.DataFrame:
    """Read a table written as lines of words; numbers become numbers, skus stay text."""
    header, *rows = [line.split() for line in text.strip().splitlines()]
    frame = pd.DataFrame(rows, columns=header)
    for name in frame.columns.difference(["sku", "line", "split"]):
        frame[name] = pd.to_numeric(frame[name])
    return frame


INDEX = table(
    """
    sku line cluster split
    a1  A    0       train
    a2  A    1       train
    a3  A    2       test
    a3  A    2       test
    a4  A    3       validation
    b1  B    4       validation
    b2  B    5       test
    c1  C    6       test
    d1  D    7       train
    """
)
UNITS = table(
    """
    sku units
    a1  5
    a2  0
    a3  8
    a4  5
    b1  2
    b2  1
    c1  9
    d1  -1
    zz  70
    """
)


def test_top_sellers_are_chosen_by_line_or_overall_and_never_without_sales() -> None:
    by_line = top_sellers(UNITS, INDEX, 2, "line")
    assert list(by_line["sku"]) == ["a1", "a3", "a3", "b1", "b2", "c1"]  # a1 before a4: a tie
    assert list(by_line["row"]) == [0, 2, 3, 5, 6, 7]
    assert list(by_line["weight"]) == [5, 4, 4, 2, 1, 9]  # two photos of a3 share its 8 units
    assert set(top_sellers(UNITS, INDEX, 2, "overall")["sku"]) == {"a3", "c1"}
    assert set(top_sellers(UNITS, INDEX, 99, "overall")["sku"]) == {
        "a1",
        "a3",
        "a4",
        "b1",
        "b2",
        "c1",
    }


def test_the_choice_does_not_depend_on_the_order_of_the_sales() -> None:
    backwards = top_sellers(UNITS[::-1], INDEX, 1, "line")
    pd.testing.assert_frame_equal(backwards, top_sellers(UNITS, INDEX, 1, "line"))


def test_small_lines_follow_the_rule_and_are_named() -> None:
    parts, states = assign_parts(top_sellers(UNITS, INDEX, 9, "line"))
    assert dict(parts.groupby("sku")["split"].first()) == {
        "a1": "train",
        "a3": "test",
        "a4": "validation",
        "b1": "train",  # B has no training product, so its validation product moves
        "b2": "test",
    }
    assert states == {
        "left_out": ["C"],  # only a test product, which stays held out
        "moved_to_train": ["B"],
        "without_validation": ["B"],
        "without_test": [],
    }
    assert lines_of(parts) == ["A", "B"]
    assert sales_prior(parts, ["A", "B"]) == pytest.approx([5 / 7, 2 / 7])


def test_near_duplicates_in_another_line_move_together() -> None:
    index = INDEX.assign(cluster=[0, 1, 2, 2, 4, 4, 5, 6, 7])  # a4 looks like b1
    parts, _ = assign_parts(top_sellers(UNITS, index, 9, "line"))
    split = parts.set_index("sku")["split"]
    assert split["a4"] == split["b1"] == "train"
    assert parts.groupby("cluster")["split"].nunique().max() == 1


@pytest.mark.parametrize("units", [UNITS[UNITS["sku"] == "zz"], UNITS[UNITS["units"] <= 0]])
def test_sales_without_overlap_are_told_in_one_line(units: pd.DataFrame) -> None:
    with pytest.raises(BestsellerError, match=r"units\.parquet: no product") as caught:
        top_sellers(units, INDEX, 2, "line")
    assert "\n" not in str(caught.value)


def test_a_single_line_is_told_in_one_line() -> None:
    with pytest.raises(BestsellerError, match=r"of one line \(A\)") as caught:
        lines_of(INDEX[INDEX["line"] == "A"])
    assert "\n" not in str(caught.value)


def test_the_first_sale_starts_the_clock() -> None:
    units = UNITS.assign(days_on_sale=range(9), first_date=pd.Timestamp("2024-01-01"))
    history = sales_history(units, INDEX, ["a3"]).set_index("sku")
    assert list(history.index) == ["a1", "a3", "a4", "b1", "b2", "c1"]  # once each, by sku
    assert [history[name]["a3"] for name in ("units", "counted", "days")] == [8, 7, 2]
    assert history["days"]["a1"] == 1  # sold on the last day only
    assert list(history.index[history["best_seller"]]) == ["a3"]


def test_the_rate_without_the_first_sale_is_unbiased() -> None:
    """Poisson sales at rate 0.02 a day from an unknown launch, watched for 200 days after it."""
    rng = np.random.default_rng(0)
    counted, days, units = 0.0, 0.0, 0
    for _ in range(4000):
        times = np.cumsum(rng.exponential(50, 40))
        times = times[times < 200]
        if len(times):
            counted, days = counted + len(times) - 1, days + 200 - times[0]
            units += len(times)
    assert counted / days == pytest.approx(0.02, rel=0.03)
    assert units / days > 0.025  # counting the first sale overstates


def test_features_are_averaged_over_the_photos_of_a_product() -> None:
    values = np.arange(18, dtype=np.float32).reshape(9, 2)
    means = mean_by_product(values, INDEX, pd.Series(["c1", "a3"]))
    assert means.dtype == np.float32
    assert means.tolist() == [[14, 15], [5, 6]]


# --- calibration -------------------------------------------------------------------------------


def labelled_logits(sharpness: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return logits of which softmax(logits / sharpness) is the true distribution of the labels."""
    rng = np.random.default_rng(1)
    true = rng.normal(0, 2, (n, 5))
    labels = (true + rng.gumbel(size=true.shape)).argmax(axis=1)
    return sharpness * true, labels


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 3.0])
def test_the_temperature_recovers_the_sharpness(sharpness: float) -> None:
    logits, labels = labelled_logits(sharpness)
    assert calibration.fit_temperature(logits, labels) == pytest.approx(sharpness, rel=0.05)


@pytest.mark.parametrize("n", [4, 400])
def test_images_without_an_error_leave_the_doubt_of_the_rule_of_succession(n: int) -> None:
    logits, labels = np.eye(4)[np.arange(n) % 4] * 3, np.arange(n) % 4
    certain = calibration.calibrated(logits, calibration.fit_temperature(logits, labels))
    assert certain.max(axis=1) == pytest.approx(1 - 1 / (n + 2), rel=1e-4)


def test_a_temperature_needs_images() -> None:
    with pytest.raises(ValueError, match="a validation image"):
        calibration.fit_temperature(np.zeros((0, 4)), np.arange(0))


def test_scores_of_probabilities_by_hand() -> None:
    p, labels = np.array([[0.8, 0.2], [0.6, 0.4]]), np.array([0, 1])
    logits = np.log(p)
    assert calibration.nll_of_logits(logits, labels) == pytest.approx(-np.log(0.8 * 0.4) / 2)
    assert calibration.brier(p, labels) == pytest.approx((2 * 0.2**2 + 2 * 0.6**2) / 2)
    # One bin: accuracy 1/2, confidence 0.7. Two bins: |0 - 0.6| and |1 - 0.8|.
    assert calibration.calibration_error(p, labels, bins=1) == pytest.approx(0.2)
    assert calibration.calibration_error(p, labels, bins=9) == pytest.approx(0.4)


def test_the_likelihood_of_an_impossible_label_is_finite() -> None:
    assert calibration.nll_of_logits(np.array([[0.0, 5000.0]]), np.array([0])) == 5000.0


def test_calibrated_probabilities_have_no_calibration_error() -> None:
    logits, labels = labelled_logits(1.0, n=40_000)
    error = calibration.calibration_error(calibration.calibrated(logits, 1.0), labels)
    assert error < 0.01 < calibration.calibration_error(calibration.calibrated(logits, 0.3), labels)


def test_dividing_the_prior_out_is_bayes() -> None:
    """p(l | x) ~ prior_l f_l(x): for any likelihoods f the prior's share vanishes."""
    rng = np.random.default_rng(2)
    likelihood, prior = rng.gamma(1.0, size=(50, 3)), np.array([0.7, 0.2, 0.1])
    posterior = likelihood * prior
    posterior /= posterior.sum(axis=1, keepdims=True)
    flat = likelihood / likelihood.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(calibration.without_prior(posterior, prior), flat, rtol=1e-12)


# --- similarity --------------------------------------------------------------------------------


def test_the_similarity_table_by_hand() -> None:
    p = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
    found = similarity_table(p, ["A", "A", "B", "C", "A"], ["A", "B"], 0.9).set_index("line")
    assert list(found.columns) == ["similarity", "low", "high", "n"]
    a = np.array([90, 50, 60])
    low, high = stats.t.interval(0.9, 2, a.mean(), stats.sem(a))
    assert list(found.loc["A"]) == pytest.approx([200 / 3, low, min(high, 100), 3])
    assert found.loc["B", "similarity"] == 80 and found.loc["B", ["low", "high"]].isna().all()
    assert found.loc["C", "n"] == 0 and found.loc["C", ["similarity", "low", "high"]].isna().all()


def test_similarity_refuses_rows_without_a_line() -> None:
    with pytest.raises(ValueError, match="2 rows"):
        similarity_table(np.full((2, 2), 0.5), ["A"], ["A", "B"], 0.95)


def test_the_reported_table_is_whole() -> None:
    reported = reported_similarity()
    assert len(reported) == 16 * 3 and len(REPORTED_SIMILARITY) == 16
    means = reported.groupby("model")["similarity"].mean()
    assert means["dcgan"] < means["pggan"] < means["d2gan"]
    assert reported["similarity"].between(20, 75).all()


# --- neighbours and the detector -------------------------------------------------------------------


def test_neighbours_agree_with_brute_force() -> None:
    rng = np.random.default_rng(3)
    queries, bank = rng.normal(9, 1, (7, 4)), rng.normal(9, 1, (11, 4))
    rows, distances = nearest(queries, bank, 3)
    exact = np.linalg.norm(queries[:, None] - bank[None], axis=2)
    np.testing.assert_array_equal(rows, np.argsort(exact, axis=1)[:, :3])
    np.testing.assert_allclose(distances, np.sort(exact, axis=1)[:, :3], atol=1e-9)


def test_neighbours_may_be_skipped_and_may_run_out() -> None:
    bank = np.array([[0.0], [1.0], [5.0]])
    skip = np.array([[True, False, False], [True, True, True]])
    rows, distances = nearest(np.array([[0.0], [0.0]]), bank, 4, skip)
    assert rows.tolist() == [[1, 2, -1, -1], [-1] * 4]
    assert distances[0].tolist() == pytest.approx([1, 5, np.inf, np.inf])
    assert nearest(bank, bank[:0], 2)[0].tolist() == [[-1, -1]] * 3


def test_the_gate_loses_no_more_real_images_than_promised() -> None:
    """Averaged over many draws of training and held-out images, the conformal promise holds."""
    rng = np.random.default_rng(4)
    lost, foreign = [], []
    for _ in range(40):
        bank, held_out, new = (rng.normal(1, 0.3, (99, 8)).astype(np.float32) for _ in range(3))
        detector = OutOfDistributionDetector.fit(bank, held_out, abstained=0.05)
        lost.append(detector.abstains(new).mean())
        foreign.append(detector.abstains(new + np.float32(1)).mean())
    assert np.mean(lost) == pytest.approx(0.05, abs=0.015)
    assert np.mean(foreign) > 0.9


def test_each_block_of_features_counts_alike() -> None:
    rng = np.random.default_rng(5)
    few, many = rng.normal(0, 1, (200, 2)), rng.normal(0, 50, (200, 900))
    known = np.concatenate([few, many], axis=1).astype(np.float32)
    strange = known[150:].copy()
    strange[:, :2] += 5  # five deviations in the small block
    detector = OutOfDistributionDetector.fit(known[:100], known[100:150], [2, 900])
    assert detector.abstains(strange).all()
    assert OutOfDistributionDetector.fit(known[:100], known[100:150]).abstains(strange).mean() < 0.5
    with pytest.raises(ValueError, match="blocks of 901"):
        OutOfDistributionDetector.fit(known[:100], known[100:150], [2, 899])


def test_the_gate_survives_few_images_and_dead_features() -> None:
    bank = np.array([[1, 0, 3], [2, 0, 5]], np.float32)
    detector = OutOfDistributionDetector.fit(bank, bank[:1])
    assert detector.k == 2 and detector.threshold == pytest.approx(np.sqrt(8 / 3))
    assert not detector.abstains(bank).any()
    assert detector.abstains(
        np.array([[1, 1, 3]], np.float32)
    ).all()  # no real image has the second
    again = OutOfDistributionDetector(bank, **detector.settings())
    np.testing.assert_array_equal(again.distances(-bank), detector.distances(-bank))
    constant = OutOfDistributionDetector.fit(
        np.ones((3, 2), np.float32), np.ones((1, 2), np.float32)
    )
    assert constant.abstains(np.full((1, 2), 2, np.float32)).all()


def test_the_gate_lets_mildly_changed_photos_through() -> None:
    """Each kind of change has its own spread; the farthest one's quantile counts."""
    rng = np.random.default_rng(4)
    bank, held_out, new = rng.normal(size=(3, 400, 6)).astype(np.float32)
    changed = held_out + np.float32(2)
    strict, mild = (
        OutOfDistributionDetector.fit(bank, held_out),
        OutOfDistributionDetector.fit(bank, held_out, mild=[changed]),
    )
    assert strict.abstains(new + np.float32(2)).mean() > 0.5
    assert mild.abstains(new + np.float32(2)).mean() <= 0.03
    assert mild.abstains(new).mean() == 0
    assert mild.abstains(new + np.float32(9)).all()


def test_mild_changes_are_those_of_cameras_files_and_the_augmentation() -> None:
    settings = load_params("params.yaml").augment
    images = np.random.default_rng(0).integers(0, 256, (200, 16, 16, 3), dtype=np.uint8)
    found = mild_changes(images, settings)
    assert list(found) == [*CHANGES, "augmented"]
    assert all(len(kind) == MOST and (kind != images[:1]).any() for kind in found.values())
    off = settings.model_copy(
        update={"flip": False, "zoom": 0, "brightness": 0, "channel_shift": 0}
    )
    assert list(mild_changes(images[:5], off)) == list(CHANGES)


def test_the_floor_lies_at_blurred_photos_but_never_below_real_ones() -> None:
    rng = np.random.default_rng(5)
    bank, held_out, new = rng.normal(size=(3, 300, 5)).astype(np.float32)
    far = held_out + np.linspace(3, 9, 300, dtype=np.float32)[:, None]
    floor = PictureFloor.fit(bank, held_out, far)
    assert floor.holds_back(far).mean() == pytest.approx(0.5, abs=0.01)
    assert not floor.holds_back(new).any()
    assert (floor.holds_back(far) == (floor.shares(far) > 1)).all()
    near = PictureFloor.fit(bank, held_out, held_out)  # a blur that nobody sees
    assert near.holds_back(new).mean() <= 0.03
    again = PictureFloor(bank, **near.settings())
    np.testing.assert_array_equal(again.shares(far), near.shares(far))
