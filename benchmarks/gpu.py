"""What one GPU does: steps against the public example's, features, the profile `studio`.

Run: ``benchmarks/gpu.sh [minutes of the studio training]``. It writes gpu.json and studio.png to
$OUT, else to .scratch/gpu. ``python benchmarks/gpu.py --small`` rehearses it on any machine.

- The steps of a GAN take turns with those of the example in one process: a GPU's allocator is that
  of PyTorch for both. Medians over rounds, of 20 steps each, the device waited for at both ends.
- The share of the peak is that of a large bfloat16 matrix product on the same card in this run.
- `studio`: the photos of the embedded shop at 256 pixels are drawn here; the blend autoencoder is
  trained on them with the profile's settings for the minutes given. The picture shows photos in the
  first row and designs below.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from arms import Step, synchronise, timed
from torch.nn import functional as F
from train_step import example_step, features_step, flops, our_step

from bestseller.backbones import Backbone, FeatureSpace, extract
from bestseller.backbones.networks import architecture, without_classifier
from bestseller.backbones.weights import published_backbone
from bestseller.base.compute import configure_torch, device
from bestseller.demo.render import render
from bestseller.demo.shop import DemoShop
from bestseller.demo.world import Product
from bestseller.gans.conditions import Conditions
from bestseller.gans.gan import Shape
from bestseller.gans.pictures import sample_grid
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, TrainedGenerator
from bestseller.images.align import align
from bestseller.metrics.frechet import Gaussian
from bestseller.params import PARAMS_FILE, Params, load_params, read_yaml
from bestseller.study.claims import overlaid
from bestseller.training.batches import Batches
from bestseller.training.monitor import Monitor
from bestseller.training.trainer import Plan, Trainer

PARTS = ("steps", "blend", "studio", "features", "constraint")
SMALL = False
ROUNDS, REPEATS, MATRIX, COPIED, MANY = 3, 20, 8192, 2**30, 50_000
PROFILE = Path("profiles/studio.yaml")
Found = dict[str, Any]


def ceilings() -> Found:
    """Measure the card: matrix product, copy, a large convolution."""
    a, b = (torch.randn(MATRIX, MATRIX, device=device(), dtype=torch.bfloat16) for _ in range(2))
    product = 2 * MATRIX**3 / seconds_of(lambda: a @ b) / 1e12
    source = torch.empty(COPIED, dtype=torch.uint8, device=device())
    target = torch.empty_like(source)
    moved = 2 * COPIED / seconds_of(lambda: target.copy_(source)) / 1e12
    layout = {"device": device(), "dtype": torch.bfloat16}
    count = 1 if SMALL else 128
    x = torch.randn(count, 256, 32, 32, **layout).contiguous(memory_format=torch.channels_last)
    w = torch.randn(256, 256, 3, 3, **layout).contiguous(memory_format=torch.channels_last)
    work = 2 * count * 256 * 256 * 9 * 32 * 32
    convolved = work / seconds_of(lambda: F.conv2d(x, w, padding=1)) / 1e12
    return {"matmul_tflops": product, "copy_tb_s": moved, "convolution_tflops": convolved}


def seconds_of(step: Step, repeats: int = REPEATS) -> float:
    """Return the median seconds of a step."""
    for _ in range(1 if SMALL else 5):
        step()
    return statistics.median(timed(step, repeats) for _ in range(ROUNDS))


def compare(name: str, batch: int, arms: dict[str, Step], work: float, peak: float) -> Found:
    """Time steps in turn; return images a second, ratios to the first, shares of the peak."""
    for step in arms.values():
        for _ in range(2 if SMALL else 8):  # three steps before a recording, and some after
            step()
    rounds: dict[str, list[float]] = {arm: [] for arm in arms}
    for _ in range(ROUNDS):
        for arm, step in arms.items():
            rounds[arm].append(timed(step, REPEATS))
    found: Found = {"batch": batch, "gflop_an_image": work}
    first = statistics.median(next(iter(rounds.values())))
    for arm, seconds in rounds.items():
        median = statistics.median(seconds)
        found[arm] = {
            "ms": 1e3 * median,
            "range_ms": [1e3 * min(seconds), 1e3 * max(seconds)],
            "images_s": batch / median,
            "times_the_first": first / median,
            "share_of_peak": work * batch / median / 1e3 / peak,
        }
        ours = found[arm]
        print(
            f"{name:34} {arm:22} {ours['ms']:8.2f} ms {ours['images_s']:10.0f} img/s "
            f"{ours['times_the_first']:6.2f}x {ours['share_of_peak']:6.1%} of peak",
            flush=True,
        )
    return found


def steps(peak: float) -> Found:
    """Time the GANs' steps."""
    found: Found = {}
    cases = {
        "dcgan 64": ("dcgan", 128, {"width": 64}),
        "pggan 64, paper": ("pggan", 128, {"fmap_base": 8192, "fmap_max": 512, "phases": []}),
        "pggan 64, demo": ("pggan", 16, {}),
        "d2gan 64": ("d2gan", 128, {"width": 64}),
        "vanilla 64": ("vanilla", 128, {"width": 1024}),
        "dcgan 64, demo": ("dcgan", 16, {}),
    }
    for name, (gan, batch, settings) in cases.items():
        if SMALL:
            batch, settings = 4, {key: 8 for key in settings if key != "phases"}
        make = partial(our_step, gan, batch, "auto", **settings)
        work = flops(make(recorded=False), batch)
        arms: dict[str, Step] = {}
        if name == "dcgan 64":
            arms["the public example"] = example_step(batch)
            arms["ours, fp32, one by one"] = our_step(
                gan, batch, "fp32", recorded=False, **settings
            )
        arms |= {"ours, one by one": make(recorded=False), "ours, recorded": make()}
        found[name] = compare(name, batch, arms, work, peak)
        torch.cuda.empty_cache()
    return found


def draw_photos(size: int, count: int) -> tuple[np.ndarray, list[Product]]:
    """Draw photos of the embedded shop's products, uint8 N x size x size x 3."""
    products = DemoShop(1.0, 0).products[:count]
    parts = [products[start : start + 32] for start in range(0, len(products), 32)]
    workers = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        images = np.concatenate(list(pool.map(partial(_draw, size), parts)))
    return images, products


def _draw(size: int, products: list[Product]) -> np.ndarray:
    settings = load_params().images
    photos = [
        align(render(p.watch, 2 * size, shot=p.shot), size, settings.fill, settings.max_aspect)
        for p in products
    ]
    return np.stack([np.asarray(photo) for photo in photos])


def blend_trainer(params: Params, images: np.ndarray, products: list[Product]) -> Trainer:
    """Return a trainer of the blend autoencoder on photos."""
    configure_torch(params.threads, 0)
    index = pd.DataFrame({"sku": [p.sku for p in products], "line": [p.line for p in products]})
    index["view"] = "front"
    conditions = Conditions.of(index)
    shared, settings = params.train, params.train.blend
    network = gan_class("blend")
    z_dim = network.z_dim(settings, shared, len(images))
    shape = Shape(images.shape[1], z_dim, len(conditions.lines))
    batches = Batches(
        images,
        conditions.numbers(list(index["line"]), list(index["view"])),
        batch_size=settings.batch_size,
        z_dim=z_dim,
        sampling=shared.sampling,
        seed=0,
    )
    model = network(settings, shape)
    model.fit(images, index)
    plan = Plan("blend-plain-0", shared, settings, len(images))
    monitor = Monitor(batches.latents(1), np.zeros(1, np.int64), 1.0, plan.epochs)
    return Trainer(
        model,
        plan,
        batches,
        constraint=None,
        checkpoint=None,  # type: ignore[arg-type]
        monitor=monitor,
    )


def blend_steps(params: Params, images: np.ndarray, products: list[Product], peak: float) -> Found:
    """Time the blend autoencoder's steps at 64, 128 and 256 pixels."""
    found: Found = {}
    for size in (64, 128, 256):
        small = images.reshape(len(images), size, 256 // size, size, 256 // size, 3)
        small = small[:2000].mean(axis=(2, 4)).round().astype(np.uint8)
        trainer = blend_trainer(params, small, products[:2000])
        batch = trainer.plan.settings.batch_size
        trainer.recorder, recorder = None, trainer.recorder
        work = flops(partial(step_of, trainer), batch)
        arms: dict[str, Step] = {"one by one": partial(step_of, trainer, None)}
        arms["recorded"] = partial(step_of, trainer, recorder)
        found[str(size)] = compare(
            f"blend {size}, width {trainer.plan.settings.width}", batch, arms, work, peak
        )
        del trainer, arms, recorder
        torch.cuda.empty_cache()
    return found


def step_of(trainer: Trainer, recorder: Any = None) -> None:
    """Run the next step of a trainer."""
    trainer.recorder = recorder
    trainer._train_step(trainer.batches[trainer.step])
    trainer.step += 1


def features(images: np.ndarray) -> Found:
    """Time the features of many images of 64 pixels and their Frechet distance."""
    count = MANY
    small = images[:, ::4, ::4].copy()
    many = small[np.random.default_rng(0).integers(0, len(small), count)]
    inception = architecture("inception_v3")
    networks = {
        "efficientnet_lite1, 144 px": FeatureSpace(
            published_backbone("efficientnet_lite1", Path("weights")), (), 144
        ),
        "inception_v3, random weights": FeatureSpace(
            Backbone("inception_v3", "imagenet", without_classifier(inception.build())), (), 0
        ),
    }
    found: Found = {}
    for name, space in networks.items():
        for precision in ("fp32",) if SMALL or "inception" in name else ("fp32", "auto"):
            extract([space], many[:1000], precision=precision)
            synchronise()
            begun = time.perf_counter()
            (table,) = extract([space], many, precision=precision)
            seconds = time.perf_counter() - begun
            found[f"{name}, {precision}"] = {"seconds": seconds, "images_s": count / seconds}
            print(f"features of {count} images, {name}, {precision}: {seconds:.1f} s", flush=True)
        begun = time.perf_counter()
        half = count // 2
        distance = Gaussian.of(table[:half]).distance(Gaussian.of(table[half:]))
        seconds = time.perf_counter() - begun
        found[f"{name}, distance"] = {"seconds": seconds, "value": distance}
        print(f"Frechet distance, {table.shape[1]} features: {seconds:.1f} s", flush=True)
    return found


def studio(
    params: Params, images: np.ndarray, products: list[Product], minutes: float, folder: Path
) -> Found:
    """Train the profile for some minutes; draw designs."""
    begun = time.perf_counter()
    trainer = blend_trainer(params, images, products)
    fitted = time.perf_counter() - begun
    plan = trainer.plan
    begun = time.perf_counter()
    while trainer.step < plan.steps and time.perf_counter() - begun < 60 * minutes:
        trainer.monitor.add(trainer._train_step(trainer.batches[trainer.step]))
        trainer.step += 1
        if trainer.step % 50 == 0:
            synchronise()
            losses = {k: float(v) / 50 for k, v in trainer.monitor._sums.items()}
            trainer.monitor._sums.clear()
            if trainer.step % 500 == 0:
                spent = time.perf_counter() - begun
                print(f"studio: step {trainer.step} of {plan.steps}, {spent:.0f} s, {losses}")
    synchronise()
    seconds = time.perf_counter() - begun
    found = {
        "photos": len(images),
        "fit_seconds": fitted,
        "steps": trainer.step,
        "steps_wanted": plan.steps,
        "train_seconds": seconds,
        "images_s": trainer.step * plan.settings.batch_size / seconds,
        "whole_minutes": (fitted + seconds * plan.steps / trainer.step) / 60,
        "peak_memory_gib": torch.cuda.max_memory_allocated() / 2**30,
    }
    print(f"studio: {found}", flush=True)
    lines = sorted({product.line for product in products})
    shape = {key: value for key, value in vars(shape_of(trainer, images, lines)).items() if value}
    config = Config(
        plan.name, "blend", plan.settings.model_dump(), shape, {line: ["front"] for line in lines}
    )
    generator = TrainedGenerator(config, trainer.average.network, "", trainer.gan.codes())
    cells = [line for _ in range(4) for line in lines[:8]]
    begun = time.perf_counter()
    designs = generator.images(generator.draw(cells, 1).latents, cells)
    found["seconds_of_32_designs"] = time.perf_counter() - begun
    reals = [next(i for i, p in enumerate(products) if p.line == line) for line in lines[:8]]
    sample_grid(np.concatenate([images[reals], designs]), lines[:8]).save(folder / "studio.png")
    return found


def shape_of(trainer: Trainer, images: np.ndarray, lines: list[str]) -> Shape:
    return Shape(images.shape[1], trainer.batches.z_dim, len(lines))


def main() -> None:
    """Measure all; write it down after each part, so that a call cut off leaves what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="of the studio training")
    parser.add_argument("--photos", type=int, default=5000, help="of the studio training")
    parser.add_argument("--parts", default=",".join(PARTS), help="which of these are measured")
    parser.add_argument("--small", action="store_true", help="tiny sizes: a rehearsal")
    options = parser.parse_args()
    settings = overlaid(read_yaml(PARAMS_FILE), read_yaml(PROFILE))
    if options.small:
        globals().update(SMALL=True, ROUNDS=1, REPEATS=1, MATRIX=256, COPIED=2**20, MANY=64)
        options.photos, options.minutes = 40, 0.1
        settings["train"]["blend"] |= {"width": 8, "low": 8, "high": 20, "batch_size": 4}
    params = Params.model_validate(settings)
    folder = Path(os.environ.get("OUT") or ".scratch/gpu")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = options.parts.split(",")
    if {"blend", "studio", "features"} & set(wanted):
        begun = time.perf_counter()
        images, products = draw_photos(256, options.photos)
        print(f"{len(images)} photos drawn in {time.perf_counter() - begun:.0f} s", flush=True)
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    found: Found = {"device": name, "torch": torch.__version__, "cuda": torch.version.cuda}
    found["ceilings"] = ceilings()
    print(found["ceilings"], flush=True)
    parts: dict[str, Callable[[], Found]] = {
        "steps": lambda: steps(found["ceilings"]["matmul_tflops"]),
        "blend": lambda: blend_steps(params, images, products, found["ceilings"]["matmul_tflops"]),
        "studio": lambda: studio(params, images, products, options.minutes, folder),
        "features": lambda: features(images),
        "constraint": lambda: {
            "vgg16_relu3_3_ms": 0.0 if SMALL else 1e3 * seconds_of(features_step("auto", True)),
        },
    }
    for part in wanted:
        begun = time.perf_counter()
        found[part] = parts[part]()
        print(f"-- {part}: {time.perf_counter() - begun:.0f} s", flush=True)
        (folder / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
