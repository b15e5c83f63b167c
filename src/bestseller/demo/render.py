"""The photographer of the embedded shop: a watch from its visible attributes, on near-white.

A picture is drawn at two to three times its size from cached, shaded parts (`parts`) and the
furniture of the dial (`face`), scaled down, and set on a light ground with a soft shadow. Photos
of one shop differ a little in scale, place, exposure and colour of light, as real ones do.
"""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageFilter

from bestseller.demo.bezels import INNER_RADIUS
from bestseller.demo.colours import body_metal, trim_metal
from bestseller.demo.face import Face
from bestseller.demo.parts import band, bezel, case, dial
from bestseller.demo.watch import METAL_BANDS, Watch

FRAME_MM = 74.0  # what the photo's side shows
MIN_RADIUS = 170  # pixels of the case's radius while drawing
GUARDED = frozenset({"dive", "dive minutes", "halves", "hours24", "relief"})


@cache
def renderer_version() -> str:
    """Return a hash that changes with this package's drawing code and with Pillow."""
    digest = hashlib.sha256(PIL.__version__.encode())
    for name in ("bezels", "colours", "face", "parts", "pen", "render", "watch"):
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()


def render(watch: Watch, size: int, *, shot: int = 0, view: str = "front") -> Image.Image:
    """Return a photo of a watch.

    Args:
        watch: what is seen.
        size: pixels of the square photo's side.
        shot: seed of how it was placed and lit; the same seed gives the same photo.
        view: "front", the whole watch upright, or "detail", a close-up of the dial.

    Returns:
        RGB, size x size, background near 248 of 255.
    """
    rng = np.random.default_rng(shot)
    zoom, left, up = rng.uniform(0.93, 1.05), *rng.uniform(-0.025, 0.025, 2)
    light, warmth = rng.uniform(0.98, 1.02), rng.uniform(-0.006, 0.006)
    if view == "detail":
        photo = _close_up(watch, size)
    else:
        radius = max(MIN_RADIUS, round(size * 0.66))
        cut = _draw(watch, radius)
        scale = size * zoom * watch.size / FRAME_MM / 2 / radius  # output pixels per drawn pixel
        photo = _on_ground(cut, size, scale, (left * size, up * size))
    gains = light * np.array([1 + warmth, 1.0, 1 - warmth])
    table = [min(255, round(value * gain)) for gain in gains for value in range(256)]
    return photo.point(table)


def band_length(size_mm: int) -> float:
    """Return how far a band is seen up and down from the centre, in case radii."""
    return (15.0 + 0.42 * size_mm) / (size_mm / 2)


def _draw(watch: Watch, radius: int) -> Image.Image:
    """Return the cut-out watch: RGBA with its centre in the middle."""
    trim = trim_metal(watch.metal)
    if watch.band in METAL_BANDS:
        outer, middle = body_metal(watch.metal), trim
    else:
        outer = middle = watch.band_colour
    strap = band(watch.band, outer, middle, band_length(watch.size), radius)
    if watch.bezel == "domed":
        shape = "slim"
    elif watch.complication == "chronograph":
        shape = "pushers"
    else:
        shape = "guarded" if watch.bezel in GUARDED else "plain"
    head = case(body_metal(watch.metal), trim, shape, radius).copy()
    _paste(head, bezel(watch.bezel, watch.bezel_colour, trim, radius))
    plate = dial(watch.dial, watch.texture, radius)
    _paste(head, plate, _disc(plate.width, (INNER_RADIUS[watch.bezel] - 0.03) * radius))

    canvas = Image.new("RGBA", (head.width, max(strap.height, head.height)), (128, 128, 128, 0))
    _paste(canvas, strap)
    _paste(canvas, head)
    colours = canvas.convert("RGB")
    Face(colours, watch, radius).draw()
    colours.putalpha(canvas.getchannel("A"))
    return colours


@cache
def _disc(side: int, radius: float) -> Image.Image:
    axis = np.arange(side) + 0.5 - side / 2
    distance = radius - np.hypot(axis[None, :], axis[:, None])
    return Image.fromarray((np.clip(distance + 0.5, 0, 1) * 255).astype(np.uint8))


def _paste(below: Image.Image, above: Image.Image, mask: Image.Image | None = None) -> None:
    """Paste a picture centre on centre, keeping what is below opaque."""
    place = ((below.width - above.width) // 2, (below.height - above.height) // 2)
    if mask is not None:
        above = above.copy()
        above.putalpha(mask)
    below.alpha_composite(above, place)


def _on_ground(
    cut: Image.Image, size: int, scale: float, shift: tuple[float, float]
) -> Image.Image:
    """Scale a cut-out down, set it in the middle plus `shift` pixels, and lay its shadow."""
    # The box of drawn pixels that the photo shows; outside of the drawing it is empty.
    side = size / scale
    pad = max(0, int((side - min(cut.size)) / 2) + round(side * 0.05) + 2)
    wide = Image.new("RGBA", (cut.width + 2 * pad, cut.height + 2 * pad), (128, 128, 128, 0))
    wide.paste(cut, (pad, pad))
    left = (wide.width - side) / 2 - shift[0] / scale
    top = (wide.height - side) / 2 - shift[1] / scale
    small = wide.resize(
        (size, size), Image.Resampling.BOX, (left, top, left + side, top + side), reducing_gap=None
    )
    shadow = small.getchannel("A").filter(ImageFilter.BoxBlur(size * 0.022))
    shadow = shadow.transform(
        shadow.size, Image.Transform.AFFINE, (1, 0, -size * 0.012, 0, 1, -size * 0.02)
    )
    ground = _ground(size).copy()
    ground.paste((176, 178, 184), mask=shadow.point([round(v * 0.4) for v in range(256)]))
    ground.paste(small, mask=small.getchannel("A"))
    return ground


@cache
def _ground(size: int) -> Image.Image:
    rows = np.linspace(250, 246, size)[:, None, None]
    return Image.fromarray(np.broadcast_to(rows, (size, size, 3)).round().astype(np.uint8))


def _close_up(watch: Watch, size: int) -> Image.Image:
    """Return the lower right of the head, turned a little, filling the frame."""
    radius = max(MIN_RADIUS, round(size * 0.9))
    cut = _draw(watch, radius)
    ground = Image.new("RGB", cut.size, (248, 248, 248))
    ground.paste(cut, mask=cut.getchannel("A"))
    turned = ground.rotate(18, Image.Resampling.BILINEAR, fillcolor=(248, 248, 248))
    x, y = turned.width / 2 + 0.25 * radius, turned.height / 2 + 0.2 * radius
    half = 0.62 * radius
    return turned.resize(
        (size, size), Image.Resampling.BICUBIC, (x - half, y - half, x + half, y + half)
    )
