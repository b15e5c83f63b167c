"""Write each model's settings and code's digests into a file of its own.

A training depends on its model's file, so that a change there reruns that model alone.
"""

from pathlib import Path

import bestseller
from bestseller.base.files import atomic_path
from bestseller.params import Params, Recipe
from bestseller.params.code import digest, reached
from bestseller.params.item import MODELS, parse_model
from bestseller.params.recipe import FOLDER
from stages import run

GANS = Path(str(bestseller.__file__)).parent / "gans"


def main(params: Params) -> None:
    with atomic_path(FOLDER) as folder:
        write(params, folder)


def write(params: Params, folder: Path) -> None:
    """Write the files into a new folder."""
    folder.mkdir()
    for model in MODELS:
        recipe = Recipe.of(model, params.train, params.centroid, params.augment)
        modules = reached(GANS / f"{parse_model(model)[0]}.py")
        recipe.save(model, folder, {file.stem: digest(file) for file in modules})


if __name__ == "__main__":
    run(main)
