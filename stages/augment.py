"""Replace half of the images by flipped, zoomed, brightened and colour-shifted versions."""

from bestseller.images.augment import augment
from bestseller.images.store import ImageSet
from bestseller.params import Params
from stages import run


def main(params: Params) -> None:
    originals = ImageSet.open("data/processed", "dvc repro preprocess")
    augment(originals, params.augment).save("data/augmented")


if __name__ == "__main__":
    run(main)
