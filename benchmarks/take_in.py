"""Measure what taking in a photo costs, and a run of which one photo in a hundred is new.

Run: ``python -m benchmarks.take_in [--photos FOLDER] [--count 200] [--src src]`` from the
repository's root. Without a folder the photos are the embedded shop's, 256 pixels a side; those of
a folder are brought to 256 pixels first. CPU ms a photo: the least of several passes for each
photo, which leaves out what other programs on the machine took. `--src` names another checkout's
``src``, to compare versions on the same photos.
"""

import argparse
import hashlib
import importlib
import importlib.util
import io
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image

SIDE, QUALITY = 256, 90


def encoded(photo: Image.Image) -> bytes:
    """Return a JPEG of 256 x 256 pixels."""
    file = io.BytesIO()
    photo.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(
        file, "JPEG", quality=QUALITY
    )
    return file.getvalue()


def photos(folder: Path | None, count: int) -> list[bytes]:
    """Return photos of a folder, or else of the embedded shop."""
    if folder is not None:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".png"})
        return [encoded(Image.open(path)) for path in files[:count]]
    render = importlib.import_module("bestseller.demo.render").render
    products = importlib.import_module("bestseller.demo.world").make_products(0.12, 7, 1)
    return [encoded(render(each.watch, SIDE, shot=each.shot)) for each in products[:count]]


def each_photo(data: list[bytes], settings: Any, passes: int) -> float:
    """Return the mean over photos of the least CPU milliseconds that one took."""
    prepare: Any = importlib.import_module("bestseller.images.prepare")
    with suppress(ImportError):  # a version that has no such thing
        importlib.import_module("bestseller.base.memory").keep_freed_memory()  # as the stage does
    least = [float("inf")] * len(data)
    for _ in range(passes):
        for i, photo in enumerate(data):
            begun = time.thread_time()
            prepare._outcome((photo, settings))
            least[i] = min(least[i], time.thread_time() - begun)
    return 1000 * sum(least) / len(least)


def again(data: list[bytes], settings: Any) -> tuple[float, float]:
    """Return the CPU seconds of a full run, and of one after a hundredth of the photos changed."""
    prepare: Any = importlib.import_module("bestseller.images.prepare")
    settings = settings.model_copy(update={"max_reject_share": 1.0})

    def run(shop: list[bytes], folder: Path) -> float:
        names = [hashlib.sha256(photo).hexdigest() for photo in shop]
        asked = [
            prepare.Photo(f"w{i}", "line", "", "front", name, "") for i, name in enumerate(names)
        ]
        read = dict(zip(names, shop, strict=True)).__getitem__
        begun = time.process_time()
        prepare.prepare(asked, read, settings, 1, cache=folder)
        return time.process_time() - begun

    with tempfile.TemporaryDirectory() as folder:
        full = run(data, Path(folder))
        changed = len(data) // 100 or 1
        new = [encoded(Image.open(io.BytesIO(photo)).rotate(1)) for photo in data[:changed]]
        return full, run([*new, *data[changed:]], Path(folder))


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--src", default="src")
    asked = parser.parse_args()
    sys.path.insert(0, asked.src)
    settings = importlib.import_module("bestseller.params").load_params().images
    data = photos(asked.photos, asked.count)
    print(f"{asked.src}: {each_photo(data, settings, asked.passes):.2f} CPU ms a photo")
    if importlib.util.find_spec("bestseller.images.taken"):
        full, later = again(data, settings)
        print(f"all {len(data)}: {full:.2f} CPU s; one in a hundred new: {later:.3f} CPU s")


if __name__ == "__main__":
    main()
