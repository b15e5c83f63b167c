"""Measure the metrics against the usual packages, in CPU seconds on the same features or networks.

Run: ``make bench-metrics`` or ``python benchmarks/metrics.py [--small]`` with ``src`` on the path.

The two sides of a pair take turns, so that other work on the machine strikes both; what is printed
is the median over the rounds and the median of the rounds' ratios. Weights and features are random:
they decide no time. Our side keeps freed memory, as every stage does; the other gives it back to
the system, the default. ``--small`` takes sizes that fit a busy machine and says so.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import torch

from bestseller.backbones import Backbone
from bestseller.backbones.networks import architecture, without_classifier
from bestseller.backbones.vision import lpips
from bestseller.compute import autocast, keep_freed_memory, prepare, to_signed
from bestseller.metrics.frechet import frechet_distance, frechet_distance_from_features
from bestseller.metrics.perceptual import perceptual_diversity, perceptual_embedding

DIMENSIONS = 2048  # of Inception's features
THREADS = 2


def pair(
    name: str, ours: Callable[[], Any], other: Callable[[], Any], rounds: int, target: str = ""
) -> None:
    """Print the CPU seconds of two calls in alternation, and their ratio."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, spent, keep in zip((ours, other), seconds, (True, False), strict=True):
            keep_freed_memory(keep)
            started = time.process_time()
            call()
            spent.append(time.process_time() - started)
    ratio = statistics.median(b / a for a, b in zip(*seconds, strict=True))
    mine, theirs = (statistics.median(spent) for spent in seconds)
    print(
        f"{name}: {mine:.3g} s against {theirs:.3g} s, {ratio:.2f} times less"
        f"{f' (target {target})' if target else ''}, median of {rounds}",
        flush=True,
    )


def features(count: int, seed: int) -> np.ndarray:
    """Return features with a falling spectrum, float64 count x 2,048, all positive."""
    rng = np.random.default_rng(seed)
    scale = np.linspace(1, DIMENSIONS, DIMENSIONS) ** -0.7 * 3
    return np.logaddexp(0, rng.standard_normal((count, DIMENSIONS)) * scale + 0.02 * seed)


def by_sqrtm(mu1: np.ndarray, s1: np.ndarray, mu2: np.ndarray, s2: np.ndarray) -> float:
    """Return the Frechet distance as the usual packages compute it from moments."""
    root = scipy.linalg.sqrtm(s1 @ s2).real
    return float(np.square(mu1 - mu2).sum() + np.trace(s1 + s2 - 2 * root))


def moments(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance."""
    return table.mean(axis=0), np.cov(table, rowvar=False)


def bench_frechet(many: int, rounds: int) -> None:
    """Frechet distance at `many` images, and at 1,000, where there are fewer than features."""
    a, b = features(many, 0), features(many, 1)
    started = time.process_time()
    first = moments(a)
    print(f"covariance of {many} x {DIMENSIONS}: {time.process_time() - started:.3g} s (target 10)")
    given = (*first, *moments(b))
    print(f"  distances {frechet_distance(*given):.10g} and {by_sqrtm(*given):.10g}")
    name = f"Frechet distance from moments of {many} images, scipy.linalg.sqrtm"
    pair(name, lambda: frechet_distance(*given), lambda: by_sqrtm(*given), rounds, "10")
    a, b = a[:1000], b[:1000]
    pair(
        "Frechet distance from 1,000 images' features, scipy.linalg.sqrtm",
        lambda: frechet_distance_from_features(a, b),
        lambda: by_sqrtm(*moments(a), *moments(b)),
        rounds,
        "40",
    )


def random_pixels(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


def bench_lpips(count: int, rounds: int) -> None:
    """Mean LPIPS over pairs of `count` images: each in many pairs, and each in one."""
    package: Any = lpips.LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False).eval()
    backbone = Backbone("alexnet", "imagenet", without_classifier(architecture("alexnet").build()))
    images = random_pixels(count)
    signed = to_signed(torch.from_numpy(images)).contiguous()
    pairs = 5 * count

    def theirs(pairs: int) -> None:
        rng = np.random.default_rng(0)
        with torch.inference_mode():
            for _ in range(0, pairs, 64):
                left, right = rng.integers(0, count, (2, 64))
                package(signed[left], signed[right])

    def ours() -> None:
        perceptual_diversity(
            backbone, images, pairs=pairs, precision="auto", seed=0, progress="ours"
        )

    def each_once() -> None:
        with torch.inference_mode(), autocast("auto"):
            for batch in signed.split(128):
                embedding = perceptual_embedding(backbone.taps(batch))
                (embedding[0::2] - embedding[1::2]).square().sum(1)

    name = f"LPIPS of {pairs} pairs of {count} images, lpips package"
    pair(name, ours, lambda: theirs(pairs), rounds, "4")
    name = f"LPIPS of {count // 2} pairs, each image in one, lpips package"
    pair(name, each_once, lambda: theirs(count // 2), rounds, "1.5")


def bench_inception(count: int, rounds: int) -> None:
    """Inception-v3's features of `count` images against the plain loop, both in fp32."""
    network = without_classifier(architecture("inception_v3").build()).eval()
    plain = without_classifier(architecture("inception_v3").build()).eval()
    plain.load_state_dict(network.state_dict())
    backbone = Backbone("inception_v3", "imagenet", network)
    images = random_pixels(count)

    def loop() -> None:
        with torch.inference_mode():
            for start in range(0, count, 64):
                batch = to_signed(torch.from_numpy(images[start : start + 64])).contiguous()
                plain(torch.nn.functional.interpolate(batch, (299, 299), mode="bilinear"))

    name = f"Inception-v3 features of {count} images, the plain loop"
    pair(name, lambda: backbone.features(images), loop, rounds, "2")


def main() -> None:
    """Print a line for each pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="smaller sizes, one round")
    small = parser.parse_args().small
    prepare(THREADS, 0)
    frechet_distance_from_features(features(100, 0), features(100, 1))  # start the thread pools
    print(f"torch {torch.__version__}, {THREADS} threads{', small sizes' if small else ''}")
    rounds = 1 if small else 3
    bench_lpips(128 if small else 640, 3 if small else 5)
    bench_inception(32 if small else 128, rounds)
    bench_frechet(5_000 if small else 50_000, rounds)


if __name__ == "__main__":
    main()
