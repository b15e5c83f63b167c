"""Write each model's settings into a file of its own, so that a change reruns that model alone."""

from bestseller.base.files import atomic_path
from bestseller.params import Params, Recipe
from bestseller.params.item import MODELS
from bestseller.params.recipe import FOLDER
from stages import run


def main(params: Params) -> None:
    with atomic_path(FOLDER) as folder:
        folder.mkdir()
        for model in MODELS:
            recipe = Recipe.of(model, params.train, params.centroid, params.augment)
            recipe.save(model, folder)


if __name__ == "__main__":
    run(main)
