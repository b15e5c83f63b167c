"""Images a second of one training step against plain fp32 steps, in alternation.

Run: ``make bench-train``, or ``python benchmarks/train_step.py [--rounds 7]``, ``src`` on the path.

The plain DCGAN step is that of the widely used PyTorch example, written out below with its layers
and sizes: sigmoid and BCELoss, fp32, NCHW, D's weight gradients computed in the G step too. Ours is
the trainer's step on the same sizes (batch 128, 64 x 64, width 64, no conditioning, no
augmentation). Every arm has a process of its own: the plain ones with glibc's allocator as it
comes, ours keeping freed memory, as `compute.configure_torch` sets it; the example is also timed
with its memory kept, which tells what that alone is worth. Rounds alternate; medians and ratios of
medians are printed.
"""

import argparse
import time
from functools import partial
from typing import Any

import torch
from arms import Arm, Step, alternate, medians, synchronise
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from bestseller import params
from bestseller.backbones import empty_feature_stack
from bestseller.base.compute import autocast, configure_torch, device, has_bf16, place
from bestseller.centroid.centroids import Centroids
from bestseller.gans.batch import RandomGenerator
from bestseller.gans.gan import Gan, Shape
from bestseller.gans.registry import gan_class
from bestseller.training.batches import Batches
from bestseller.training.constraint import CentroidConstraint
from bestseller.training.trainer import Plan, Trainer

SIZE, Z = 64, 100
SHAPE = Shape(SIZE, Z, 0)


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
    optimizers = [torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in (d, g)]
    real = torch.rand(batch, 3, SIZE, SIZE, device=device()) * 2 - 1

    def step() -> None:
        torch.backends.cudnn.allow_tf32 = True  # as PyTorch comes
        d.zero_grad()
        ones, zeros = torch.ones(batch, device=device()), torch.zeros(batch, device=device())
        bce(d(real).view(-1), ones).backward()
        fake = g(torch.randn(batch, Z, 1, 1, device=device()))
        bce(d(fake.detach()).view(-1), zeros).backward()
        optimizers[0].step()
        g.zero_grad()
        bce(d(fake).view(-1), ones).backward()
        optimizers[1].step()
        torch.backends.cudnn.allow_tf32 = False

    return step


def plain_step(name: str, batch: int, **settings: Any) -> Step:
    """A GAN's own step without any of the trainer's means: fp32, NCHW, nothing frozen."""
    gan, _ = make(name, batch, **settings)
    gan.to(device())
    optimizers = [
        torch.optim.Adam(n.parameters(), 2e-4) for n in (gan.discriminator, gan.generator)
    ]
    real = torch.rand(batch, 3, SIZE, SIZE, device=device()) * 2 - 1
    lines, random = (
        torch.zeros(batch, dtype=torch.int64, device=device()),
        RandomGenerator(torch.Generator()),
    )

    def step() -> None:
        fake = gan.generator(torch.randn(batch, Z, device=device()), lines)
        optimizers[0].zero_grad()
        gan.discriminator_loss(real, fake.detach(), lines, random)[0].backward()
        optimizers[0].step()
        optimizers[1].zero_grad()
        gan.generator_loss(fake, lines)[0].backward()
        optimizers[1].step()

    return step


def make(name: str, batch: int, **settings: Any) -> tuple[Gan, params.GanSettings]:
    """Return a GAN and its settings."""
    section = getattr(params.load_params().train, name)
    section = section.model_copy(update={"batch_size": batch} | settings)
    return gan_class(name)(section, SHAPE), section


def our_step(
    name: str,
    batch: int,
    precision: str,
    constraint: CentroidConstraint | None = None,
    *,
    recorded: bool = True,
    **settings: Any,
) -> Step:
    """The trainer's step; on a GPU as a replayed graph, or not."""
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
    if not recorded:
        trainer.recorder = None
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


def features_step(precision: str, channels_last: bool) -> Step:
    """The step of `features`."""
    return features(precision, channels_last)[1]


def constrained_step() -> Step:
    """The trainer's DCGAN step with the constraint at each step, on all images."""
    stack, _ = features("auto", channels_last=True)
    with torch.inference_mode():
        centre = torch.zeros_like(stack(torch.zeros(1, 3, SIZE, SIZE, device=device())))
    literal = {"weight": 0.1, "every": 1, "images": 0, "start": 0.0, "schedule": "constant"}
    literal |= {"relative": False, "weighting": "fixed"}
    settings = params.load_params().centroid.model_copy(update=literal)
    # no image lies inside, so that every one is pulled
    centroids = Centroids(stack, centre, torch.full((1,), 1e-9, device=device()))
    return our_step("dcgan", 128, "auto", CentroidConstraint(centroids, settings), width=64)


def compare(title: str, batch: int, arms: dict[str, Arm], rounds: int) -> list[float]:
    """Time the arms in alternation; print images a second and ratios to the first arm."""
    threads = params.load_params().threads
    found = list(medians(alternate(arms, threads=threads, rounds=rounds)).values())
    print(f"\n{title}")
    for name, median in zip(arms, found, strict=True):
        print(f"  {name:34} {batch / median:8.1f} img/s   {found[0] / median:5.2f}x", flush=True)
    return found


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
            synchronise()
            best = max(best, work / (time.perf_counter() - started))
    return best


def main() -> None:
    """Print every comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    settings = params.load_params()
    configure_torch(settings.threads, 0)
    best = {p: best_convolution(p) for p in ("fp32", "auto")}
    print(f"{device()}, {settings.threads} threads, bf16 in hardware: {has_bf16()}")
    print(f"best convolution: {best['fp32']:.0f} GFLOP/s fp32, {best['auto']:.0f} mixed")

    dcgan = {p: partial(our_step, "dcgan", 128, p, width=64) for p in ("fp32", "auto")}
    arms = {
        "the example, fp32 NCHW": Arm(partial(example_step, 128), keep=False),
        "the example, memory kept": Arm(partial(example_step, 128), keep=True),
        "ours, fp32": Arm(dcgan["fp32"], keep=True),
        "ours, mixed precision": Arm(dcgan["auto"], keep=True),
    }
    _, _, fp32, plain = compare("DCGAN, batch 128, width 64", 128, arms, rounds)
    work = flops(dcgan["fp32"](), 128)
    print(f"  {work:.2f} GFLOP an image; share of the best convolution: ", end="")
    print(f"{128 * work / fp32 / best['fp32']:.0%} fp32, {128 * work / plain / best['auto']:.0%}")

    arms = {
        "VGG-16 relu3_3, fp32 NCHW": Arm(partial(features_step, "fp32", False), keep=False),
        "VGG-16 relu3_3, ours": Arm(partial(features_step, "auto", True), keep=True),
        "DCGAN's plain step": Arm(dcgan["auto"], keep=True),
        "DCGAN's step with the constraint": Arm(constrained_step, keep=True),
    }
    _, backbone, plain, constrained = compare("The centroid constraint", 128, arms, rounds)
    print(f"  {constrained / (plain + backbone):.2f} of plain step + features alone")

    vanilla = partial(our_step, "vanilla", 128, width=1024)
    arms = {
        "plain, fp32 NCHW": Arm(partial(plain_step, "vanilla", 128, width=1024), keep=False),
        "ours, fp32": Arm(partial(vanilla, precision="fp32"), keep=True),
        "ours, mixed precision": Arm(partial(vanilla, precision="auto"), keep=True),
    }
    compare("Vanilla GAN, batch 128, width 1024", 128, arms, rounds)

    pggan = partial(our_step, "pggan", 16, "auto", fmap_base=2048)
    arms = {
        "plain, fp32 NCHW": Arm(partial(plain_step, "pggan", 16, fmap_base=2048), keep=False),
        "ours, mixed precision": Arm(pggan, keep=True),
    }
    _, grown = compare("PGGAN, 64 x 64 phase, batch 16, fmap_base 2048", 16, arms, rounds)

    d2gan = partial(our_step, "d2gan", 128, "auto", width=64)
    arms = {"DCGAN": Arm(dcgan["auto"], keep=True), "D2GAN": Arm(d2gan, keep=True)}
    one, two = compare("D2GAN's cost, width 64", 128, arms, rounds)
    print(f"  D2GAN / DCGAN: {two / one:.2f} in time, {flops(d2gan(), 128) / work:.2f} in FLOPs")
    ratio = (grown / 16) / (one / 128)
    print(f"  PGGAN / DCGAN: {ratio:.1f} in time, {flops(pggan(), 16) / work:.1f} in FLOPs")


if __name__ == "__main__":
    main()
