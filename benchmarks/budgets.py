"""What a GAN draws for its CPU seconds: quality at shares of a training's budget.

Run from the repository's root after `dvc repro augment`:

    PYTHONPATH=src:. python benchmarks/budgets.py dcgan d2gan vanilla 'pggan@0.5' pggan 'pggan@2'
    PYTHONPATH=src:. python benchmarks/budgets.py 'dcgan{upsample: nearest, embedding_scale: 1}@4'

An arm is a GAN, settings of its section of params.yaml or of the section train that it departs
by, and how many times the epochs of params.yaml it trains. A GAN without phases is also shown at
half, a quarter, ... of its training, which is what a training so short would give; PGGAN shares
out its images among its phases, so that each budget is a training of its own. One thread, the
training alone is timed. Images, grids and a line of JSON each go to .scratch/budgets/.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from ruamel.yaml import YAML

from bestseller.compute import prepare
from bestseller.gans.batches import Batches
from bestseller.gans.conditions import Conditions
from bestseller.gans.gan import Shape
from bestseller.gans.pictures import sample_grid
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, TrainedGenerator
from bestseller.gans.trainer import Plan, Trainer
from bestseller.images.store import ImageSet
from bestseller.params import load_params

OUT = Path(".scratch/budgets")
IMAGES, GRID_ROWS = 1000, 6


def read_arm(text: str) -> tuple[str, dict[str, Any], float]:
    """Return the GAN, the settings it departs by and the times its epochs are taken."""
    text, _, times = text.partition("@")
    name, brace, settings = text.partition("{")
    return name, YAML(typ="safe").load(brace + settings or "{}"), float(times or 1)


def train(arm: str, seed: int) -> None:
    name, changes, times = read_arm(arm)
    params = load_params()
    shared, settings = params.train, getattr(params.train, name)
    own = {key: value for key, value in changes.items() if key in type(settings).model_fields}
    rest = {key: value for key, value in changes.items() if key not in own}
    settings = type(settings).model_validate(settings.model_dump() | own)
    settings = settings.model_copy(update={"epochs": settings.epochs * times})
    shared = type(shared).model_validate(shared.model_dump() | rest)
    prepare(1, seed)
    data = ImageSet.open("data/augmented")
    data = data.select(data.index["split"] != "test")
    conditions = Conditions.of(data.index)
    shape = Shape(data.images.shape[1], shared.z_dim, len(conditions.lines), len(conditions.views))
    numbers = conditions.numbers(list(data.index["line"]), list(data.index["view"]))
    batches = Batches(
        data.images,
        numbers,
        batch_size=settings.batch_size,
        z_dim=shared.z_dim,
        sampling=shared.sampling,
        seed=seed,
    )
    gan = gan_class(name)(settings, shape)
    gan.scale_embeddings(shared.embedding_scale)
    plan = Plan(f"{name}-plain-{seed}", shared, settings, len(data.images))
    trainer = Trainer(
        gan,
        plan,
        batches,
        constraint=None,
        checkpoint=None,  # type: ignore[arg-type]
        monitor=None,  # type: ignore[arg-type]
    )
    config = Config(plan.name, name, settings.model_dump(), vars(shape), conditions.of_lines)
    shown = {plan.steps: times}
    if name != "pggan":
        shares = [times / 2**k for k in range(1, 4) if times / 2**k >= 0.25]
        shown |= {round(plan.steps * share / times): share for share in shares}
    seconds = 0.0
    for step in range(plan.steps):
        begun = time.process_time()
        trainer._train_step(batches[step])
        trainer.step += 1
        seconds += time.process_time() - begun
        if (share := shown.get(trainer.step)) is not None:
            folder = OUT / f"{arm.partition('@')[0]}@{share:g}-{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            draw(
                TrainedGenerator(config, trainer.average.network, ""),
                list(data.index["line"]),
                folder,
            )
            trainer.average.network.train(False)
            facts = {"arm": arm, "times": share, "steps": trainer.step, "cpu_s": round(seconds, 1)}
            (folder / "facts.json").write_text(json.dumps(facts))
            print(facts, flush=True)


def draw(generator: TrainedGenerator, known: list[str], folder: Path) -> None:
    """Write 1,000 images, their lines as in the catalogue, and a grid of every line."""
    lines = list(np.random.default_rng(0).choice(known, IMAGES))
    np.save(folder / "images.npy", generator.images(generator.draw(lines, 0).latents, lines))
    columns = [generator.draw([line] * GRID_ROWS, 5).latents for line in generator.lines]
    latents = np.stack(columns, axis=1).reshape(-1, generator.z_dim)
    images = generator.images(latents, generator.lines * GRID_ROWS)
    sample_grid(images, generator.lines).save(folder / "grid.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("arms", nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for arm in given.arms:
        train(arm, given.seed)


if __name__ == "__main__":
    main()
