"""Package a trained generator, or the preference score, as an MLflow model to serve."""

import base64
import io
from pathlib import Path

import pandas as pd
from PIL import Image

from bestseller.base.errors import BestsellerError
from bestseller.classifier.absent import why_absent
from bestseller.params import Params
from bestseller.serving.package import SCORE, package, package_generator
from stages import run

MODELS = Path("data/models")
SCORE_FOLDERS = {name: Path("data") / name for name in ("backbones", "classifier", "preference")}
REQUIREMENTS = Path("requirements.txt")


def main(params: Params, model: str, out: str | None) -> None:
    path = Path(out or f"served/{model}")
    if model == "score":
        for folder in SCORE_FOLDERS.values():
            if why := why_absent(folder):
                raise BestsellerError(f"{folder}: there is no score to package: {why}")
        blank = io.BytesIO()
        Image.new("RGB", (params.images.size, params.images.size), "white").save(blank, "PNG")
        image = base64.b64encode(blank.getvalue()).decode()
        example = pd.DataFrame({"image": [image, image], "line": ["", ""]})
        package(path, "score_model.py", SCORE, SCORE_FOLDERS, REQUIREMENTS, example=example)
    else:
        package_generator(MODELS / model, path, REQUIREMENTS)
    print(f"{path}: {model}")
    print(f"mlflow models serve --model-uri {path} --env-manager local --port 5001")


if __name__ == "__main__":
    arguments = [
        ("model", "score, or a folder of data/models, such as dcgan-plain-0"),
        ("--out", "folder to write (default: served/MODEL)"),
    ]
    run(main, arguments)
