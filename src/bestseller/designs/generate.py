"""Images on demand: so many of a line, or between two products, marked as generated."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path
from bestseller.designs.candidates import parents_record
from bestseller.designs.design import Design, design_id
from bestseller.designs.export import write_png
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Codes, Drawn, Parents
from bestseller.gans.pictures import sample_grid


def generate(
    generator: TrainedGenerator,
    lines: Sequence[str],
    count: int,
    seed: int,
    truncation: float = np.inf,
) -> list[Design]:
    """Generate `count` images of each line.

    Latents that are ~ N(0, I) are the same for every line; those from products are each line's own.

    Args:
        generator: the trained model.
        lines: names of product lines.
        count: images a line.
        seed: of the latents.
        truncation: largest normal number behind a latent, see `TrainedGenerator.draw`.

    Returns:
        Designs line by line; their records name line, model, model_hash, seed, latent_index,
        truncation, an id, and the parents where a latent has them.

    Raises:
        BestsellerError: the model was not trained on one of the lines.
    """
    designs = []
    for line in lines:
        drawn = generator.draw([line] * count, seed, truncation=truncation)
        designs += _as_designs(generator, drawn, line, seed, truncation)
    return designs


def blends(
    generator: TrainedGenerator, first: str, second: str, count: int, seed: int
) -> list[Design]:
    """Blend two products `count` times, in shares drawn as for the first one's line.

    Returns:
        Designs of the first product's line, as `generate` gives them.

    Raises:
        BestsellerError: the model has no codes of products, or not of these two, or they are one.
    """
    codes = _codes(generator)
    drawn = codes.blends(first, second, count, seed)
    return _as_designs(generator, drawn, codes.line_of(first), seed, np.inf)


def strip(generator: TrainedGenerator, first: str, second: str, steps: int) -> list[Design]:
    """Go from one product to another in `steps` images, at least two; both ends are included.

    Each image has the details of the product that it is nearer to, which is its first parent.

    Returns and raises: as `blends`.
    """
    codes = _codes(generator)
    shares = np.linspace(1, 0, steps)
    near = codes.between(first, second, [float(share) for share in shares[shares >= 0.5]])
    far = codes.between(second, first, [float(1 - share) for share in shares[shares < 0.5]])
    latents = np.concatenate([near.latents, far.latents])
    drawn = Drawn(latents, [*near.parents, *far.parents])
    return _as_designs(generator, drawn, codes.line_of(first), 0, np.inf)


def again(generator: TrainedGenerator, record: Mapping[str, Any]) -> tuple[Design, bool]:
    """Draw a shortlisted design again from the latent in its JSON file.

    Args:
        generator: the model that drew it.
        record: of the file.

    Returns:
        The design, and whether its pixels are the file's to the bit. A searched design's are, on
        the same machine; one that was drawn beside others may differ by a rounding.

    Raises:
        BestsellerError: the model has other weights than those that drew it.
    """
    if record["model_hash"] != generator.hash:
        raise BestsellerError(
            f"{generator.name}: of other weights than those that drew design {record['id']}; bring "
            "them back with the commit of that time and `dvc checkout`"
        )
    image = generator.images(np.array([record["latent"]], np.float32), [record["line"]])[0]
    same = hashlib.sha256(image.tobytes()).hexdigest() == record["image_sha256"]
    return Design(image, {"truncation": np.inf, **record}), same


def _codes(generator: TrainedGenerator) -> Codes:
    if generator.codes is None:
        raise BestsellerError(
            f"{generator.name}: its latents have no parents; name a model that has, such as a blend"
        )
    return generator.codes


def _as_designs(
    generator: TrainedGenerator, drawn: Drawn, line: str, seed: int, truncation: float
) -> list[Design]:
    images = generator.images(drawn.latents, [line] * len(drawn.latents))
    return [
        as_design(
            generator,
            image,
            latent,
            line=line,
            seed=seed,
            index=index,
            truncation=truncation,
            parents=parents,
        )
        for index, (image, latent, parents) in enumerate(
            zip(images, drawn.latents, drawn.parents, strict=True)
        )
    ]


def as_design(
    generator: TrainedGenerator,
    image: np.ndarray,
    latent: np.ndarray,
    *,
    line: str,
    seed: int,
    index: int,
    truncation: float,
    parents: Parents | None = None,
) -> Design:
    """Join an image to its origin: row `index` of the latents of `seed`, for a line."""
    record = {
        "id": design_id(generator.hash, line, latent),
        "line": line,
        "model": generator.name,
        "model_hash": generator.hash,
        "seed": seed,
        "latent_index": index,
        "truncation": truncation,
    } | parents_record(parents)
    return Design(image, record)


def write_images(path: Path, designs: Sequence[Design]) -> None:
    """Write one PNG per design into a folder, or all into one grid where `path` ends in .png.

    The grid has a column per line; it carries the model, its hash, the seed and the mark.
    """
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".png":
            lines = list(dict.fromkeys(design.record["line"] for design in designs))
            rows = [design.image for design in designs]
            by_line = np.stack(rows).reshape(len(lines), -1, *rows[0].shape).swapaxes(0, 1)
            grid = sample_grid(by_line.reshape(-1, *rows[0].shape), lines)
            names = ("model", "model_hash", "seed", "truncation")
            common = {name: designs[0].record[name] for name in names}
            with temporary.open("wb") as file:
                write_png(file, np.asarray(grid), common | {"line": ", ".join(lines)})
        else:
            temporary.mkdir(parents=True, exist_ok=True)
            for design in designs:
                write_png(temporary / f"{design.record['id']}.png", design.image, design.record)
