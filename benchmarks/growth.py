"""Measure how time and memory of the steps that compare images grow with the number of products.

Run: ``python -m benchmarks.growth [--images 1000 10000] [--steps duplicates ...]`` with ``src`` on
the path. Images are drawn from the principal components of rendered watches, with one in twenty a
near-duplicate of another; features of 1,280 numbers follow from them. Each step runs in a process
of its own, as a stage would: CPU seconds, microseconds an item, and the peak of memory beyond what
the inputs take. `evaluated` is the number of generated images, which the settings tell and the
catalogue does not.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import psutil

from bestseller.demo.render import render
from bestseller.demo.world import make_products
from bestseller.images.align import align
from bestseller.images.duplicates import find_clusters
from bestseller.metrics.frechet import frechet_distance_from_features
from bestseller.metrics.kernel_distance import kid
from bestseller.metrics.novelty import NoveltyTest
from bestseller.metrics.prdc import precision_recall_density_coverage

SIDE, FEATURES, COMPONENTS, RENDERED = 32, 128, 48, 150
EVALUATED = 1000
PART = 4096  # images drawn at a time


def draw_images(count: int, seed: int = 0) -> np.ndarray:
    """Return images of a catalogue, uint8 N x 32 x 32 x 3."""
    products = make_products(0.03, 7, 1)[:RENDERED]
    photos = [render(each.watch, 128, shot=each.shot) for each in products]
    watches = np.stack([np.asarray(align(photo, SIDE, 0.9)) for photo in photos]).reshape(
        len(photos), -1
    )
    mean = watches.mean(axis=0, dtype=np.float32)
    _, sizes, axes = np.linalg.svd(watches - mean, full_matrices=False)
    spread = (sizes[:COMPONENTS, None] * axes[:COMPONENTS] / len(watches) ** 0.5).astype(np.float32)
    rng = np.random.default_rng(seed)
    images = np.empty((count, mean.size), dtype=np.uint8)
    for start in range(0, count, PART):
        latent = rng.normal(size=(min(PART, count - start), COMPONENTS)).astype(np.float32)
        images[start : start + PART] = np.clip(latent @ spread + mean, 0, 255)
    copies = rng.permutation(count)[: count // 20]
    originals = rng.permutation(count)[: count // 20]
    noise = rng.integers(-2, 3, (len(copies), mean.size))
    images[copies] = np.clip(images[originals] + noise, 0, 255)
    return images.reshape(count, SIDE, SIDE, 3)


def draw_features(count: int, seed: int) -> np.ndarray:
    """Return features with a spectrum that falls as that of a network's, float32 N x 128."""
    falling = (1 / np.sqrt(np.arange(1, FEATURES + 1))).astype(np.float32)
    return np.random.default_rng(seed).standard_normal((count, FEATURES), np.float32) * falling


def steps(count: int) -> dict[str, Callable[[], Callable[[], object]]]:
    """By name, what draws a step's inputs and returns the step itself."""

    def duplicates() -> Callable[[], object]:
        images, names = draw_images(count), [f"w{i}" for i in range(count)]
        return lambda: find_clusters(images, 6.0, names)

    def novelty() -> Callable[[], object]:
        known, new, held = draw_features(count, 0), draw_features(EVALUATED, 1), count // 5
        designs = np.arange(count - held)

        def step() -> object:
            test = NoveltyTest.fit(known[held:], designs, known[:held])
            return test.neighbours(new)

        return step

    def against(measure: Callable[[np.ndarray, np.ndarray], object]) -> Callable[[], object]:
        real, made = draw_features(count, 0), draw_features(EVALUATED, 1)
        return lambda: measure(real, made)

    return {
        "duplicates": duplicates,
        "novelty": novelty,
        "prdc": lambda: against(precision_recall_density_coverage),
        "kid": lambda: against(kid),
        "frechet": lambda: against(frechet_distance_from_features),
    }


def measure(name: str, count: int) -> None:
    """Print CPU seconds and the peak of memory beyond the inputs, MiB."""
    step = steps(count)[name]()
    process, peak, done = psutil.Process(), [0], threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    begun = time.process_time()
    step()
    took = time.process_time() - begun
    done.set()
    watcher.join()
    print(f"{took} {(max(peak[0], before) - before) / 2**20}")


def main() -> None:
    """Print a row for each step and number of images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--steps", nargs="+", default=list(steps(0)))
    parser.add_argument("--one", nargs=2, metavar=("STEP", "IMAGES"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        measure(asked.one[0], int(asked.one[1]))
        return
    print("| Step | Images | CPU s | us an image | Peak MiB |\n|---|---|---|---|---|")
    for name in asked.steps:
        for count in asked.images:
            command = [sys.executable, "-m", "benchmarks.growth", "--one", name, str(count)]
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            run = subprocess.run(
                command, check=True, env=environment, stdout=subprocess.PIPE, text=True
            )
            took, peak = map(float, run.stdout.split())
            each = 1e6 * took / count
            print(f"| {name} | {count:,} | {took:.2f} | {each:.0f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
