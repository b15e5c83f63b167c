"""What scores a design did not train its generator: the networks have separate roles."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from safetensors.numpy import load_file

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json
from bestseller.centroid.distance import CentroidDistance
from bestseller.classifier.sellers import assign_parts, top_sellers
from bestseller.images.store import ImageSet
from bestseller.params import Params, load_params, read_yaml
from bestseller.preference.ranker import load_ranker
from conftest import REPOSITORY
from shapes import save_shop
from stages import augment, backbone, backtest, centroid, classifier

IN_LOSSES = ("data/backbones", "data/centroid")
SCORING = ("data/classifier", "data/preference/ranker", "data/preference/products")


def changed(params: Params, **sections: dict[str, object]) -> Params:
    """Return params with some keys of some sections set anew, validated."""
    values = params.model_dump(by_alias=True)
    for section, keys in sections.items():
        values[section] |= keys
    return Params.model_validate(values)


@pytest.fixture(scope="module")
def params() -> Params:
    """The committed params, so short that nothing is learned; every product is a best seller."""
    return changed(
        load_params(REPOSITORY / "params.yaml").model_copy(update={"threads": 1}),
        preference={"steps": 1, "batch_size": 8, "precision": "fp32", "top_k": 1000},
        backbones={"steps": 1, "batch_size": 8, "precision": "fp32"},
    )


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a shop's processed images and sales."""
    monkeypatch.chdir(tmp_path)
    save_shop(160)
    return tmp_path


def run_stages(params: Params) -> dict[str, bytes]:
    """Run what teaches and what judges; return the bytes of what was learned, by file."""
    for stage in (augment, backbone, centroid, classifier, backtest):
        stage.main(params)
    files = [path for path in sorted(Path("data").rglob("*")) if path.is_file()]
    return {str(p): p.read_bytes() for p in files if str(p).startswith((*IN_LOSSES, *SCORING))}


@pytest.mark.slow
def test_neither_teachers_nor_judges_learn_from_the_test_part(
    params: Params, workspace: Path
) -> None:
    """With other pictures and other sales in the test part they come out the same, to the byte."""
    first = run_stages(params)
    images = ImageSet.open("data/processed")
    tested = (images.index["split"] == "test").to_numpy()
    pixels, noise = np.array(images.images), np.random.default_rng(0)
    pixels[tested] = noise.integers(0, 256, pixels[tested].shape, dtype=np.uint8)
    ImageSet(pixels, images.index).save("data/processed")
    units = pd.read_parquet("data/sales/units.parquet")
    of_test = units["sku"].isin(images.index.loc[tested, "sku"]) & (units["units"] > 0)
    units.loc[of_test, "units"] += noise.integers(1, 90, int(of_test.sum()))
    units.to_parquet("data/sales/units.parquet")
    second = run_stages(params)
    assert {name.split("/")[1] for name in first} == {
        *("backbones", "centroid", "classifier", "preference")
    }
    assert [name for name in first if first[name] != second[name]] == []


def test_the_best_sellers_that_test_the_classifier_taught_nobody(workspace: Path) -> None:
    """The classifier's and the ranker's test parts lie in what the teachers never see."""
    index = ImageSet.open("data/processed").index
    units = pd.read_parquet("data/sales/units.parquet")
    parts, _ = assign_parts(top_sellers(units, index, 10, "line"))
    tested = set(parts.loc[parts["split"] == "test", "sku"])
    taught = set(index.loc[index["split"] != "test", "cluster"])
    assert tested and not taught & set(index.loc[index["sku"].isin(tested), "cluster"])


@pytest.mark.parametrize(
    "judge",
    [
        {"metric_spaces": [{"network": "efficientnet_lite0", "layers": [9], "side": 0}]},
        {"score_space": {"network": "efficientnet_lite0", "layers": [9], "side": 0}},
        {"perceptual": "efficientnet_lite0"},
    ],
)
def test_a_network_that_teaches_judges_nothing(judge: dict[str, object], params: Params) -> None:
    assert params.centroid.backbone == "efficientnet_lite0"
    with pytest.raises(ValidationError, match="efficientnet_lite0 judges the images"):
        changed(params, backbones=judge)


def test_the_score_looks_at_other_features_than_the_metrics(params: Params) -> None:
    same = params.backbones.metric_spaces[1].model_dump() | {"side": 64}
    with pytest.raises(ValidationError, match="another network, or other layers"):
        changed(params, backbones={"score_space": same})


@pytest.mark.parametrize("path", [REPOSITORY / "params.yaml", *REPOSITORY.glob("profiles/*.yaml")])
def test_the_committed_settings_keep_judges_and_teacher_apart(path: Path, params: Params) -> None:
    told = read_yaml(path)
    given = {key: told.get(key, {}) for key in ("backbones", "centroid")}
    settings = changed(params, **given)
    score, metrics = settings.backbones.score_space, settings.backbones.metric_spaces
    assert settings.centroid.backbone not in settings.backbones.measuring()
    assert settings.backbones.measuring() >= {score.network, *(s.network for s in metrics)}
    assert all((s.network, s.layers) != (score.network, score.layers) for s in metrics)


def test_a_published_network_does_not_teach_and_start_the_classifier(tmp_path: Path) -> None:
    text = (REPOSITORY / "params.yaml").read_text()
    for old, new in (
        ("  weights: package\n", "  weights: imagenet\n"),
        ("  backbone: efficientnet_lite0\n", "  backbone: resnet50\n"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(BestsellerError, match="the classifier, a judge, starts as this resnet50"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.slow
def test_the_stages_make_and_use_the_networks_that_did_not_teach(
    params: Params, workspace: Path
) -> None:
    score = {"network": "efficientnet_lite1", "layers": [3, 5], "side": 32}
    run_stages(changed(params, backbones={"score_space": score}))
    assert read_json("metrics/centroid.json")["backbone"] == "efficientnet_lite0_imagenet"
    assert read_json("data/preference/known.json")["space"] == score
    assert load_ranker("data/preference").bank.shape[1] == 24 + 80
    learned = [
        load_file(f"data/{name}.safetensors")
        for name in (
            "centroid/dcgan-centroid",
            *(f"backbones/efficientnet_lite{number}" for number in (1, 2)),
        )
    ]
    taught, *judges = [{t.tobytes() for t in ts.values() if t.ndim > 1} for ts in learned]
    for judge in judges:
        assert not taught & judge  # they share no weights

    # the centre and the distance to it are those of the images that the GANs learn from
    centroid, distances = (
        CentroidDistance.load(Path("data/centroid/distance.safetensors"), "fp32"),
        {},
    )
    for name in ("augmented", "processed"):
        images = ImageSet.open(f"data/{name}")
        kept = (images.index["split"] != "test").to_numpy()
        distances[name] = centroid.distances(images.images[kept])
    assert distances["augmented"].mean() == pytest.approx(1, abs=1e-4)
    assert distances["processed"].mean() != pytest.approx(1, abs=1e-3)
    outside = read_json("metrics/centroid.json")["share_outside_d_ref"]
    assert (distances["augmented"] > 1).mean() == pytest.approx(outside, abs=0.02)
