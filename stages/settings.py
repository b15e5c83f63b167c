"""Write each model's settings and code's digests into a file of its own.

A training depends on its model's file, so that a change there reruns that model alone. The stage
also writes what trainings are told of sales. This table has no row if `train.sales` is none, so
that new sales then rerun no training.
"""

from pathlib import Path

import bestseller
from bestseller.base.files import atomic_path, read_table
from bestseller.params import Params, Recipe
from bestseller.params.code import digest, reached
from bestseller.params.item import MODELS, parse_model
from bestseller.params.recipe import FOLDER, SALES
from bestseller.preference.drawing import no_sales, training_sales
from stages import run

UNITS, INDEX = Path("data/sales/units.parquet"), Path("data/processed/index.parquet")
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
    told = no_sales()
    if params.train.sales != "none":
        units = read_table(UNITS, "dvc repro sales")
        told = training_sales(units, read_table(INDEX, "dvc repro preprocess"))
    told.to_csv(folder / SALES.name, index=False, lineterminator="\n", float_format="%.6g")


if __name__ == "__main__":
    run(main)
