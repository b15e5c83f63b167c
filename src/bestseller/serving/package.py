"""Write a trained model as a folder that MLflow serves, code and pinned requirements included."""

import re
from collections.abc import Mapping
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, require
from bestseller.gans import load_generator

SOURCES = Path(__file__).resolve().parents[1]
REQUIREMENTS = [
    *("lpips", "mlflow", "numpy", "pandas", "pillow", "pydantic", "ruamel.yaml", "safetensors"),
    *("scipy", "threadpoolctl", "torch", "torchvision", "tqdm"),
]

GENERATOR = ModelSignature(
    Schema([ColSpec(DataType.string, "line"), ColSpec(DataType.long, "seed")]),
    Schema(
        [
            *(ColSpec(DataType.string, name) for name in ("id", "line", "model", "model_hash")),
            ColSpec(DataType.long, "seed"),
            ColSpec(DataType.string, "png"),
        ]
    ),
    ParamSchema([ParamSpec("truncation", DataType.double, 0.0)]),
)
SCORE = ModelSignature(
    Schema(
        [
            ColSpec(DataType.string, "image"),
            ColSpec(DataType.string, "line", required=False),
        ]
    ),
    Schema(
        [
            ColSpec(DataType.string, "line"),
            ColSpec(DataType.double, "similarity"),
            ColSpec(DataType.double, "score"),
            ColSpec(DataType.boolean, "abstains"),
            ColSpec(DataType.string, "novelty"),
            ColSpec(DataType.double, "percentile"),
            ColSpec(DataType.string, "nearest_training"),
            ColSpec(DataType.string, "neighbours"),
        ]
    ),
)


def _check_own(out: Path) -> None:
    """Refuse to replace what `package` has not written.

    Raises:
        BestsellerError: there is a file, or a folder that holds something else.
    """
    if not out.exists() and not out.is_symlink():
        return
    empty = out.is_dir() and not any(out.iterdir())
    known = (out / "MLmodel").is_file() and (out / "code" / "bestseller").is_dir()
    if out.is_symlink() or not (empty or known):
        raise BestsellerError(f"--out: {out} is there and is no package; name another folder")


def package_generator(model: Path, out: Path, requirements: Path) -> None:
    """Write a trained generator, such as ``data/models/dcgan-plain-0``; see `package`."""
    lines = load_generator(model).lines[:2]
    example = pd.DataFrame({"line": lines, "seed": range(len(lines))})
    artifacts = {"generator": model}
    package(out, "generator_model.py", GENERATOR, artifacts, requirements, example=example)


def package(
    out: Path,
    code: str,
    signature: ModelSignature,
    artifacts: Mapping[str, Path],
    requirements: Path,
    *,
    example: pd.DataFrame,
) -> None:
    """Write an MLflow model.

    Its artifacts must be there: MLflow would look for a missing one on the network.

    Nothing is pickled: the model is a file of this package that MLflow runs, and its weights are
    the safetensors of the pipeline.

    Args:
        out: folder to write; an earlier package there, or an empty folder, is replaced.
        code: file of this package that sets the model, such as ``generator_model.py``.
        signature: of its inputs, outputs and params.
        artifacts: folders and files that the model reads, by name.
        requirements: the repository's requirements.txt, whose pins the model gets.
        example: rows of a request, kept with the model.

    Raises:
        BestsellerError: an artifact is missing, or `out` is something else than a package.
    """
    _check_own(out)
    for artifact in artifacts.values():
        require(artifact, "dvc repro")
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", requirements.read_text(), re.MULTILINE))
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
    with atomic_path(out) as temporary:
        mlflow.pyfunc.save_model(
            temporary,
            python_model=str(Path(__file__).parent / code),
            artifacts={name: str(path) for name, path in artifacts.items()},
            code_paths=[str(SOURCES)],
            signature=signature,
            input_example=example,
            pip_requirements=[f"{n}=={pins[n]}" if n in pins else n for n in REQUIREMENTS],
        )
