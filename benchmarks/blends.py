"""Set a blend autoencoder beside what needs no training: what is it worth, and is it a copier?

``python benchmarks/blends.py data --model blend-plain-0 [--images 1000]`` with ``src`` on the path,
in the folder of a finished run.

Arms: held-out photos; the model's blends; the same latents through the principal components alone
(no convolutions); draws from its density; plain crossfades of two photos of a line. Measured in the
pooled last features of EfficientNet-Lite2 on 144 pixels, which nothing learns from: KID to the
training photos on features as they are and of unit mean square, precision, recall and coverage
(k = 5). Near copies: the share whose distance to the nearest training photo, in 16 x 16 pixels less
their mean, is below that of 1 % of the held-out photos.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch.nn import functional as F

from bestseller.backbones import FeatureSpace
from bestseller.backbones.weights import published_backbone
from bestseller.base.compute import configure_torch, to_uint8
from bestseller.gans import load_generator
from bestseller.gans.blend import Generator
from bestseller.images.store import ImageSet
from bestseller.metrics.kernel_distance import kid
from bestseller.metrics.prdc import precision_recall_density_coverage


def low(images: np.ndarray) -> np.ndarray:
    """Return 16 x 16 pixels less their mean, N x 768, in grey levels."""
    signed = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float()
    flat = F.adaptive_avg_pool2d(signed, 16).flatten(1).numpy()
    centred: np.ndarray = flat - flat.mean(axis=1, keepdims=True)
    return centred


def nearest(images: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the distance to the nearest known image, root mean square of grey levels."""
    distances: np.ndarray = cdist(low(images), low(known)).min(axis=1) / np.sqrt(16 * 16 * 3)
    return distances


def crossfades(images: np.ndarray, of: np.ndarray, lines: list[str], seed: int) -> np.ndarray:
    """Mix two photos of each line pixel by pixel, in shares of 0.5 to 0.6 as the blends'."""
    random, made = np.random.default_rng(seed), []
    for line in lines:
        first, second = random.choice(np.flatnonzero(of == line), 2)
        share = random.uniform(0.5, 0.6)
        made.append(np.rint(share * images[first] + (1 - share) * images[second]))
    return np.stack(made).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="blend-plain-0")
    parser.add_argument("--images", type=int, default=1000)
    given = parser.parse_args()
    configure_torch(1, 0)
    photos = ImageSet.open(given.data / "processed").of_main_view()
    held_out = (photos.index["split"] == "test").to_numpy()
    train, unseen = photos.select(~held_out), photos.select(held_out)
    of = train.index["line"].to_numpy()
    lines = [str(line) for line in np.random.default_rng(0).choice(of, given.images)]
    model = load_generator(given.data / "models" / given.model)
    assert model.codes is not None and isinstance(model.network, Generator)
    blend = replace(model.codes, latents="blend")
    latents: dict[str, np.ndarray] = {}
    for name, codes in (("blends", blend), ("density", replace(blend, latents="density"))):
        model.codes = codes
        latents[name] = model.draw(lines, 0).latents
    with torch.inference_mode():
        linear = to_uint8(model.network.linear(torch.from_numpy(latents["blends"])))
    arms = {
        "held-out photos": unseen.images,
        "blends": model.images(latents["blends"], lines),
        "blends, components alone": linear,
        "density": model.images(latents["density"], lines),
        "crossfades": crossfades(train.images, of, lines, 0),
    }

    space = FeatureSpace(published_backbone("efficientnet_lite2", ""), (), 144)
    known = space.features(train.images).astype(np.float64)
    unit = np.sqrt(np.square(known).mean())
    least = np.percentile(nearest(unseen.images, train.images), 1)
    print(f"{'':26}{'KID':>8}{'unit':>8}{'P':>6}{'R':>6}{'C':>6}{'copies':>8}{'nearest':>9}")
    for name, images in arms.items():
        found = space.features(images).astype(np.float64)
        near = precision_recall_density_coverage(known, found)
        far = nearest(images, train.images)
        print(
            f"{name:26}{kid(known, found).value:8.3f}{kid(known / unit, found / unit).value:8.3f}"
            f"{near.precision:6.2f}{near.recall:6.2f}{near.coverage:6.2f}"
            f"{(far < least).mean():8.3f}{np.median(far):9.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
