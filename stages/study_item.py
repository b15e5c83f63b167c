"""Train and measure an item of the study, or prepare its dataset; `make study` calls it."""

import json
import os
import platform
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from bestseller.backbones import feature_stack
from bestseller.backbones.weights import published_backbone
from bestseller.base.compute import configure_torch, device, place
from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, read_json, remove, write_json
from bestseller.centroid.centroids import reference, save_centroids
from bestseller.classifier.classifier import load_classifier
from bestseller.evaluation import quality
from bestseller.gans import load_generator
from bestseller.images.store import ImageSet
from bestseller.params import Item, Params, Recipe
from bestseller.study.claims import Arm, arms_of, read_claims
from bestseller.study.measure import Judges, measure_item, measure_lines
from bestseller.study.photos import archive_of, take_photos
from bestseller.training.processes import group
from stages import augment, classifier, preprocess, run, sales, scrape, train
from stages.centroid import centroids_of

SCRATCH = Path(".scratch/study")
PREPARE = "prepare"
RESULT, SPENT = "result.json", "spent.json"
BEAT_S = 2.0  # seconds between two notes of the CPU time, which a kill leaves behind
WATCHED = ("centroid_loss", "centroid_outside", "g_loss", "d_loss")  # of the last epoch's curves


def data_folder(arm: Arm) -> Path:
    """Return where the photos of an arm lie, prepared."""
    return SCRATCH / "data" / f"{arm.dataset}-{arm.data_key}"


def item_folder(arm: Arm, seed: int) -> Path:
    """Return where an item is trained; it goes when its row stands."""
    return SCRATCH / "items" / f"{arm.budget}-{arm.variant}-{seed}-{arm.key}"


def main(params: Params, arm: str, seed: str, archive: str | None) -> None:
    """Prepare the data of the arm (seed: prepare), or train and measure its item of a seed."""
    del params
    root = Path.cwd()
    wanted = next((a for a in arms_of(read_claims(), root) if a.name == arm), None)
    if wanted is None:
        raise BestsellerError(f"studies/claims.yaml: has no arm {arm!r}")
    if seed == PREPARE:
        prepare_data(wanted, root, Path(archive) if archive else None)
    else:
        folder = item_folder(wanted, int(seed))
        with Meter(folder / SPENT) as meter:
            write_json(folder / RESULT, make_row(wanted, int(seed), folder.resolve(), root, meter))


def prepare_data(arm: Arm, root: Path, given: Path | None) -> None:
    """Take in the photos of an arm as the stages scrape to augment do; all or nothing."""
    params, final = arm.params, (root / data_folder(arm)).resolve()
    work = final.with_name(f"{final.name}.partly")
    remove(work)
    work.mkdir(parents=True)
    if arm.source.archive:
        path = archive_of(arm.dataset, arm.source, root, given)
        take_photos(path, arm.source, params.images).save(work / preprocess.PROCESSED)
        os.chdir(work)
    else:
        os.chdir(work)
        write_json(scrape.SOURCE, {"study": arm.data_key})
        scrape.main(params)
        preprocess.main(params)
        write_json(sales.SOURCE, {"study": arm.data_key})
        sales.main(params)
        classifier.main(params)
    augment.main(params)
    for rest in ("data/raw", ".scratch"):
        remove(work / rest)
    os.chdir(root)
    os.replace(work, final)


def make_row(arm: Arm, seed: int, folder: Path, root: Path, meter: "Meter") -> dict[str, Any]:
    """Train an item in its own folder, from its checkpoint if there is one, and measure it."""
    params, item, data = arm.params, arm.item(seed), (root / data_folder(arm)).resolve()
    weights = root / params.backbones.weights_dir
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    for name in ("processed", "augmented"):
        link = folder / "data" / name
        if not link.is_symlink():
            link.symlink_to(data / "data" / name)
    os.chdir(folder)
    recipe = Recipe.of(arm.model, params.train, params.centroid, params.augment)
    reference_distance = fix_centre(item, recipe, weights)
    if not Path(f"data/models/{item.name}").exists():
        with group() as share:
            train.train(item, recipe, params.job_threads, share)
    trained = meter.mark()

    configure_torch(params.job_threads, params.evaluate.seed)
    generator = load_generator(Path("data/models") / item.name)
    images = ImageSet.open(Path("data/processed")).of_main_view()
    judges = Judges.load(images, params, weights, data / "features")
    values = measure_item(generator, images, params, judges)
    if (known := data / "data/classifier").exists():
        values |= measure_lines(generator, load_classifier(known), params)
    curves = pd.read_csv(f"metrics/train/{item.name}.csv")
    last = curves.iloc[-1]
    values |= {f"last_{name}": float(last[name]) for name in WATCHED if name in last}
    os.chdir(root)
    timing = read_json(folder / f"data/timing/{item.name}.json")
    spent = {
        "train_cpu_s": round(trained, 1),
        "train_wall_s": round(timing["seconds"], 1),
        "measure_cpu_s": round(meter.mark() - trained, 1),
    }
    learned = len(quality.split(images)[0])
    size = recipe.gan.batch_size
    steps = max(1, round(recipe.gan.epochs * learned / size))
    length = {"steps": steps, "images_shown": steps * size, "d_ref": reference_distance}
    return length | quality.rounded(values) | spent | origin(params.job_threads)


def fix_centre(item: Item, recipe: Recipe, weights: Path) -> float | None:
    """Write the centre that the training reads; return d_ref, None for plain training."""
    path, settings = Path(f"data/centroid/{item.model}.safetensors"), recipe.centroid
    if settings is None:
        save_centroids(path, None, {})
        return None
    configure_torch(1, 0)
    images = ImageSet.open(train.AUGMENTED)
    images = images.select(images.index["split"] != "test")
    features = feature_stack(
        published_backbone(settings.backbone, weights), settings.layer, settings.pooling
    )
    place(features)
    found = reference(images.images, features, name="")
    layers = {name: getattr(settings, name) for name in ("backbone", "layer", "pooling")}
    save_centroids(path, centroids_of(features, found, images, settings), layers)
    return found.distance


def origin(threads: int) -> dict[str, Any]:
    """Return when and where a row is made, with the versions that it may depend on."""
    return {
        "finished": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(),
        "threads": threads,
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
    }


def machine() -> str:
    """Return the name of the processor, or of the GPU where there is one."""
    if device().type == "cuda":
        import torch  # noqa: PLC0415

        return str(torch.cuda.get_device_name())
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(": ")[2] for line in text.splitlines() if "model name" in line]
    return named[0].strip() if named else platform.machine()


class Meter:
    """CPU seconds of all attempts at an item, also of those that were killed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path.resolve()
        self.before = _read_number(self.path)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Meter":
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self._thread.join()

    def mark(self) -> float:
        """Return the CPU seconds so far."""
        return self.before + time.process_time()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            with atomic_path(self.path) as temporary:
                temporary.write_text(json.dumps(self.mark()))


def _read_number(path: Path) -> float:
    try:
        return float(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0.0


if __name__ == "__main__":
    run(
        main,
        [
            ("arm", "budget/variant of studies/claims.yaml"),
            ("seed", f"of the training, or {PREPARE}"),
            ("--archive", "path of the photos, in the place of the one in studies/claims.yaml"),
        ],
    )
