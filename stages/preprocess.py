"""Take in the photos: decode, align, resize; cluster duplicates; split by design."""

import sys
from pathlib import Path

import pandas as pd

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, write_json
from bestseller.catalogue.product import Product
from bestseller.catalogue.raw import open_images, read_catalogue
from bestseller.images.prepare import Photo, Refused, prepare
from bestseller.params import Params
from stages import WORKSPACE, run

RAW = Path("data/raw")
PROCESSED = Path("data/processed")
TAKEN = WORKSPACE / ".scratch" / "photos"  # what earlier runs made of them
NO_LINE = "(no line)"


def main(params: Params) -> None:
    photos = [
        photo
        for product in read_catalogue(RAW / "catalogue.jsonl")
        for photo in photos_of(product, params.images.view)
    ]
    if said := one_line(photos):
        print(f"preprocess: {said}", file=sys.stderr)
    with open_images(RAW / "images.zip") as originals:
        prepared = prepare(
            photos,
            originals.read,
            params.images,
            params.threads,
            keep=keep_refused,
            cache=TAKEN,
        )

    for told in prepared.advice:
        print(f"preprocess: {told}", file=sys.stderr)
    if prepared.images.index.groupby("line")["cluster"].nunique().max() < 2:
        raise BestsellerError(
            f"{RAW}/catalogue.jsonl: no line has two designs, as photos of one picture count for "
            "one, so nothing can be learned and tested; crawl more products, or mend their lines"
        )
    prepared.images.save(PROCESSED)
    write_json("metrics/preprocess.json", prepared.summary)


def keep_refused(rows: list[Refused]) -> None:
    """Write down the photos that are not used, also where they are too many for the stage."""
    with atomic_path(PROCESSED / "rejects.csv") as temporary:
        table = pd.DataFrame(rows, columns=list(Refused._fields))
        table.to_csv(temporary, index=False, lineterminator="\n")


def one_line(photos: list[Photo]) -> str:
    """Say, before an hour of decoding, what photos of a single line cannot give; else nothing."""
    lines = {photo.line for photo in photos}
    if len(lines) != 1:
        return ""
    return (
        f"warning: all photos are of the line {lines.pop()!r}: models are trained, and no "
        "similarity is measured, which tells lines apart; widen the crawl or mend the products' "
        "lines if there are more"
    )


def photos_of(product: Product, view: str) -> list[Photo]:
    """Return the product's photos that show the view, or all of its photos."""
    return [
        Photo(
            product.sku,
            product.line or NO_LINE,
            product.category or "",
            image.view,
            image.sha256,
            image.url,
        )
        for image in product.images
        if view in {"all", image.view}
    ]


if __name__ == "__main__":
    run(main)
