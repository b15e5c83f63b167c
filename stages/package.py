"""Package a trained generator as an MLflow model, to serve with `mlflow models serve`."""

from pathlib import Path

import pandas as pd

from bestseller.gans import load_generator
from bestseller.params import Params
from bestseller.serving.package import GENERATOR, package
from stages import run

MODELS = Path("data/models")
REQUIREMENTS = Path("requirements.txt")


def main(params: Params, model: str, out: str | None) -> None:
    del params
    generator = load_generator(MODELS / model)
    path = Path(out or f"served/{model}")
    example = pd.DataFrame({"line": generator.lines[:2], "seed": range(len(generator.lines[:2]))})
    package(
        path,
        "generator_model.py",
        GENERATOR,
        artifacts={"generator": MODELS / model},
        requirements=REQUIREMENTS,
        example=example,
    )
    print(f"{path}: {model}, weights {generator.hash[:12]}, {len(generator.lines)} lines")
    print(f"mlflow models serve --model-uri {path} --env-manager local --port 5001")


if __name__ == "__main__":
    arguments = [
        ("model", "a folder of data/models, such as dcgan-plain-0"),
        ("--out", "folder to write (default: served/MODEL)"),
    ]
    run(main, arguments)
