"""Generate images with a trained model: PNG files, each marked as synthetic, or one grid."""

from pathlib import Path

import numpy as np

from bestseller.base.compute import configure_torch
from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json
from bestseller.designs.generate import again, blends, generate, strip, write_images
from bestseller.gans import load_generator
from bestseller.params import Params
from stages import run

MODELS = Path("data/models")
OUT = "generated"


def main(
    params: Params,
    model: str,
    *,
    line: str | None,
    n: str | None,
    seed: str | None,
    truncation: str | None,
    parents: str | None,
    steps: str | None,
    design: str | None,
    out: str | None,
) -> None:
    known = sorted(path.name for path in MODELS.glob("*/"))
    if known and model not in known:
        raise BestsellerError(f"{MODELS}: no model {model!r}; trained: {', '.join(known)}")
    count, start = number("--n", n or "16", 1), number("--seed", seed or "0", 0)
    configure_torch(params.threads, start)
    generator = load_generator(MODELS / model)
    if design is not None:
        given = {"--line": line, "--n": n, "--seed": seed, "--truncation": truncation}
        refuse("with --design", given | {"--parents": parents, "--steps": steps})
        made, same = again(generator, read_json(design, "dvc repro shortlist"))
        designs, told = [made], f"of {made.record['line']}"
        if not same:
            print("generate: the pixels are not those of the file to the bit")
    elif parents is None:
        refuse("without --parents", {"--steps": steps})
        lines = [line] if line else generator.lines
        designs = generate(generator, lines, count, start, positive("--truncation", truncation))
        told = f"of {len(lines)} lines"
    else:
        refuse("with --parents", {"--line": line, "--truncation": truncation})
        first, second = two_skus(parents)
        told = f"between {first} and {second}"
        if steps is None:
            designs = blends(generator, first, second, count, start)
        else:
            refuse("with --steps", {"--n": n, "--seed": seed})
            designs = strip(generator, first, second, number("--steps", steps, 2))
    path = Path(out or OUT)
    write_images(path, designs)
    print(f"{len(designs)} images {told} by {model}: {path}")


def refuse(why: str, options: dict[str, str | None]) -> None:
    for name, value in options.items():
        if value is not None:
            raise BestsellerError(f"{name}: has no meaning {why}; leave it out")


def two_skus(text: str) -> tuple[str, str]:
    skus = [sku.strip() for sku in text.split(",")]
    if len(skus) != 2 or not all(skus):
        raise BestsellerError(f"--parents: {text!r} is not allowed; two skus, such as A100,A200")
    return skus[0], skus[1]


def number(name: str, text: str, least: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise BestsellerError(f"{name}: {text!r} is not allowed; a whole number from {least}")
    return int(text)


def positive(name: str, text: str | None) -> float:
    try:
        value = float(text) if text else np.inf
    except ValueError:
        value = 0.0
    if not value > 0:
        raise BestsellerError(f"{name}: {text!r} is not allowed; a number above 0, such as 0.7")
    return value


if __name__ == "__main__":
    arguments = [
        ("model", "a folder of data/models, such as dcgan-plain-0"),
        ("--line", "product line (default: every line)"),
        ("--n", "images a line (default: 16)"),
        ("--seed", "of the latents (default: 0)"),
        (
            "--truncation",
            "largest latent component, such as 0.7; smaller = more typical (default: none)",
        ),
        (
            "--parents",
            "two skus with a comma between: blends of these products, by a blend autoencoder",
        ),
        ("--steps", "with --parents: so many images from one product to the other, from 2"),
        ("--design", "a design's file, such as data/designs/<id>.json: that design again"),
        ("--out", f"folder, or a grid where it ends in .png (default: {OUT}/)"),
    ]
    run(main, arguments)
