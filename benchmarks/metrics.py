"""Measure the metrics against the usual packages, in CPU seconds on the same features or networks.

Run: ``make bench-metrics`` or ``python benchmarks/metrics.py [--small]`` with ``src`` on the path.

The two sides of a pair take turns, each in a process of its own, so that other work on the machine
strikes both; what is printed is the median over the rounds and the median of the rounds' ratios.
Weights and features are random: they decide no time. Our side keeps freed memory, as every stage
does; the other has the allocator as it comes. ``--small`` takes sizes that fit a busy machine and
says so.
"""

import argparse
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.linalg
import torch
from arms import CPU, Arm, Step, alternate, medians, timed

from bestseller.backbones import Backbone
from bestseller.backbones.networks import architecture, without_classifier
from bestseller.backbones.vision import lpips
from bestseller.base.compute import autocast, configure_torch, to_signed
from bestseller.metrics.frechet import frechet_distance, frechet_distance_from_features
from bestseller.metrics.perceptual import perceptual_diversity, perceptual_embedding

DIMENSIONS = 2048  # of Inception's features
FEW = 1_000
THREADS = 2
Make = Callable[[], Step]


def pair(name: str, ours: Make, other: Make, rounds: int, target: str = "") -> None:
    """Print the CPU seconds of two calls in alternation, and their ratio."""
    arms = {"ours": Arm(ours, keep=True), "other": Arm(other, keep=False)}
    seconds = alternate(arms, threads=THREADS, rounds=rounds, repeats=1, clock=CPU)
    ratio = statistics.median(b / a for a, b in zip(*seconds.values(), strict=True))
    median = medians(seconds)
    print(
        f"{name}: {median['ours']:.3g} s against {median['other']:.3g} s, {ratio:.2f} times less"
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


def frechet_ours(count: int) -> Step:
    """Our distance of two sets, from moments or, of at most 1,000 images, from features."""
    a, b = features(count, 0), features(count, 1)
    if count <= FEW:
        return lambda: frechet_distance_from_features(a, b)
    given = (*moments(a), *moments(b))
    return lambda: frechet_distance(*given)


def frechet_other(count: int) -> Step:
    """The usual distance; of at most 1,000 images with the moments, as ours has them within."""
    a, b = features(count, 0), features(count, 1)
    if count <= FEW:
        return lambda: by_sqrtm(*moments(a), *moments(b))
    given = (*moments(a), *moments(b))
    return lambda: by_sqrtm(*given)


def bench_frechet(many: int, rounds: int) -> None:
    """Frechet distance at `many` images, and at 1,000, where there are fewer than features."""
    seconds = timed(partial(moments, features(many, 0)), 1, CPU)
    print(f"covariance of {many} x {DIMENSIONS}: {seconds:.3g} s (target 10)")
    for count, source, target in ((many, "moments", "10"), (FEW, "features", "40")):
        ours, other = frechet_ours(count)(), frechet_other(count)()
        print(f"  distances {ours:.10g} and {other:.10g}")
        name = f"Frechet distance from {source} of {count} images, scipy.linalg.sqrtm"
        pair(name, partial(frechet_ours, count), partial(frechet_other, count), rounds, target)


def random_pixels(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


def signed_pixels(count: int) -> torch.Tensor:
    return to_signed(torch.from_numpy(random_pixels(count))).contiguous()


def lpips_backbone() -> Backbone:
    return Backbone("alexnet", "imagenet", without_classifier(architecture("alexnet").build()))


def lpips_ours(count: int, pairs: int) -> Step:
    """Mean LPIPS over pairs of `count` images, each in many."""
    backbone, images = lpips_backbone(), random_pixels(count)
    return lambda: perceptual_diversity(
        backbone, images, pairs=pairs, precision="auto", seed=0, progress=""
    )


def lpips_each_once(count: int) -> Step:
    """LPIPS of the first image and the second, the third and the fourth, and so on."""
    backbone, signed = lpips_backbone(), signed_pixels(count)

    def step() -> None:
        with torch.inference_mode(), autocast("auto"):
            for batch in signed.split(128):
                embedding = perceptual_embedding(backbone.taps(batch))
                (embedding[0::2] - embedding[1::2]).square().sum(1)

    return step


def lpips_package(count: int, pairs: int) -> Step:
    """As many pairs by the lpips package."""
    package: Any = lpips.LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False).eval()
    signed = signed_pixels(count)

    def step() -> None:
        rng = np.random.default_rng(0)
        with torch.inference_mode():
            for _ in range(0, pairs, 64):
                left, right = rng.integers(0, count, (2, 64))
                package(signed[left], signed[right])

    return step


def bench_lpips(count: int, rounds: int) -> None:
    """Mean LPIPS over pairs of `count` images: each in many pairs, and each in one."""
    pairs = 5 * count
    name = f"LPIPS of {pairs} pairs of {count} images, lpips package"
    ours = partial(lpips_ours, count, pairs)
    pair(name, ours, partial(lpips_package, count, pairs), rounds, "4")
    name = f"LPIPS of {count // 2} pairs, each image in one, lpips package"
    ours = partial(lpips_each_once, count)
    pair(name, ours, partial(lpips_package, count, count // 2), rounds, "1.5")


def inception_ours(count: int) -> Step:
    """Inception-v3's features of `count` images, in fp32."""
    network = without_classifier(architecture("inception_v3").build()).eval()
    backbone, images = Backbone("inception_v3", "imagenet", network), random_pixels(count)
    return lambda: backbone.features(images)


def inception_loop(count: int) -> Step:
    """The plain loop over the same network, in fp32."""
    network = without_classifier(architecture("inception_v3").build()).eval()
    images = random_pixels(count)

    def step() -> None:
        with torch.inference_mode():
            for start in range(0, count, 64):
                batch = to_signed(torch.from_numpy(images[start : start + 64])).contiguous()
                network(torch.nn.functional.interpolate(batch, (299, 299), mode="bilinear"))

    return step


def bench_inception(count: int, rounds: int) -> None:
    """Inception-v3's features against the plain loop."""
    name = f"Inception-v3 features of {count} images, the plain loop"
    pair(name, partial(inception_ours, count), partial(inception_loop, count), rounds, "2")


def main() -> None:
    """Print a line for each pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="smaller sizes, one round")
    small = parser.parse_args().small
    configure_torch(THREADS, 0)
    frechet_distance_from_features(features(100, 0), features(100, 1))  # start the thread pools
    print(f"torch {torch.__version__}, {THREADS} threads{', small sizes' if small else ''}")
    rounds = 1 if small else 3
    bench_lpips(128 if small else 640, 3 if small else 5)
    bench_inception(32 if small else 128, rounds)
    bench_frechet(5_000 if small else 50_000, rounds)


if __name__ == "__main__":
    main()
