"""Train one GAN of the matrix, plain or with the centroid constraint."""

from pathlib import Path

import numpy as np

from bestseller.backbones import empty_feature_stack
from bestseller.compute import prepare
from bestseller.files import atomic_path, write_json
from bestseller.gans.batches import Batches
from bestseller.gans.centroid import load_constraint
from bestseller.gans.checkpoint import Checkpoint, fingerprint
from bestseller.gans.gan import Shape
from bestseller.gans.monitor import Monitor, within_line_spread
from bestseller.gans.pictures import sample_grid
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, save_generator
from bestseller.gans.trainer import Plan, Trainer
from bestseller.images.store import ImageSet
from bestseller.params import Params
from stages import WORKSPACE, run

IMAGES = Path("data/augmented")
CHECKPOINTS = WORKSPACE / ".scratch" / "checkpoints"


def main(params: Params, gan: str, constraint: str, seed: str) -> None:
    name = f"{gan}-{constraint}-{seed}"
    network = gan_class(gan)
    shared, settings = params.train, getattr(params.train, gan)
    constraint_file = Path(f"data/centroid/{constraint}.safetensors")
    prepare(params.threads, int(seed))

    data = ImageSet.open(IMAGES)
    data = data.select(data.index["split"] != "test")
    lines = sorted(data.index["line"].unique())
    line_index = data.index["line"].map(lines.index).to_numpy()
    shape = Shape(
        data.images.shape[1],
        shared.z_dim,
        len(lines) if shared.condition == "line" else 0,
    )

    plan = Plan(name, shared, settings, len(data.images))
    batches = Batches(
        data.images,
        line_index,
        batch_size=settings.batch_size,
        z_dim=shared.z_dim,
        sampling=shared.sampling,
        seed=int(seed),
    )
    key = fingerprint(
        [params.threads, shared.model_dump(mode="json"), settings.model_dump(), name],
        [IMAGES / "images.npy", IMAGES / "index.parquet", constraint_file],
    )
    checkpoint = Checkpoint(CHECKPOINTS, name, key)
    monitor = Monitor(
        batches.latents(shared.grid_rows),
        np.arange(len(lines)),
        within_line_spread(data.images, line_index),
        plan.epochs,
    )
    trainer = Trainer(
        network(settings, shape),
        plan,
        batches,
        constraint=load_constraint(constraint_file, empty_feature_stack),
        checkpoint=checkpoint,
        monitor=monitor,
    )
    generator = trainer.train()

    folder = Path("data/models") / name
    with atomic_path(folder) as temporary:
        config = Config(name, gan, settings.model_dump(), vars(shape), lines)
        save_generator(temporary, generator, config)
        sample_grid(monitor.grid(generator).numpy(), lines).save(temporary / "samples.png")
        sample_grid(monitor.progress(), lines).save(temporary / "progress.png")
    with atomic_path(f"metrics/train/{name}.csv") as temporary:
        monitor.curves().to_csv(temporary, index=False, float_format="%.6g")
    write_json(f"data/timing/{name}.json", trainer.timing())
    checkpoint.clear()
    if monitor.collapsed:
        print(f"train {name}: mode collapse: within a line the samples are all but identical")


if __name__ == "__main__":
    arguments = [
        ("gan", "one of params.yaml's gans"),
        ("constraint", "plain or centroid"),
        ("seed", "training seed, a whole number"),
    ]
    run(main, arguments)
