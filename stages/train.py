"""Train one GAN of the matrix, plain or with the centroid constraint."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from bestseller.backbones import empty_feature_stack
from bestseller.base.compute import configure_torch
from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, read_table, write_json
from bestseller.centroid.centroids import load_centroids
from bestseller.gans.batch import ProcessGroup
from bestseller.gans.conditions import Conditions
from bestseller.gans.gan import Shape
from bestseller.gans.pictures import sample_grid
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, save_generator
from bestseller.images.augment import fresh
from bestseller.images.store import ImageSet
from bestseller.live import FOLDER, Live
from bestseller.params import Item, Params, Recipe, Shared
from bestseller.params.recipe import SALES
from bestseller.training.batches import Batches
from bestseller.training.checkpoint import Checkpoint, fingerprint
from bestseller.training.constraint import CentroidConstraint
from bestseller.training.monitor import Monitor, within_condition_spread
from bestseller.training.processes import process_group, relaunch
from bestseller.training.trainer import VERSION, Plan, Trainer
from stages import ITEM, WORKSPACE, run

AUGMENTED = Path("data/augmented")
ORIGINALS = Path("data/processed")  # for augment.fresh, and for models that learn from photos
CHECKPOINTS = WORKSPACE / ".scratch" / "checkpoints"
COLUMNS = 8  # of an unconditional generator's sample grid; otherwise a column for each line


def main(params: Params, item: str) -> None:
    wanted = Item.parse(item)
    recipe = Recipe.load(wanted.model)
    if recipe.shared.launcher == "torchrun":
        relaunch(recipe.shared.processes)
    with process_group() as group:
        train(wanted, recipe, params.job_threads, group)


def train(item: Item, recipe: Recipe, threads: int, group: ProcessGroup) -> None:
    name, shared, settings = item.name, recipe.shared, recipe.gan
    network = gan_class(item.gan)
    centroid_file = Path(f"data/centroid/{item.model}.safetensors")
    configure_torch(max(1, threads // group.count), item.seed)

    augment = recipe.augment if network.augmented else None
    shown = ORIGINALS if augment or not network.augmented else AUGMENTED
    data = ImageSet.open(shown)
    data = data.select(data.index["split"] != "test")
    conditions = Conditions.of(data.index)
    z_dim = network.z_dim(settings, shared, len(data.images))
    shape = shape_of(data, conditions, shared, z_dim)
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
        z_dim=shape.z_dim,
        sampling=shared.sampling,
        seed=item.seed,
        group=group,
        change=fresh(augment) if augment else None,
        **told_of_sales(data.index, shared),
    )
    told = [] if shared.sales == "none" else [SALES]
    key = fingerprint(
        [threads, recipe.as_json(), name, network.version, VERSION],
        [shown / "images.npy", shown / "index.parquet", centroid_file, *told],
    )
    checkpoint = Checkpoint(CHECKPOINTS, name, key)
    live = Live(WORKSPACE / FOLDER / name / key, f"train@{name}", followed=group.is_first)
    model = network(settings, shape)
    model.scale_embeddings(shared.embedding_scale)
    model.fit(data.images, data.index)
    codes = model.codes()
    cells = [line for _ in range(rows) for line in headings[: len(asked)]]
    views = [conditions.of_lines[line][0] if line else "" for line in cells]
    monitor = Monitor(
        batches.latents(rows)
        if codes is None
        else torch.from_numpy(codes.draw(cells, item.seed, views=views).latents),
        asked,
        within_condition_spread(data.images, condition),
        plan.epochs,
        own_cells=codes is not None,
        on_epoch=lambda curves, grid: live.tell(
            curves, lambda: sample_grid(grid.numpy(), headings)
        ),
    )
    trainer = Trainer(
        model,
        plan,
        batches,
        constraint=constraint_of(recipe, centroid_file, conditions if shape.lines else None),
        checkpoint=checkpoint,
        monitor=monitor,
    )
    generator = trainer.train()
    if not group.is_first:
        return

    sizes = {key: value for key, value in vars(shape).items() if key != "sales" or value}
    with atomic_path(Path("data/models") / name) as temporary:
        config = Config(name, item.gan, settings.model_dump(), sizes, conditions.of_lines)
        save_generator(temporary, generator, config, codes)
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


def told_of_sales(index: pd.DataFrame, shared: Shared) -> dict[str, np.ndarray]:
    """Return what `Batches` is told of the sales of images; nothing where they do not enter.

    Raises:
        BestsellerError: the table of sales lacks a product of the images.
    """
    if shared.sales == "none":
        return {}
    names = {"weighted": "weight", "conditioned": "percentile"}
    table = read_table(SALES, "dvc repro settings", dtype={"sku": str})
    values = index["sku"].map(table.set_index("sku")[names[shared.sales]])
    if values.isna().any():
        raise BestsellerError(
            f"{SALES}: no row for product {index['sku'][values.isna()].iloc[0]!r}; run "
            "`dvc repro settings`"
        )
    return {f"{names[shared.sales]}s": values.to_numpy(np.float64)}


def constraint_of(
    recipe: Recipe, path: Path, conditions: Conditions | None
) -> CentroidConstraint | None:
    """Return the constraint that the recipe asks for, None for plain training.

    Args:
        recipe: the model's settings.
        path: the file of its centres.
        conditions: what the networks are told, None for nothing.
    """
    if recipe.centroid is None:
        return None
    centroids = load_centroids(path, empty_feature_stack)
    if centroids is None:
        raise BestsellerError(f"{path}: holds no centroid; run `dvc repro centroid`")
    rows = None
    if conditions is not None:
        rows = centroids.rows([line for line in conditions.lines for _ in conditions.views])
    return CentroidConstraint(centroids, recipe.centroid, rows)


def shape_of(data: ImageSet, conditions: Conditions, shared: Shared, z_dim: int) -> Shape:
    """Return the sizes that the data fixes.

    Raises:
        BestsellerError: images of several views for networks that are told nothing.
    """
    size, views = data.images.shape[1], conditions.views
    sales = shared.sales == "conditioned"
    z_dim += sales
    if shared.condition == "line":
        return Shape(size, z_dim, len(conditions.lines), len(views), sales)
    if len(views) > 1:
        raise BestsellerError(
            f"params.yaml: train.condition: none would mix the views {', '.join(views)}; "
            "set it to line, or images.view to front"
        )
    return Shape(size, z_dim, 0, sales=sales)


if __name__ == "__main__":
    run(main, ITEM)
