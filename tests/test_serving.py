"""Packaged models, asked over HTTP as `mlflow models serve` answers."""

import base64
import io
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bestseller.gans import load_generator
from bestseller.gans.gan import Shape
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, save_generator
from bestseller.params import load_params
from bestseller.preference.scorer import Scorer
from conftest import REPOSITORY, shell
from shapes import Shop
from test_scorer import data, scorer, shop  # noqa: F401  (fixtures)

NAME = "dcgan-plain-0"
pytestmark = pytest.mark.slow


@contextmanager
def served(model: Path) -> Iterator[str]:
    """Serve a packaged model on a free port, from a folder without this checkout."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Path(sys.executable).parent / "mlflow"
    options = ["--env-manager", "local", "--port", str(port), "--workers", "1"]
    command = [str(program), "models", "serve", "--model-uri", str(model), *options]
    log = model.parent / "server.log"
    with log.open("w") as file:
        path = f"{program.parent}:/usr/local/bin:/usr/bin:/bin"
        environment = {"PATH": path, "HOME": str(model.parent), "OMP_NUM_THREADS": "1"}
        server = subprocess.Popen(
            command, cwd=model.parent, env=environment, stdout=file, stderr=file
        )
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5)
                    break
                except OSError:
                    assert server.poll() is None, log.read_text()[-3000:]
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}/invocations"
        finally:
            server.terminate()
            server.wait()


def ask(url: str, rows: list[dict[str, Any]], **params: float) -> list[dict[str, Any]]:
    body = json.dumps({"dataframe_records": rows, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: list[dict[str, Any]] = json.load(answer)["predictions"]
    return found


def pixels(row: dict[str, Any]) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(row["png"]))) as image:
        assert "trainedAlgorithmicMedia" in image.text["XML:com.adobe.xmp"]  # type: ignore[attr-defined]
        return np.asarray(image)


def test_a_generator_is_served_at_any_batch_size(code: Path) -> None:
    """Over HTTP come the images that the generator makes here, however many are asked at once."""
    torch.manual_seed(0)
    settings = load_params(REPOSITORY / "params.yaml").train.dcgan.model_copy(update={"width": 8})
    shape = Shape(32, 20, 2)
    network = gan_class("dcgan").make_generator(settings, shape)
    views = {line: ["front"] for line in ("Disc", "Ring")}
    config = Config(NAME, "dcgan", settings.model_dump(), vars(shape), views)
    save_generator(code / "data/models" / NAME, network, config)
    (code / "requirements.txt").write_bytes((REPOSITORY / "requirements.txt").read_bytes())
    done = shell("python", "-m", "stages.package", NAME, "--out", "model", cwd=code)
    assert "mlflow models serve --model-uri model" in done.stdout
    files = {path.suffix for path in (code / "model").rglob("*") if path.is_file()}
    assert not files & {".pkl", ".pt", ".pickle"}, "nothing is unpickled"
    assert "torch==" in (code / "model/requirements.txt").read_text()

    generator = load_generator(code / "data/models" / NAME)
    rows: list[dict[str, Any]] = [{"line": ("Disc", "Ring")[n % 2], "seed": n} for n in range(5)]
    (code / "model").rename(code.parent / "model")
    with served(code.parent / "model") as url:
        for count in (1, 2, 5):
            for row, asked in zip(ask(url, rows[:count]), rows, strict=False):
                expected = generator.images(
                    generator.draw([asked["line"]], asked["seed"]).latents, [asked["line"]]
                )
                assert np.abs(pixels(row).astype(int) - expected[0]).max() <= 1
                assert (row["line"], row["seed"]) == (asked["line"], asked["seed"])
                assert row["model_hash"] == generator.hash
        truncated = pixels(ask(url, rows[1:2], truncation=0.5)[0])
        expected = generator.images(generator.draw(["Ring"], 1, truncation=0.5).latents, ["Ring"])[
            0
        ]
        assert np.abs(truncated.astype(int) - expected).max() <= 1
        with pytest.raises(urllib.error.HTTPError) as error:
            ask(url, [{"line": "Cube", "seed": 0}])
        assert error.value.code == 400
        assert "line 'Cube' is unknown; known" in error.value.read().decode()


def encoded(image: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_the_score_is_served_as_it_is_computed_here(
    code: Path,
    data: Path,  # noqa: F811
    scorer: Scorer,  # noqa: F811
    shop: Shop,  # noqa: F811
) -> None:
    (code / "data").symlink_to(data)
    (code / "requirements.txt").write_bytes((REPOSITORY / "requirements.txt").read_bytes())
    shell("python", "-m", "stages.package", "score", "--out", "model", cwd=code)
    (code / "model").rename(code.parent / "model")
    images, index, _ = shop
    chosen, lines = images[:3], ["", index["line"].iloc[1], ""]
    rows: list[dict[str, Any]] = [
        {"image": encoded(image), "line": line} for image, line in zip(chosen, lines, strict=True)
    ]
    expected = [
        scorer.score(image[None], line or None).iloc[0]
        for image, line in zip(chosen, lines, strict=True)
    ]
    with served(code.parent / "model") as url:
        for count in (1, 3):
            for row, here in zip(ask(url, rows[:count]), expected, strict=False):
                assert row["line"] == here["line"] and row["novelty"] == here["novelty"]
                assert row["score"] == pytest.approx(here["score"], rel=1e-4)
                assert row["similarity"] == pytest.approx(here["similarity"], abs=1e-2)
                assert row["abstains"] is bool(here["abstains"])
                neighbours = json.loads(row["neighbours"])
                assert [n["sku"] for n in neighbours] == [n["sku"] for n in here["neighbours"]]
        (alone,) = ask(url, [{"image": rows[0]["image"]}])
        assert alone["line"] == expected[0]["line"]
        with pytest.raises(urllib.error.HTTPError) as error:
            ask(url, [{"image": base64.b64encode(b"no picture").decode(), "line": ""}])
        assert "row 0: no image in base64" in error.value.read().decode()
