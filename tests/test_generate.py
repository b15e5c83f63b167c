"""Images on demand: what the latents are, what the files say of themselves, what is refused."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.stats import kstest, truncnorm

from bestseller.base.errors import BestsellerError
from bestseller.gans import TrainedGenerator, load_generator
from bestseller.gans.blend import BlendAutoencoder
from bestseller.gans.gan import Shape
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, save_generator
from bestseller.params import Params, load_params
from conftest import REPOSITORY
from stages import generate

LINES = ["Disc", "Ring"]
NAME = "dcgan-plain-0"


@pytest.fixture
def params() -> Params:
    return load_params(REPOSITORY / "params.yaml")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: Params) -> TrainedGenerator:
    """An untrained generator where a trained one would lie, in the current folder."""
    monkeypatch.chdir(tmp_path)
    settings = params.train.dcgan.model_copy(update={"width": 8})
    shape = Shape(32, 20, len(LINES))
    torch.manual_seed(0)
    network = gan_class("dcgan").make_generator(settings, shape)
    config = Config(
        NAME, "dcgan", settings.model_dump(), vars(shape), {line: ["front"] for line in LINES}
    )
    save_generator(Path("data/models") / NAME, network, config)
    return load_generator(Path("data/models") / NAME)


def run(params: Params, **options: str) -> None:
    names = ("line", "n", "seed", "truncation", "parents", "steps", "design", "out")
    given: dict[str, Any] = {"model": NAME} | dict.fromkeys(names) | options
    generate.main(params, **given)


def test_truncated_latents_are_truncated_normal(model: TrainedGenerator) -> None:
    z = model.draw(["Ring"] * 2000, seed=3, truncation=0.7).latents
    assert np.abs(z).max() <= 0.7
    assert kstest(z.ravel(), truncnorm(-0.7, 0.7).cdf).pvalue > 0.01
    assert kstest(z.ravel(), truncnorm(-0.8, 0.8).cdf).pvalue < 1e-6
    plain = model.draw(["Ring"] * 2000, seed=3).latents
    assert np.array_equal(np.argsort(plain[:, 0]), np.argsort(z[:, 0])), "squeezed, in order"
    np.testing.assert_array_equal(model.draw(["Ring"] * 5, 3, truncation=0.7).latents, z[:5])
    np.testing.assert_array_equal(model.draw(["Ring"] * 5, 3).latents, plain[:5])


def test_a_design_is_drawn_again_from_its_file(
    model: TrainedGenerator, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    latent = model.draw(["Ring"], seed=8).latents
    image = model.images(latent, ["Ring"])[0]
    record = {
        "id": "0123456789ab",
        "line": "Ring",
        "model": NAME,
        "model_hash": model.hash,
        "seed": 8,
        "latent_index": 0,
        "latent": [float(value) for value in latent[0]],
        "image_sha256": hashlib.sha256(image.tobytes()).hexdigest(),
    }
    Path("design.json").write_text(json.dumps(record))
    run(params, design="design.json", out="again")
    assert (np.asarray(Image.open("again/0123456789ab.png")) == image).all()
    assert "to the bit" not in capsys.readouterr().out
    Path("design.json").write_text(json.dumps(record | {"image_sha256": "0" * 64}))
    run(params, design="design.json", out="again.png")
    assert "not those of the file to the bit" in capsys.readouterr().out
    Path("design.json").write_text(json.dumps(record | {"model_hash": "0" * 64}))
    with pytest.raises(BestsellerError, match="of other weights"):
        run(params, design="design.json")
    with pytest.raises(BestsellerError, match="--seed: has no meaning with --design"):
        run(params, design="design.json", seed="1")


def test_each_file_says_what_it_is_and_can_be_made_again(
    model: TrainedGenerator, params: Params
) -> None:
    run(params, line="Ring", n="3", seed="5", truncation="1.5", out="images")
    paths = sorted(Path("images").iterdir())
    assert len(paths) == 3
    for path in paths:
        with Image.open(path) as image:
            told, pixels = image.text, np.asarray(image)  # type: ignore[attr-defined]
        assert "trainedAlgorithmicMedia" in told["XML:com.adobe.xmp"]
        assert (told["model"], told["model_hash"], told["line"]) == (NAME, model.hash, "Ring")
        latents = model.draw(
            ["Ring"] * 3, int(told["seed"]), truncation=float(told["truncation"])
        ).latents
        again = model.images(latents, ["Ring"] * 3)[int(told["latent_index"])]
        np.testing.assert_array_equal(pixels, again)
        assert path.stem == told["id"]


def test_a_grid_has_a_column_a_line(model: TrainedGenerator, params: Params) -> None:
    run(params, n="4", out="grid.png")
    with Image.open("grid.png") as image:
        assert image.text["line"] == "Disc, Ring"  # type: ignore[attr-defined]
        assert "trainedAlgorithmicMedia" in image.text["XML:com.adobe.xmp"]  # type: ignore[attr-defined]
        pixels = np.asarray(image)
    images = model.images(model.draw(["Ring"] * 4, 0).latents, ["Ring"] * 4)
    size = images.shape[1]
    np.testing.assert_array_equal(pixels[-size:, -size:], images[3])  # last row, last column
    assert pixels.shape[1] < 3 * size


def test_more_images_go_on_where_fewer_ended(model: TrainedGenerator, params: Params) -> None:
    for count in ("2", "5"):
        run(params, line="Disc", n=count, truncation="0.9", out=f"n{count}")
    few, many = ({path.name for path in Path(f"n{n}").iterdir()} for n in (2, 5))
    assert few < many


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "dcgan-plain-9"}, f"no model 'dcgan-plain-9'; trained: {NAME}"),
        ({"line": "Cube"}, "line 'Cube' is unknown; known: .*Disc"),
        ({"n": "0"}, "--n: '0' is not allowed"),
        ({"seed": "-1"}, "--seed: '-1' is not allowed"),
        ({"truncation": "0"}, "--truncation: '0' is not allowed"),
        ({"truncation": "much"}, "--truncation: 'much' is not allowed"),
        ({"truncation": "nan"}, "--truncation: 'nan' is not allowed"),
        ({"parents": "P0,P1"}, f"{NAME}: its latents have no parents"),
        ({"parents": "P0"}, "--parents: 'P0' is not allowed; two skus"),
        ({"parents": "P0,P1", "line": "Ring"}, "--line: has no meaning with --parents"),
        ({"parents": "P0,P1", "steps": "3", "n": "4"}, "--n: has no meaning with --steps"),
        ({"steps": "3"}, "--steps: has no meaning without --parents"),
    ],
)
def test_what_is_refused(
    model: TrainedGenerator, params: Params, options: dict[str, str], message: str
) -> None:
    with pytest.raises(BestsellerError, match=message):
        run(params, **options)
    assert not Path("generated").exists()


BLEND = "blend-plain-0"


@pytest.fixture
def blend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: Params) -> TrainedGenerator:
    """A generator with the codes of six products, two of them of the line Ring."""
    monkeypatch.chdir(tmp_path)
    small = {"width": 8, "low": 2, "high": 3, "layers": [1]}
    settings = params.train.blend.model_copy(update=small)
    random = np.random.default_rng(0)
    index = pd.DataFrame({"sku": [f"P{i}" for i in range(6)], "line": ["Disc"] * 4 + ["Ring"] * 2})
    torch.manual_seed(0)
    model = BlendAutoencoder(settings, Shape(32, 14, 2))
    model.fit(random.integers(0, 256, (6, 32, 32, 3), np.uint8), index.assign(view="front"))
    lines = {line: ["front"] for line in LINES}
    config = Config(BLEND, "blend", settings.model_dump(), {**vars(Shape(32, 14, 2))}, lines)
    save_generator(Path("data/models") / BLEND, model.generator, config, model.codes())
    return load_generator(Path("data/models") / BLEND)


def read(path: Path) -> tuple[dict[str, str], np.ndarray]:
    with Image.open(path) as image:
        return image.text, np.asarray(image)  # type: ignore[attr-defined]


def test_a_strip_goes_from_one_product_to_the_other(
    blend: TrainedGenerator, params: Params
) -> None:
    run(params, model=BLEND, parents="P4, P1", steps="3", out="strip")
    told = sorted(
        (read(path) for path in Path("strip").iterdir()), key=lambda f: f[0]["latent_index"]
    )
    assert blend.codes is not None
    ends = blend.images(np.tile(blend.codes.codes[[4, 1]], 2), ["Ring", "Ring"])
    np.testing.assert_array_equal(told[0][1], ends[0])
    np.testing.assert_array_equal(told[2][1], ends[1])
    middle = json.loads(told[1][0]["parents"])
    assert [(p["sku"], p["share"]) for p in middle] == [("P4", 0.5), ("P1", 0.5)]
    assert told[1][0]["line"] == "Ring"


def test_blends_on_demand_name_their_parents_and_shares(
    blend: TrainedGenerator, params: Params
) -> None:
    run(params, model=BLEND, parents="P0,P3", n="4", seed="2", out="blends")
    paths = sorted(Path("blends").iterdir())
    assert len(paths) == 4
    assert blend.codes is not None
    drawn = blend.codes.blends("P0", "P3", 4, seed=2)
    expected = blend.images(drawn.latents, ["Disc"] * 4)
    for path in paths:
        told, pixels = read(path)
        first, second = json.loads(told["parents"])
        assert (first["sku"], second["sku"]) == ("P0", "P3")
        assert 0.5 < first["share"] < 0.65 and first["share"] + second["share"] == pytest.approx(1)
        np.testing.assert_array_equal(pixels, expected[int(told["latent_index"])])


def test_images_of_a_line_name_two_parents(blend: TrainedGenerator, params: Params) -> None:
    run(params, model=BLEND, line="Ring", n="3", out="ring")
    for path in Path("ring").iterdir():
        parents = json.loads(read(path)[0]["parents"])
        assert len({parent["sku"] for parent in parents}) == 2
        assert parents[0]["line"] == "Ring"


@pytest.mark.parametrize(
    ("parents", "message"),
    [("P0,P9", "'P9': no product of that sku was trained on"), ("P0,P0", "'P0' twice: a blend")],
)
def test_parents_that_cannot_be_are_refused(
    blend: TrainedGenerator, params: Params, parents: str, message: str
) -> None:
    with pytest.raises(BestsellerError, match=message):
        run(params, model=BLEND, parents=parents)
