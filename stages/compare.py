"""Set every model beside the others and beside what real images and noise would score."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from bestseller.base.compute import configure_torch
from bestseller.base.files import atomic_path, read_json, read_table, write_json
from bestseller.centroid.distance import CentroidDistance
from bestseller.comparison import conclusions, plots, space
from bestseller.comparison.cost import cost_answers, training_costs
from bestseller.comparison.references import REAL, SHOWN, reference_images
from bestseller.evaluation import quality
from bestseller.evaluation.measurement import Instruments
from bestseller.evaluation.nearest import KIDS, Kids, load_kids
from bestseller.images.split import split
from bestseller.images.store import ImageSet
from bestseller.params import Params
from stages import FEATURES, run

PROCESSED = Path("data/processed")
AUGMENTED = Path("data/augmented")
BACKBONES = Path("data/backbones")
CLASSIFIER = Path("data/classifier")
CENTROID = Path("data/centroid/distance.safetensors")
TIMING = Path("data/timing")
METRICS = Path("metrics")
FIGURES = Path("data/comparison")


def main(params: Params) -> None:
    configure_torch(params.threads, params.evaluate.seed)
    confidence = params.compare.confidence
    measured, similarity = read_models(params)
    images = ImageSet.open(PROCESSED).of_main_view()
    instruments = Instruments.load(BACKBONES, CLASSIFIER, images, params, FEATURES)
    anchors, anchor_similarity = measure_references(instruments, images, params)
    similarity = pd.concat([similarity, anchor_similarity], ignore_index=True)
    models = conclusions.with_intervals(measured, confidence)
    references = conclusions.with_intervals(anchors, confidence)
    costs = training_costs(read_timings(params))
    columns = instruments.columns()
    found = conclusions.compare(
        measured,
        anchors,
        confidence,
        cost_answers(costs),
        columns=columns,
        kids=read_kids(list(instruments.spaces), params),
    )

    for name, table in {
        "models": conclusions.ordered(pd.concat([models, references], ignore_index=True), columns),
        "similarity": similarity[["line", "model", "similarity", "low", "high"]],
        "quality": conclusions.quality_points(models, found),
        "cost": costs,
    }.items():
        with atomic_path(METRICS / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    write_json(METRICS / "comparison.json", found.as_json())
    write_json(METRICS / "summary.json", quality.rounded(found.summary()))
    with atomic_path(FIGURES) as folder:
        folder.mkdir()
        shown = pd.concat([models, references[references["model"] == REAL]])
        plots.save(plots.similarity_figure(similarity, shown), folder / "similarity.png")
        ladder = references[references["model"].isin(SHOWN)]
        figure = plots.quality_figure(shown, found.columns, found.diversity, ladder)
        plots.save(figure, folder / "quality.png")
        for name, figure in draw_models(instruments, images, models, params).items():
            plots.save(figure, folder / f"{name}.png")
    print(*found.answers, sep="\n")


def read_models(params: Params) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a row per model of its metrics, and the similarity of every model and line."""
    rows, tables = [], []
    for item in params.items():
        name = item.name
        identity = {"model": name, **vars(item)}
        made_by = f"dvc repro evaluate@{name}"
        rows.append(identity | read_json(METRICS / "evaluate" / f"{name}.json", made_by))
        table = read_table(Path("data/evaluation") / name / "similarity.csv", made_by)
        tables.append(table.assign(model=name))
    return pd.DataFrame(rows), pd.concat(tables, ignore_index=True)


def read_timings(params: Params) -> pd.DataFrame:
    """Return a row per model: gan, constraint, seed, seconds, images_per_second."""
    rows = []
    for item in params.items():
        timing = read_json(TIMING / f"{item.name}.json", f"dvc repro train@{item.name}")
        rows.append(vars(item) | timing)
    return pd.DataFrame(rows)


def draw_models(
    instruments: Instruments, images: ImageSet, models: pd.DataFrame, params: Params
) -> dict[str, Figure]:
    """Draw where the models' images lie among the real ones, and how their trainings went."""
    names = models["model"]
    made = {
        n: read_table(Path("data/evaluation") / n / "points.csv", f"dvc repro evaluate@{n}")
        for n in names
    }
    curves = {n: read_table(METRICS / "train" / f"{n}.csv", f"dvc repro train@{n}") for n in names}
    centroid = CentroidDistance.load(CENTROID, params.backbones.precision)
    learned, _ = split(ImageSet.open(AUGMENTED).of_main_view())
    real = instruments.plane.points(next(iter(instruments.real.values())).train)
    places = {name: points[["x", "y"]].to_numpy() for name, points in made.items()}
    distances = {name: points["distance"].to_numpy() for name, points in made.items()}
    known = centroid.distances(learned.images)
    return {
        "features": space.scatter_figure(real, places, models),
        "centroid": space.distance_figure(known, distances, models),
        "training": plots.curves_figure(curves, models),
    }


def measure_references(
    instruments: Instruments, images: ImageSet, params: Params
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure real images, the ladder of degraded ones, and noise as if a model had made them."""
    rows, tables = [], []
    for reference in reference_images(images, params.evaluate.seed):
        name, pixels = reference.name, reference.images
        if reference.degraded:  # a rung of the ladder: its distances are what it is for
            measured = instruments.distances(pixels, params, f"compare {name}", degraded=True)
        else:
            made_for = (pixels, reference.lines)
            measured = instruments.measure(
                pixels, made_for, params, f"compare {name}", is_held_out=name == REAL
            )
            tables.append(measured.similarity.assign(model=name))
        rows.append({"model": name, **quality.rounded(measured.values)})
    return pd.DataFrame(rows), pd.concat(tables, ignore_index=True)


def read_kids(spaces: list[str], params: Params) -> dict[str, Kids]:
    """Return each model's projections of the kernel distance in the metric spaces."""
    folder = Path("data/evaluation")
    return {
        n: load_kids(folder / n / KIDS, spaces, f"dvc repro evaluate@{n}")
        for n in params.item_names()
    }


if __name__ == "__main__":
    run(main)
