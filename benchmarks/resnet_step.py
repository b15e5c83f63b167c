"""Images a second of the classifier's training step, against a plain fp32 NCHW loop.

Run: ``python benchmarks/resnet_step.py [--batch 32] [--rounds 7]`` with ``src`` on the path. Both
train a ResNet-50 at 64 x 64 on the same images, each in a process of its own, in alternating
rounds, each with AdamW; medians and their ratio are printed. The plain loop is the common one:
float images decoded beforehand, fp32, NCHW, the optimizer as it comes, a weighted random draw for
each batch. It is timed with glibc's allocator as it comes, and with memory kept. Ours is the step
of `training.train_network`: channels last, bf16 where the hardware has it, fused AdamW, uint8
images decoded, augmented and normalised in the step, memory kept. What sampling and decoding take
of our step is timed on its own, and so is the augmentation, which the plain loop does not do.
"""

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from arms import Arm, Step, alternate, medians, timed
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional

from bestseller.base.compute import autocast, device, has_bf16, place, to_signed
from bestseller.classifier.classifier import build_network, normaliser
from bestseller.classifier.training import WEIGHT_DECAY, augment, draw_images

SIZE, LINES, IMAGES, LR = 64, 16, 500, 1e-3


def make_data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images, labels and the images' weights in the draw."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, SIZE, SIZE, 3), dtype=np.uint8)
    return images, rng.integers(0, LINES, IMAGES), rng.integers(1, 400, IMAGES).astype(float)


def plain_step(batch: int) -> Step:
    """The common loop's step."""
    images, labels, weights = make_data()
    network = build_network(LINES).to(device()).train()
    optimizer = torch.optim.AdamW(network.parameters(), LR, weight_decay=WEIGHT_DECAY)
    decoded = torch.from_numpy(images).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()
    data, targets = decoded.to(device()), torch.from_numpy(labels).to(device())
    shares, normalise = torch.from_numpy(weights), normaliser()

    def step() -> float:
        rows = torch.multinomial(shares, batch, replacement=True).to(device())
        loss = functional.cross_entropy(network(normalise(data[rows])), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def our_step(batch: int) -> Step:
    """The classifier's step, of the same parts as `training.train_network`."""
    images, labels, weights = make_data()
    network: nn.Module = build_network(LINES)
    place(network.train())
    optimizer = torch.optim.AdamW(network.parameters(), LR, weight_decay=WEIGHT_DECAY, fused=True)
    generator = torch.Generator().manual_seed(0)
    decode, normalise = decoding(images, weights, batch), normaliser()
    targets = torch.from_numpy(labels).to(device())

    def step() -> float:
        pixels, rows = decode()
        inputs = normalise(augment(pixels, generator))
        with autocast("auto"):
            logits = network(inputs)
        loss = functional.cross_entropy(logits.float(), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def decoding(
    images: np.ndarray, weights: np.ndarray, batch: int
) -> Callable[[], tuple[torch.Tensor, torch.Tensor]]:
    """Return what gives the next batch, decoded, and its rows: our sampler, drawn for the run."""
    data = torch.from_numpy(images).to(device())
    draws = torch.from_numpy(draw_images(weights, 1000, batch, 0)).to(device())
    steps = iter(range(10**9))

    def decode() -> tuple[torch.Tensor, torch.Tensor]:
        rows = draws[next(steps) % len(draws)]
        return to_signed(data[rows]), rows

    return decode


def main() -> None:
    """Print medians, the ratio of each round, and the parts of our step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    images, _, weights = make_data()
    arms = {
        "plain": Arm(partial(plain_step, asked.batch), keep=False),
        "plain, memory kept": Arm(partial(plain_step, asked.batch), keep=True),
        "ours": Arm(partial(our_step, asked.batch), keep=True),
    }
    rounds = alternate(arms, threads=asked.threads, rounds=asked.rounds, repeats=asked.repeats)
    median = medians(rounds)
    with threadpool_limits(asked.threads):
        decode = decoding(images, weights, asked.batch)
        pixels, generator = decode()[0], torch.Generator().manual_seed(0)
        draw = timed(lambda: draw_images(weights, 320, asked.batch, 0), 5) / 320
        data_s, augment_s = timed(decode, 30) + draw, timed(lambda: augment(pixels, generator), 30)
    print(f"{device()}, bf16 {has_bf16()}, {asked.threads} threads, batch {asked.batch}")
    for name, found in rounds.items():
        ratios = [slow / fast for slow, fast in zip(found, rounds["ours"], strict=True)]
        print(
            f"{name}: {asked.batch / median[name]:.1f} img/s; its step takes "
            f"{median[name] / median['ours']:.2f} times ours "
            f"({min(ratios):.2f} to {max(ratios):.2f} by round)"
        )
    print(f"of our step: sampler and decoding {100 * data_s / median['ours']:.1f} %")
    print(f"of our step: augmentation {100 * augment_s / median['ours']:.1f} %")


if __name__ == "__main__":
    main()
