"""Images a second of one training step, against plain fp32 steps, in alternation in one process.

Run: ``make bench-train``, or ``python benchmarks/train_step.py [--rounds 7]``, ``src`` on the path.

The plain DCGAN step is that of the widely used PyTorch example, written out below with its layers
and sizes: sigmoid and BCELoss, fp32, NCHW, D's weight gradients computed in the G step too. Ours is
the trainer's step on the same sizes (batch 128, 64 x 64, width 64, no conditioning, no
augmentation). Each plain step gives freed memory back to the system, as glibc does by default; ours
keeps it, as `compute.prepare` sets it. Rounds alternate; medians and ratios of medians are printed.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from bestseller import params
from bestseller.backbones import empty_feature_stack
from bestseller.compute import autocast, device, has_bf16, keep_freed_memory, place, prepare
from bestseller.gans.batches import Batches
from bestseller.gans.centroid import CentroidConstraint
from bestseller.gans.gan import Gan, Shape
from bestseller.gans.parallel import Draws
from bestseller.gans.registry import gan_class
from bestseller.gans.trainer import Plan, Trainer

SIZE, Z = 64, 100
SHAPE = Shape(SIZE, Z, 0)
Step = Callable[[], object]


def example_generator(width: int = 64) -> nn.Sequential:
    """The generator of the example."""
    layers: list[nn.Module] = [nn.ConvTranspose2d(Z, width * 8, 4, 1, 0, bias=False)]
    for before, after in ((8, 4), (4, 2), (2, 1)):
        layers += [nn.BatchNorm2d(width * before), nn.ReLU(True)]
        layers += [nn.ConvTranspose2d(width * before, width * after, 4, 2, 1, bias=False)]
    layers += [nn.BatchNorm2d(width), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())


def example_discriminator(width: int = 64) -> nn.Sequential:
    """The discriminator of the example."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for before, after in ((1, 2), (2, 4), (4, 8)):
        layers += [nn.Conv2d(width * before, width * after, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(width * after), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*layers, nn.Conv2d(width * 8, 1, 4, 1, 0, bias=False), nn.Sigmoid())


def example_step(batch: int) -> Step:
    """The example's step."""
    g, d, bce = example_generator().to(device()), example_discriminator().to(device()), nn.BCELoss()
    optimisers = [torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in (d, g)]
    real = torch.rand(batch, 3, SIZE, SIZE, device=device()) * 2 - 1

    def step() -> None:
        d.zero_grad()
        ones, zeros = torch.ones(batch, device=device()), torch.zeros(batch, device=device())
        bce(d(real).view(-1), ones).backward()
        fake = g(torch.randn(batch, Z, 1, 1, device=device()))
        bce(d(fake.detach()).view(-1), zeros).backward()
        optimisers[0].step()
        g.zero_grad()
        bce(d(fake).view(-1), ones).backward()
        optimisers[1].step()

    return step


def plain_step(name: str, batch: int, **settings: Any) -> Step:
    """A GAN's own step without any of the trainer's means: fp32, NCHW, nothing frozen."""
    gan, _ = make(name, batch, **settings)
    gan.to(device())
    optimisers = [
        torch.optim.Adam(n.parameters(), 2e-4) for n in (gan.discriminator, gan.generator)
    ]
    real = torch.rand(batch, 3, SIZE, SIZE, device=device()) * 2 - 1
    lines, random = torch.zeros(batch, dtype=torch.int64, device=device()), Draws(torch.Generator())

    def step() -> None:
        fake = gan.generator(torch.randn(batch, Z, device=device()), lines)
        optimisers[0].zero_grad()
        gan.discriminator_loss(real, fake.detach(), lines, random)[0].backward()
        optimisers[0].step()
        optimisers[1].zero_grad()
        gan.generator_loss(fake, lines)[0].backward()
        optimisers[1].step()

    return step


def make(name: str, batch: int, **settings: Any) -> tuple[Gan, params.Gan]:
    """Return a GAN and its settings."""
    section = getattr(params.load_params().train, name)
    section = section.model_copy(update={"batch_size": batch} | settings)
    return gan_class(name)(section, SHAPE), section


def our_step(
    name: str,
    batch: int,
    precision: str,
    constraint: CentroidConstraint | None = None,
    **settings: Any,
) -> Step:
    """The trainer's step."""
    gan, section = make(name, batch, **settings)
    shared = params.load_params().train
    shared = shared.model_copy(update={"precision": precision, "diffaugment": []})
    images = torch.randint(0, 256, (4 * batch, SIZE, SIZE, 3), dtype=torch.uint8).numpy()
    batches = Batches(
        images,
        torch.zeros(4 * batch).numpy(),
        batch_size=batch,
        z_dim=Z,
        sampling="proportional",
        seed=0,
    )
    trainer = Trainer(
        gan,
        Plan(f"{name}-plain-0", shared, section, 4 * batch),
        batches,
        constraint=constraint,
        checkpoint=None,  # type: ignore[arg-type]
        monitor=None,  # type: ignore[arg-type]
    )
    trainer.step = trainer.plan.steps - 1  # PGGAN's last phase
    return lambda: trainer._train_step(batches[trainer.step])


def features(precision: str, channels_last: bool) -> tuple[nn.Module, Step]:
    """VGG-16 up to relu3_3 on a batch of 128: forward, and backward to the images."""
    stack = empty_feature_stack("vgg16", 16)
    for parameter in stack.parameters():
        nn.init.normal_(parameter, 0.0, 0.02)
    stack.eval().requires_grad_(False).to(device())
    if channels_last:
        place(stack)
    images = torch.rand(128, 3, SIZE, SIZE, device=device(), requires_grad=True)
    layout = torch.channels_last if channels_last else torch.contiguous_format

    def step() -> None:
        with autocast(precision):
            stack(images.contiguous(memory_format=layout)).float().norm().backward()

    return stack, step


def compare(title: str, batch: int, arms: dict[str, tuple[Step, bool]], rounds: int) -> list[float]:
    """Time the arms in alternation; print images a second and ratios to the first arm."""
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(rounds + 1):
        for name, (step, keep) in arms.items():
            keep_freed_memory(keep)
            step()
            if device().type == "cuda":
                torch.cuda.synchronize()
            started = time.perf_counter()
            for _ in range(steps := 3):
                step()
            if device().type == "cuda":
                torch.cuda.synchronize()
            if number:  # the first round warms up
                seconds[name].append((time.perf_counter() - started) / steps)
    medians = [statistics.median(values) for values in seconds.values()]
    print(f"\n{title}")
    for name, median in zip(arms, medians, strict=True):
        print(f"  {name:34} {batch / median:8.1f} img/s   {medians[0] / median:5.2f}x", flush=True)
    return medians


class Anywhere:
    """Stands for the counter's tracker of modules, whose hooks a second derivative breaks."""

    parents = frozenset(["Global"])

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def flops(step: Step, batch: int) -> float:
    """GFLOP an image of one step."""
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = Anywhere()  # type: ignore[assignment]
    with counter:
        step()
    return counter.get_total_flops() / batch / 1e9


def best_convolution(precision: str) -> float:
    """Best GFLOP/s of a large convolution, forward, channels last."""
    x = torch.rand(64, 128, 32, 32, device=device()).contiguous(memory_format=torch.channels_last)
    weight = torch.rand(128, 128, 3, 3, device=device())
    work = 2 * 64 * 128 * 128 * 9 * 32 * 32 / 1e9
    best = 0.0
    with torch.inference_mode(), autocast(precision):
        for _ in range(10):
            started = time.perf_counter()
            F.conv2d(x, weight, padding=1)
            if device().type == "cuda":
                torch.cuda.synchronize()
            best = max(best, work / (time.perf_counter() - started))
    return best


def main() -> None:
    """Print every comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    settings = params.load_params()
    prepare(settings.threads, 0)
    best = {p: best_convolution(p) for p in ("fp32", "auto")}
    print(f"{device()}, {settings.threads} threads, bf16 in hardware: {has_bf16()}")
    print(f"best convolution: {best['fp32']:.0f} GFLOP/s fp32, {best['auto']:.0f} mixed")

    dcgan = {p: our_step("dcgan", 128, p, width=64) for p in ("fp32", "auto")}
    arms = {
        "the example, fp32 NCHW": (example_step(128), False),
        "ours, fp32": (dcgan["fp32"], True),
        "ours, mixed precision": (dcgan["auto"], True),
    }
    _, fp32, plain = compare("DCGAN, batch 128, width 64", 128, arms, rounds)
    work = flops(dcgan["fp32"], 128)
    print(f"  {work:.2f} GFLOP an image; share of the best convolution: ", end="")
    print(f"{128 * work / fp32 / best['fp32']:.0%} fp32, {128 * work / plain / best['auto']:.0%}")

    stack, vgg = features("auto", True)
    arms = {
        "VGG-16 relu3_3, fp32 NCHW": (features("fp32", False)[1], False),
        "VGG-16 relu3_3, ours": (vgg, True),
    }
    _, backbone = compare("The constraint's features, forward and backward", 128, arms, rounds)
    with torch.inference_mode():
        centre = torch.zeros_like(stack(torch.zeros(1, 3, SIZE, SIZE, device=device())))[0]
    constraint = CentroidConstraint(stack, centre, 0.0, 0.1, 1)
    step = our_step("dcgan", 128, "auto", constraint, width=64)
    arms = {"plain step": (dcgan["auto"], True), "step with the constraint": (step, True)}
    plain, constrained = compare("The centroid constraint at every step", 128, arms, rounds)
    print(f"  {constrained / (plain + backbone):.2f} of plain step + features alone")

    arms = {
        "plain, fp32 NCHW": (plain_step("vanilla", 128, width=1024), False),
        "ours, fp32": (our_step("vanilla", 128, "fp32", width=1024), True),
        "ours, mixed precision": (our_step("vanilla", 128, "auto", width=1024), True),
    }
    compare("Vanilla GAN, batch 128, width 1024", 128, arms, rounds)

    pggan = our_step("pggan", 16, "auto", fmap_base=2048)
    arms = {
        "plain, fp32 NCHW": (plain_step("pggan", 16, fmap_base=2048), False),
        "ours, mixed precision": (pggan, True),
    }
    _, grown = compare("PGGAN, 64 x 64 phase, batch 16, fmap_base 2048", 16, arms, rounds)

    d2gan = our_step("d2gan", 128, "auto", width=64)
    arms = {"DCGAN": (dcgan["auto"], True), "D2GAN": (d2gan, True)}
    one, two = compare("D2GAN's cost, width 64", 128, arms, rounds)
    print(f"  D2GAN / DCGAN: {two / one:.2f} in time, {flops(d2gan, 128) / work:.2f} in FLOPs")
    ratio = (grown / 16) / (one / 128)
    print(f"  PGGAN / DCGAN: {ratio:.1f} in time, {flops(pggan, 16) / work:.1f} in FLOPs")


if __name__ == "__main__":
    main()
