"""The score of any image: what it is made of, what it takes, and its files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from bestseller.backbones import Backbone, FeatureSpace, save_backbone
from bestseller.backbones.networks import without_classifier
from bestseller.backbones.vision import models
from bestseller.base.errors import BestsellerError
from bestseller.classifier.detector import OutOfDistributionDetector
from bestseller.classifier.fitting import fit_classifier
from bestseller.classifier.sellers import assign_parts, lines_of, sales_history, top_sellers
from bestseller.classifier.start import starting_network
from bestseller.images.store import ImageSet
from bestseller.params import load_params
from bestseller.preference.known import KnownImages
from bestseller.preference.ranker import fit_ranker
from bestseller.preference.scorer import Scorer, score
from shapes import Shop, make_shop

SIZE = 32


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(120, size=SIZE)


@pytest.fixture(scope="module")
def data(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder such as the pipeline's data/, of a little trained classifier and a ranker."""
    folder = tmp_path_factory.mktemp("data")
    images, index, units = shop
    torch.manual_seed(0)
    torch.set_num_threads(1)
    backbone = Backbone("resnet18", "catalogue", without_classifier(models.resnet18()))
    save_backbone(folder / "backbones", backbone)
    parts, _ = assign_parts(top_sellers(units, index, 20, "line"))
    lines = lines_of(parts)
    short = {"steps": 3, "batch_size": 8, "precision": "fp32"}
    settings = load_params("params.yaml").preference.model_copy(update=short)
    network, weights = starting_network(len(lines), "catalogue", Path(), 0)
    fit_classifier(
        network,
        weights,
        images=images,
        parts=parts,
        lines=lines,
        settings=settings,
        changes=load_params("params.yaml").augment,
    ).save(folder / "classifier")
    features, train = backbone.features(images), (index["split"] != "test").to_numpy()
    history = sales_history(units, index, list(parts["sku"]))
    detector = OutOfDistributionDetector.fit(features[train], features[~train])
    ranker = fit_ranker(features[train], history[train].reset_index(drop=True), 0, detector)
    ranker.save(folder / "preference")
    catalogue = ImageSet(images, index.assign(category="c", view="front", sha256="0"))
    known = KnownImages.of(FeatureSpace(backbone), catalogue, backbone.features)
    known.save(folder / "preference")
    return folder


@pytest.fixture(scope="module")
def scorer(data: Path) -> Scorer:
    return Scorer.load(data / "backbones", data / "preference", data / "classifier")


def test_a_row_is_what_each_model_says_alone(scorer: Scorer, shop: Shop) -> None:
    images, index, units = shop
    held_out = np.flatnonzero(index["split"] == "test")
    lines = list(index["line"].iloc[held_out])
    table = scorer.score(images[held_out], lines)
    assert list(table.columns) == [
        *("line", "similarity", "score", "abstains", "novelty", "percentile"),
        *("nearest_training", "neighbours"),
    ]
    features = scorer.space.features(images[held_out])
    np.testing.assert_allclose(table["score"], scorer.ranker.score(features, lines))
    probabilities = scorer.classifier.probabilities(images[held_out])
    own = [scorer.classifier.lines.index(line) for line in lines]
    expected = 100 * probabilities[np.arange(len(own)), own]
    np.testing.assert_allclose(table["similarity"], expected)
    doubts = scorer.ranker.abstains(features) | scorer.classifier.abstains(images[held_out])
    assert list(table["abstains"]) == list(doubts)
    sold = units.set_index("sku")["units"]
    of = index.set_index("sku")["line"]
    for found in table["neighbours"]:
        assert len(found) == 5 and all(
            set(n) == {"sku", "line", "units", "distance"} for n in found
        )
        assert [n["units"] for n in found] == [sold[n["sku"]] for n in found]
        assert [n["line"] for n in found] == [of[n["sku"]] for n in found]
        assert [n["distance"] for n in found] == sorted(n["distance"] for n in found)


def test_a_copy_is_found_out_and_noise_is_not_judged(scorer: Scorer, shop: Shop) -> None:
    images, index, _ = shop
    train = np.flatnonzero(index["split"] == "train")[:6]
    copies = scorer.score(np.ascontiguousarray(images[train][:, :, ::-1]), "ring")
    assert list(copies["novelty"]) == ["near-copy"] * 6
    assert list(copies["nearest_training"]) == list(index["sku"].iloc[train])
    noise = np.random.default_rng(0).integers(0, 256, (20, SIZE, SIZE, 3), dtype=np.uint8)
    assert scorer.score(noise, "ring")["abstains"].all()


def test_without_a_line_the_likeliest_is_taken(scorer: Scorer, shop: Shop) -> None:
    images = shop[0][:12]
    table = scorer.score(images)
    likely = scorer.classifier.probabilities(images, prior=False).argmax(axis=1)
    assert list(table["line"]) == [scorer.classifier.lines[i] for i in likely]
    pd.testing.assert_frame_equal(table, scorer.score(images, list(table["line"])))


def test_a_line_that_the_classifier_does_not_know_has_no_similarity(
    scorer: Scorer, shop: Shop
) -> None:
    table = scorer.score(shop[0][:2], "unheard")
    assert table["similarity"].isna().all() and (table["score"] > 0).all()


def test_another_size_is_brought_to_the_catalogues(scorer: Scorer, shop: Shop) -> None:
    large = np.stack([np.asarray(Image.fromarray(i).resize((96, 96))) for i in shop[0][:8]])
    small = scorer.score(large, "disc")
    np.testing.assert_allclose(small["score"], scorer.score(shop[0][:8], "disc")["score"], rtol=0.3)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 32, 32, 3), np.float32),
        np.zeros((2, 32, 48, 3), np.uint8),
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((0, 32, 32, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_told_in_one_line(scorer: Scorer, images: np.ndarray) -> None:
    with pytest.raises(BestsellerError, match=r"not uint8 N x S x S x 3") as caught:
        scorer.score(images)
    assert "\n" not in str(caught.value)


def test_lines_and_images_must_be_as_many(scorer: Scorer, shop: Shop) -> None:
    with pytest.raises(BestsellerError, match="3 lines for 2 images"):
        scorer.score(shop[0][:2], ["ring"] * 3)


def test_the_function_scores_with_the_folder_of_the_last_run(
    data: Path, scorer: Scorer, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data.parent)
    found = score(shop[0][:3], "disc", data=data.name)
    pd.testing.assert_frame_equal(found, scorer.score(shop[0][:3], "disc"))
    with pytest.raises(BestsellerError, match=r"known\.json: not found; run `dvc repro backtest`"):
        score(shop[0][:3], data="elsewhere")


def test_known_images_come_back_from_their_files(scorer: Scorer, tmp_path: Path) -> None:
    for name in ("a", "b"):
        scorer.known.save(tmp_path / name)
    again = KnownImages.load(tmp_path / "a")
    assert again.space.network == "resnet18"
    pd.testing.assert_frame_equal(again.training, scorer.known.training)
    for name in ("reference", "clusters", "real_distances"):
        np.testing.assert_array_equal(
            getattr(again.novelty, name), getattr(scorer.known.novelty, name)
        )
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
