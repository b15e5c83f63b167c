"""Train one GAN of the matrix, plain or with the centroid constraint."""

from pathlib import Path

import numpy as np

from bestseller.backbones import empty_feature_stack
from bestseller.compute import prepare
from bestseller.errors import BestsellerError
from bestseller.files import atomic_path, write_json
from bestseller.gans.batches import Batches
from bestseller.gans.centroid import load_constraint
from bestseller.gans.checkpoint import Checkpoint, fingerprint
from bestseller.gans.conditions import Conditions
from bestseller.gans.gan import Shape
from bestseller.gans.monitor import Monitor, within_condition_spread
from bestseller.gans.parallel import Share, group, relaunch
from bestseller.gans.pictures import sample_grid
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, save_generator
from bestseller.gans.trainer import Plan, Trainer
from bestseller.images.store import ImageSet
from bestseller.live import FOLDER, Live
from bestseller.params import Params, Train
from stages import ITEM, WORKSPACE, run

IMAGES = Path("data/augmented")
CHECKPOINTS = WORKSPACE / ".scratch" / "checkpoints"
COLUMNS = 8  # of an unconditional generator's sample grid; otherwise a column for each line


def main(params: Params, gan: str, constraint: str, seed: str) -> None:
    if params.train.launcher == "torchrun":
        relaunch(params.train.processes)
    with group() as share:
        train(params, gan, constraint, int(seed), share)


def train(params: Params, gan: str, constraint: str, seed: int, share: Share) -> None:
    name = f"{gan}-{constraint}-{seed}"
    network = gan_class(gan)
    shared, settings = params.train, getattr(params.train, gan)
    constraint_file = Path(f"data/centroid/{constraint}.safetensors")
    prepare(max(1, params.job_threads // share.count), seed)

    data = ImageSet.open(IMAGES)
    data = data.select(data.index["split"] != "test")
    conditions = Conditions.of(data.index)
    shape = shape_of(data, conditions, shared)
    if shape.lines:
        condition = conditions.numbers(list(data.index["line"]), list(data.index["view"]))
        headings, asked = conditions.lines, conditions.numbers(conditions.lines)
        rows = shared.grid_rows
    else:  # all images alike, and every cell of the sample grid is another latent
        condition = np.zeros(len(data.images), dtype=np.int64)
        headings, asked = [""] * COLUMNS, np.zeros(1, dtype=np.int64)
        rows = shared.grid_rows * COLUMNS

    plan = Plan(name, shared, settings, len(data.images))
    batches = Batches(
        data.images,
        condition,
        batch_size=settings.batch_size,
        z_dim=shared.z_dim,
        sampling=shared.sampling,
        seed=seed,
        share=share,
    )
    key = fingerprint(
        [params.job_threads, shared.model_dump(mode="json"), settings.model_dump(), name],
        [IMAGES / "images.npy", IMAGES / "index.parquet", constraint_file],
    )
    checkpoint = Checkpoint(CHECKPOINTS, name, key)
    live = Live(WORKSPACE / FOLDER / name / key, f"train@{name}", followed=share.is_first)
    monitor = Monitor(
        batches.latents(rows),
        asked,
        within_condition_spread(data.images, condition),
        plan.epochs,
        on_epoch=lambda curves, grid: live.tell(
            curves, lambda: sample_grid(grid.numpy(), headings)
        ),
    )
    networks = network(settings, shape)
    networks.scale_embeddings(shared.embedding_scale)
    trainer = Trainer(
        networks,
        plan,
        batches,
        constraint=load_constraint(constraint_file, empty_feature_stack),
        checkpoint=checkpoint,
        monitor=monitor,
    )
    generator = trainer.train()
    if not share.is_first:
        return

    folder = Path("data/models") / name
    with atomic_path(folder) as temporary:
        config = Config(name, gan, settings.model_dump(), vars(shape), conditions.of_lines)
        save_generator(temporary, generator, config)
        sample_grid(monitor.grid(generator).numpy(), headings).save(temporary / "samples.png")
        progress = sample_grid(monitor.progress(), headings[: len(asked)])
        progress.save(temporary / "progress.png")
    with atomic_path(f"metrics/train/{name}.csv") as temporary:
        monitor.curves().to_csv(temporary, index=False, float_format="%.6g")
    write_json(f"data/timing/{name}.json", trainer.timing())
    checkpoint.clear()
    live.end(Path(f"metrics/train/{name}.csv"))
    if monitor.collapsed:
        print(f"train {name}: mode collapse: within a line the samples are all but identical")


def shape_of(data: ImageSet, conditions: Conditions, shared: Train) -> Shape:
    """Return the sizes that the data fixes.

    Raises:
        BestsellerError: images of several views for networks that are told nothing.
    """
    size, views = data.images.shape[1], conditions.views
    if shared.condition == "line":
        return Shape(size, shared.z_dim, len(conditions.lines), len(views))
    if len(views) > 1:
        raise BestsellerError(
            f"params.yaml: train.condition: none would mix the views {', '.join(views)}; "
            "set it to line, or images.view to front"
        )
    return Shape(size, shared.z_dim, 0)


if __name__ == "__main__":
    run(main, ITEM)
