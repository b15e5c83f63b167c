"""Images on demand: so many of a line from one model, marked as generated."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bestseller.designs.design import Design, design_id
from bestseller.designs.export import write_png
from bestseller.files import atomic_path
from bestseller.gans import TrainedGenerator
from bestseller.gans.pictures import sample_grid


def generate(
    generator: TrainedGenerator,
    lines: Sequence[str],
    count: int,
    seed: int,
    truncation: float = np.inf,
) -> list[Design]:
    """Generate `count` images of each line, the same latents for every line.

    Args:
        generator: the trained model.
        lines: names of product lines.
        count: images a line.
        seed: of the latents.
        truncation: largest latent component, see `TrainedGenerator.latents`.

    Returns:
        Designs line by line; their records name line, model, model_hash, seed, latent_index,
        truncation and an id.

    Raises:
        BestsellerError: the model was not trained on one of the lines.
    """
    latents = generator.latents(count, seed, truncation)
    designs = []
    for line in lines:
        images = generator.images(latents, [line] * count)
        for index, (image, latent) in enumerate(zip(images, latents, strict=True)):
            designs.append(
                as_design(
                    generator,
                    image,
                    latent,
                    line=line,
                    seed=seed,
                    index=index,
                    truncation=truncation,
                )
            )
    return designs


def as_design(
    generator: TrainedGenerator,
    image: np.ndarray,
    latent: np.ndarray,
    *,
    line: str,
    seed: int,
    index: int,
    truncation: float,
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
    }
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
