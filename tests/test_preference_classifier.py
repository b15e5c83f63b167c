"""Training, calibrating, saving and anchoring the classifier on coloured shapes."""

from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from bestseller.base.errors import BestsellerError
from bestseller.classifier.anchors import anchor_images, anchor_table, shuffled_images
from bestseller.classifier.classifier import Classifier, build_network, forward, load_classifier
from bestseller.classifier.fitting import assess, fit_classifier
from bestseller.classifier.sellers import assign_parts, lines_of, top_sellers
from bestseller.classifier.training import (
    LARGEST_SHIFT,
    augment,
    draw_images,
    train_network,
)
from bestseller.params import Preference
from shapes import Shop, make_shop

SETTINGS = Preference(
    top_k=30,
    scope="line",
    launched_after="",
    steps=60,
    batch_size=16,
    lr=2e-3,
    precision="fp32",
    seed=0,
)


class Tiny(nn.Module):
    """A network small enough to train in a test, its parts named as those of ResNet-50."""

    def __init__(self, lines: int) -> None:
        super().__init__()

        def stage(before: int, after: int, stride: int) -> nn.Sequential:
            convolution = nn.Conv2d(before, after, 5, stride=stride, padding=2)
            return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())

        self.layer1, self.layer2 = stage(3, 12, 2), stage(12, 16, 2)
        self.layer3, self.layer4 = stage(16, 24, 2), stage(24, 32, 1)
        self.fc = nn.Linear(32, lines)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.layer4(self.layer3(self.layer2(self.layer1(images))))
        logits: Tensor = self.fc(maps.mean(dim=(2, 3)))
        return logits


@pytest.fixture(scope="module")
def shop() -> Shop:
    return make_shop(240, noise=20.0)


@pytest.fixture(scope="module")
def parts(shop: Shop) -> pd.DataFrame:
    _, index, units = shop
    return assign_parts(top_sellers(units, index, SETTINGS.top_k, "line"))[0]


@pytest.fixture(scope="module")
def classifier(shop: Shop, parts: pd.DataFrame) -> Classifier:
    torch.manual_seed(0)
    return fit_classifier(
        Tiny(4), "scratch", images=shop[0], parts=parts, lines=lines_of(parts), settings=SETTINGS
    )


def test_images_are_drawn_in_proportion_to_units() -> None:
    weights = np.array([0.0, 1.0, 2.5, 40.0, 0.0])
    drawn = draw_images(weights, steps=30, batch_size=10, seed=3)
    assert drawn.shape == (30, 10)
    expected = 300 * weights / weights.sum()
    assert np.all(np.abs(np.bincount(drawn.ravel(), minlength=5) - expected) < 1)
    assert len(np.unique(drawn[:, 0])) > 1  # shuffled, not in the order of the images
    np.testing.assert_array_equal(drawn, draw_images(weights, 30, 10, 3))
    assert (drawn != draw_images(weights, 30, 10, 4)).any()


def test_augmentation_moves_a_little_and_invents_no_colour() -> None:
    image = torch.full((1, 3, 33, 33), -1.0)
    image[:, :, 16, 16] = 1.0  # one bright pixel in the middle
    moved = augment(image.expand(200, -1, -1, -1), torch.Generator().manual_seed(0))
    assert moved.shape == (200, 3, 33, 33)
    assert moved.min() > -1.0001 and moved.max() < 1.0001
    place = moved[:, 0].flatten(1).argmax(1)
    off = torch.stack([place // 33 - 16, place % 33 - 16]).abs().max()
    assert 0 < off <= np.ceil(LARGEST_SHIFT * 33 * 1.1)


def test_half_of_the_images_are_mirrored() -> None:
    image = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)
    moved = augment(image.expand(400, -1, -1, -1), torch.Generator().manual_seed(1))
    mirrored = (moved[:, 0, 16, 4] > moved[:, 0, 16, -4]).float().mean()
    assert 0.4 < float(mirrored) < 0.6


def test_training_is_the_same_for_the_same_seed(
    shop: Shop,
) -> None:
    images, labels = shop[0][:40], np.arange(40) % 4
    weights = np.ones(40)
    short = SETTINGS.model_copy(update={"steps": 5})

    def train(settings: Preference) -> Tensor:
        torch.manual_seed(0)
        network = Tiny(4)
        train_network(network, images, labels, weights, settings)
        return network.fc.weight.detach()

    assert torch.equal(train(short), train(short))
    assert not torch.equal(train(short), train(short.model_copy(update={"seed": 1})))


def test_the_classifier_knows_held_out_products(
    classifier: Classifier,
    shop: Shop,
    parts: pd.DataFrame,
) -> None:
    metrics, confusion = assess(classifier, shop[0], parts, 0.95)
    assert metrics["accuracy_test"] > 0.8 > metrics["accuracy_test_largest_line"]
    assert metrics["accuracy_test_low"] < metrics["accuracy_test"] <= metrics["accuracy_test_high"]
    assert (confusion["actual"] == confusion["predicted"]).mean() == metrics["accuracy_test"]
    counts = parts["split"].value_counts()
    assert metrics["images_test"] == counts["test"] == len(confusion)
    test = parts[parts["split"] == "test"]
    probabilities = classifier.probabilities(shop[0][test["row"]])
    assert probabilities.dtype == np.float64 and probabilities.shape == (len(test), 4)
    of_label = probabilities[
        np.arange(len(test)), [classifier.lines.index(x) for x in test["line"]]
    ]
    assert metrics["nll_after"] == pytest.approx(-np.log(of_label).mean())
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_temperature_and_gate_see_the_validation_part_only(
    classifier: Classifier,
    shop: Shop,
    parts: pd.DataFrame,
) -> None:
    """Shuffling the test images changes nothing; the temperature minimises the validation loss."""
    images, lines = shop[0].copy(), lines_of(parts)
    test = parts.loc[parts["split"] == "test", "row"].to_numpy()
    images[test] = images[test[::-1]] // 2
    torch.manual_seed(0)
    again = fit_classifier(
        Tiny(4), "scratch", images=images, parts=parts, lines=lines, settings=SETTINGS
    )
    assert again.temperature == classifier.temperature
    assert again.detector.threshold == classifier.detector.threshold
    held_out = parts[parts["split"] == "validation"]
    logits, _ = classifier.outputs(shop[0][held_out["row"]])
    target = torch.tensor([lines.index(line) for line in held_out["line"]])

    doubt = 4 / 3 / (len(target) + 2)  # PyTorch spreads it over all four lines

    def loss(temperature: float) -> float:
        scaled = torch.from_numpy(logits) / temperature
        return float(functional.cross_entropy(scaled, target, label_smoothing=doubt))

    best = classifier.temperature
    assert loss(best) <= min(loss(1.0), loss(best * 1.05), loss(best / 1.05))


def test_the_prior_is_divided_out(classifier: Classifier, shop: Shop) -> None:
    with_prior = classifier.probabilities(shop[0][:5])
    expected = with_prior / np.array(classifier.prior)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.probabilities(shop[0][:5], prior=False), expected)


def test_noise_is_gated_and_real_designs_are_not(
    classifier: Classifier,
    shop: Shop,
    parts: pd.DataFrame,
) -> None:
    images, index, _ = shop
    anchors = anchor_images(images, index, parts, classifier.lines, seed=0)
    table = anchor_table(classifier, anchors, 0.95).set_index("anchor")
    assert list(table.index) == [
        "noise",
        "shuffled",
        "slow sellers",
        "held-out best sellers",
        "training images",
    ]
    assert table["abstained"]["noise"] >= 0.99
    assert table["abstained"]["held-out best sellers"] <= 0.1
    assert table["abstained"]["training images"] <= 0.05
    assert table["similarity"]["noise"] < 50 < table["similarity"]["training images"]
    assert (table["most_likely"] >= 100 / 4).all()
    assert (table["low"] <= table["similarity"]).all()


def test_slow_sellers_are_held_out_and_no_best_sellers(shop: Shop, parts: pd.DataFrame) -> None:
    images, index, _ = shop
    slow, lines = anchor_images(images, index, parts, lines_of(parts), seed=0)["slow sellers"]
    rows = [int(np.flatnonzero((images == image).all(axis=(1, 2, 3)))[0]) for image in slow]
    assert set(index["split"].iloc[rows]) == {"test"}
    assert not set(index["sku"].iloc[rows]) & set(parts["sku"])
    assert list(index["line"].iloc[rows]) == lines


def test_shuffled_images_keep_their_pixels(
    shop: Shop,
) -> None:
    images = shop[0][:3]
    shuffled = shuffled_images(images, seed=0)
    assert (shuffled != images).any()
    for before, after in zip(images, shuffled, strict=True):
        assert sorted(before.reshape(-1, 3).tolist()) == sorted(after.reshape(-1, 3).tolist())


def test_missing_parts_are_told_in_one_line(
    shop: Shop, parts: pd.DataFrame, classifier: Classifier
) -> None:
    images, lines = shop[0], lines_of(parts)
    with pytest.raises(BestsellerError, match="validation part"):
        only = parts[parts["split"] == "train"]
        fit_classifier(
            Tiny(4), "scratch", images=images, parts=only, lines=lines, settings=SETTINGS
        )
    with pytest.raises(BestsellerError, match="test part"):
        assess(classifier, images, parts[parts["split"] != "test"], 0.95)


# --- ResNet-50 itself --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def resnet(shop: Shop, parts: pd.DataFrame) -> Classifier:
    torch.manual_seed(0)
    short = SETTINGS.model_copy(update={"steps": 4, "batch_size": 8})
    return fit_classifier(
        build_network(4),
        "scratch",
        images=shop[0],
        parts=parts,
        lines=lines_of(parts),
        settings=short,
    )


def test_resnet_50_comes_back_from_its_files(
    resnet: Classifier, shop: Shop, tmp_path: Path
) -> None:
    images = shop[0][:10]
    resnet.save(tmp_path / "a")
    again = load_classifier(tmp_path / "a")
    np.testing.assert_array_equal(again.probabilities(images), resnet.probabilities(images))
    np.testing.assert_array_equal(again.abstains(images), resnet.abstains(images))
    assert again.features(images).shape == (10, 2048) and again.features(images).min() >= 0
    assert (again.lines, again.prior, again.size) == (resnet.lines, resnet.prior, 32)
    again.save(tmp_path / "b")
    for name in ("resnet50.json", "resnet50.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_features_and_logits_belong_together(resnet: Classifier, shop: Shop) -> None:
    """The last layer applied to the features gives the logits, whatever the batch."""
    images = np.concatenate([shop[0]] * 2)[:150]  # more than one batch
    logits, stages = forward(resnet.network, images)
    assert [stage.shape for stage in stages] == [(150, d) for d in (256, 512, 1024, 2048)]
    head = cast(nn.Linear, resnet.network.get_submodule("fc"))
    expected = stages[-1] @ head.weight.numpy().T + head.bias.numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 3, 1, 1)
    direct = resnet.network((torch.from_numpy(images[:2]).permute(0, 3, 1, 2) / 255 - mean) / std)
    np.testing.assert_allclose(logits[:2], direct.numpy(), atol=1e-3)


def test_images_of_another_size_are_refused(resnet: Classifier) -> None:
    with pytest.raises(ValueError, match="N x 32 x 32 x 3"):
        resnet.probabilities(np.zeros((1, 64, 64, 3), np.uint8))
    with pytest.raises(ValueError, match="float64"):
        resnet.probabilities(np.zeros((1, 32, 32, 3)))  # type: ignore[arg-type]


def test_missing_or_mixed_files_are_told_in_one_line(resnet: Classifier, tmp_path: Path) -> None:
    with pytest.raises(BestsellerError, match="dvc repro classifier"):
        load_classifier(tmp_path)
    resnet.save(tmp_path)
    path = tmp_path / "resnet50.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "network.fc.weight": tensors["network.fc.weight"][:3].clone()}, path)
    with pytest.raises(BestsellerError, match="do not fit") as caught:
        load_classifier(tmp_path)
    assert "\n" not in str(caught.value)
