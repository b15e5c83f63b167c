"""The parts of a watch that many designs share: band, case, bezel and dial, shaded and cached.

Lengths are in units of the case's radius, with the origin in its centre, x to the right and y
down; `radius` is that of the case in pixels. A part is an RGBA picture with the origin in the
middle.
"""

from functools import cache, lru_cache

import numpy as np
from PIL import Image

from bestseller.demo.bezels import INNER_RADIUS, OUTER_RADIUS, draw_scale
from bestseller.demo.colours import shaded

LUG_WIDTH = 0.56  # half the width of the band at the case
HEAD = 1.22  # half the side of a picture of the head


@cache
def grid(radius: int, half_width: float, half_height: float) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the pixels' centres: float32, shapes (1, W) and (H, 1)."""
    columns, rows = round(half_width * radius), round(half_height * radius)
    x = (np.arange(2 * columns, dtype=np.float32) + 0.5 - columns) / radius
    y = (np.arange(2 * rows, dtype=np.float32) + 0.5 - rows) / radius
    return x[None, :], y[:, None]


@cache
def polar(radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Return distance and angle (radians, clockwise from 12 o'clock) of a head's pixels."""
    x, y = grid(radius, HEAD, HEAD)
    return np.hypot(x, y), np.arctan2(x, -y)


def inside(distance: np.ndarray, radius: int) -> np.ndarray:
    """Return the cover, 0..1, of an edge: `distance` is positive inside, in case radii."""
    cover: np.ndarray = np.clip(distance * radius + 0.5, 0, 1)
    return cover


def picture(rgb: np.ndarray, cover: np.ndarray) -> Image.Image:
    """Join colours (uint8) and cover (0..1) to an RGBA picture."""
    alpha = (cover * 255).astype(np.uint8)
    return Image.fromarray(np.dstack([rgb, alpha]), "RGBA")


def sheen(angle: np.ndarray, turn: float = 0.6) -> np.ndarray:
    """Return the light that polished metal of revolution reflects at each angle: 0..1."""
    light = 0.5 + 0.24 * np.cos(2 * (angle - turn)) + 0.16 * np.cos(4 * (angle - turn) + 0.8)
    wave: np.ndarray = light + 0.08 * np.cos(7 * angle + 1.1)
    return wave


@lru_cache(maxsize=64)
def band(kind: str, outer: str, middle: str, length: float, radius: int) -> Image.Image:
    """Return both halves of a band that reaches `length` up and down, curving away at the ends."""
    x, y = grid(radius, 0.64, length)
    reach = np.abs(y) / length  # 0 centre, 1 end
    u = x / (LUG_WIDTH * (1 - 0.16 * reach))
    s = np.arcsin(0.92 * reach) / np.arcsin(0.92) * length  # way along the band, foreshortened
    falloff = np.sqrt(1 - (0.9 * reach) ** 2) ** 0.7
    light, is_middle = _BANDS[kind](np.broadcast_arrays(u, s)[0], s)
    light = light * falloff * (1 - 0.05 * np.sign(y))
    rgb = np.where(is_middle[..., None], shaded(middle, light), shaded(outer, light))
    corner = 0.06 * (np.abs(u) > 0.9)  # the ends are rounded
    cover = inside((1 - np.abs(u)) * LUG_WIDTH, radius) * inside(
        length - np.abs(y) - corner, radius
    )
    return picture(rgb, cover)


def _links(u: np.ndarray, s: np.ndarray, edges: tuple[float, ...], pitch: float) -> np.ndarray:
    """Return dark gaps between columns (at |u| = edges) and between rows, 0..1."""
    gaps = np.min([np.abs(np.abs(u) - edge) for edge in edges], axis=0)
    rows = np.abs((s / pitch) % 1 - 0.5) * pitch
    dark: np.ndarray = np.clip(gaps / 0.045, 0.25, 1) * np.clip(
        (0.5 * pitch - rows) / 0.018, 0.35, 1
    )
    return dark


def _three_link(u: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle = np.abs(u) < 0.4
    s = s + np.where(middle, 0.08, 0.0)  # the middle links sit half a row off
    sides = 0.62 - 0.14 * u + 0.2 * np.exp(-(((np.abs(u) - 0.8) / 0.1) ** 2))
    light = np.where(middle, 0.92 - 1.6 * (u + 0.06) ** 2, sides)
    return light * _links(u, s, (0.4,), 0.16), middle


def _five_link(u: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle = np.abs(u) < 0.56
    bead = np.abs(np.cos(np.pi * s / 0.085)) ** 0.6  # small rounded links
    across = np.sqrt(np.abs(np.sin(np.pi * u / 0.375 + 0.5 * np.pi)))
    light = np.where(middle, 0.3 + 0.7 * bead * across, 0.68 - 0.16 * u)
    gaps = np.where(middle, np.clip(bead * 1.6, 0.3, 1), _links(u, s, (0.56,), 0.17))
    return light * gaps * np.clip(np.abs(np.abs(u) - 0.56) / 0.04, 0.3, 1), middle


def _rounded_link(u: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle = np.abs(u) < 0.42
    bulge = np.sqrt(np.clip(1 - (2 * ((s / 0.13) % 1) - 1) ** 2, 0, 1))
    side = np.where(middle, 1 - (u / 0.42) ** 2, 1 - ((np.abs(u) - 0.71) / 0.29) ** 2)
    light = 0.2 + 0.75 * bulge * np.clip(side, 0, 1) ** 0.3 - 0.08 * u
    return light * np.clip(np.abs(np.abs(u) - 0.42) / 0.05, 0.3, 1), middle


def _leather(u: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scales = np.cos(2 * np.pi * s / 0.19) * 0.5 + np.cos(
        2 * np.pi * u * 1.6 + np.floor(s / 0.19) * 2.4
    )
    pad = np.clip((0.82 - np.abs(u)) / 0.2, 0, 1)
    light = 0.42 + 0.16 * pad * np.clip(1 - 0.3 * np.abs(scales - 0.9), 0, 1) - 0.1 * u
    stitch = (np.abs(np.abs(u) - 0.88) < 0.03) & ((s / 0.07) % 1 < 0.6)
    return np.where(stitch, 0.95, light * np.clip((1 - np.abs(u)) / 0.06, 0.6, 1)), np.abs(u) < 0


def _rubber(u: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    light = 0.62 - 0.22 * np.abs(u) - 0.12 * u + 0.25 * np.exp(-(((u + 0.45) / 0.12) ** 2))
    return light * np.clip(np.abs(np.abs(u) - 0.62) / 0.04, 0.55, 1) + 0 * s, np.abs(u) < 0


_BANDS = {
    "three-link": _three_link,
    "five-link": _five_link,
    "rounded-link": _rounded_link,
    "leather": _leather,
    "rubber": _rubber,
}


@lru_cache(maxsize=64)
def case(body: str, trim: str, shape: str, radius: int) -> Image.Image:
    """Return the case with lugs and crown; `shape` is slim, plain, guarded or pushers."""
    x, y = grid(radius, HEAD, HEAD)
    tip_x, tip_y = (0.66, 1.06) if shape == "slim" else (0.73, 1.08)
    edge, reach = _outline(x, y, tip_x, tip_y)
    lug_width = 0.09 if shape == "slim" else 0.0
    gap = np.minimum(LUG_WIDTH + 0.03 - lug_width - np.abs(x), np.abs(y) - 0.9)  # room for the band
    cover = inside(np.minimum(np.minimum(edge, tip_y - np.abs(y)), -gap), radius)
    rounding = 0.2 * np.exp(-(((np.clip(edge, 0, 1) - 0.06) / 0.03) ** 2))  # polished chamfer
    light = 0.5 - 0.1 * x - 0.06 * y + rounding - 0.12 * reach
    rgb = shaded(body, light * np.clip(0.35 + edge / 0.05, 0.35, 1))

    knobs = [(1.04, 0.0, 0.09, 0.12 if shape == "slim" else 0.15)]
    if shape == "pushers":
        knobs += [(1.0, -0.47, 0.1, 0.07), (1.0, 0.47, 0.1, 0.07)]
    for centre_x, centre_y, half_x, half_y in knobs:
        knob = np.minimum(half_x - np.abs(x - centre_x), half_y - np.abs(y - centre_y))
        ribs = 0.62 - 0.25 * np.abs(y - centre_y) / half_y + 0.22 * np.cos(2 * np.pi * y / 0.045)
        on = (knob > 0) & (cover < 0.5)
        rgb = np.where(on[..., None], shaded(trim, np.broadcast_to(ribs, on.shape)), rgb)
        cover = np.maximum(cover, inside(knob, radius))
    if shape == "guarded":
        guard = np.minimum(0.08 - np.abs(np.abs(y) - 0.23), 1.12 - 0.35 * np.abs(y) - np.abs(x))
        guard = np.where(x > 0, guard, -1)
        rgb = np.where(((guard > 0) & (cover < 0.5))[..., None], shaded(body, light + 0.1), rgb)
        cover = np.maximum(cover, inside(guard, radius))
    return picture(rgb, cover)


def _outline(
    x: np.ndarray, y: np.ndarray, tip_x: float, tip_y: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance inside a round case with lugs, and the way to their tips, 0..1.

    The lugs are the tangents from the points (+-tip_x, +-tip_y) to the circle of the case.
    """
    tangent = np.arctan2(tip_y, tip_x) - np.arccos(0.99 / np.hypot(tip_x, tip_y))
    touch_x, touch_y = 0.99 * np.cos(tangent), 0.99 * np.sin(tangent)
    reach = np.clip((np.abs(y) - touch_y) / (tip_y - touch_y), 0, 1)
    circle = np.sqrt(np.clip(0.99**2 - np.minimum(np.abs(y), touch_y) ** 2, 0, 1))
    width = np.where(reach > 0, touch_x + (tip_x - touch_x) * reach - 0.03 * reach**6, circle)
    return width - np.abs(x), reach


@lru_cache(maxsize=96)
def bezel(kind: str, colour: str, metal: str, radius: int) -> Image.Image:
    """Return the ring around the dial with its numerals, and the inner ring below the glass."""
    r, angle = polar(radius)
    inner, outer = INNER_RADIUS[kind], OUTER_RADIUS[kind]
    across = np.clip((r - inner) / (outer - inner), 0, 1)  # 0 at the dial, 1 at the rim
    dome = np.sqrt(np.clip(1 - (2 * across - 1) ** 2, 0, 1))
    light = _BEZELS.get(kind, _polished)(angle, across, dome)
    rgb = shaded(metal, light)
    if colour != "metal":
        upper, _, lower = colour.partition("/")
        gloss = 0.5 + 0.16 * np.cos(angle + 0.7) + 0.1 * np.cos(2 * angle)
        half = np.cos(angle)[..., None] > 0
        insert = np.where(half, shaded(upper, gloss), shaded(lower or upper, gloss))
        rgb = np.where(((across > 0.06) & (across < 0.84))[..., None], insert, rgb)
    rehaut = shaded(
        "steel" if metal == "platinum" else metal, 0.45 + 0.5 * (sheen(angle, 2.2) - 0.4)
    )
    rgb = np.where((r < inner)[..., None], rehaut, rgb)
    ring = picture(rgb, inside(outer - r, radius))
    draw_scale(ring, kind, colour, metal, radius)
    return ring


def _polished(angle: np.ndarray, across: np.ndarray, dome: np.ndarray) -> np.ndarray:
    light: np.ndarray = (0.25 + 0.75 * dome**0.5) * (0.25 + 0.95 * sheen(angle))
    return light


def _fluted(angle: np.ndarray, across: np.ndarray, dome: np.ndarray) -> np.ndarray:
    facet = (angle / (2 * np.pi) * 60) % 1
    side = np.where(facet < 0.5, sheen(angle, 0.2), sheen(angle, 1.9))
    crest = 0.5 + 0.5 * np.abs(2 * facet - 1) * np.sign(0.5 - facet)  # one flank lit, one in shade
    light: np.ndarray = (0.15 + 0.75 * side + 0.5 * (crest - 0.5)) * (0.5 + 0.5 * dome**0.4)
    return light


def _gems(angle: np.ndarray, across: np.ndarray, dome: np.ndarray) -> np.ndarray:
    stone = (angle / (2 * np.pi) * 40) % 1 - 0.5
    away = np.hypot(stone * 2, (across - 0.5) * 2.2)
    facets = 0.85 + 0.15 * np.cos(6 * np.arctan2(across - 0.5, stone) + 9 * angle)
    light: np.ndarray = np.where(away < 0.92, facets + 0.15, 0.25 + 0.3 * dome)
    return light


def _relief(angle: np.ndarray, across: np.ndarray, dome: np.ndarray) -> np.ndarray:
    light: np.ndarray = (
        0.36 + 0.1 * (sheen(angle) - 0.5) + 0.5 * (across > 0.88) + 0.2 * (across < 0.08)
    )
    return light


def _hours24(angle: np.ndarray, across: np.ndarray, dome: np.ndarray) -> np.ndarray:
    light: np.ndarray = 0.62 + 0.25 * (sheen(angle) - 0.5) - 0.25 * (across > 0.93)
    return light


def _notched(angle: np.ndarray, across: np.ndarray, dome: np.ndarray) -> np.ndarray:
    notches = 0.5 + 0.5 * np.sign(np.cos(60 * angle))
    light: np.ndarray = np.where(across > 0.84, 0.25 + 0.6 * notches, 0.4 + 0.5 * sheen(angle))
    return light


_BEZELS = {
    "fluted": _fluted,
    "gems": _gems,
    "relief": _relief,
    "hours24": _hours24,
    "dive": _notched,
    "dive minutes": _notched,
    "halves": _notched,
}


@lru_cache(maxsize=160)
def dial(colour: str, texture: str, radius: int) -> Image.Image:
    """Return the plate of the dial, large enough for every bezel, with the glass's reflection."""
    x, y = grid(radius, 0.92, 0.92)
    r, angle = np.hypot(x, y), np.arctan2(x, -y)
    light = np.broadcast_to(_TEXTURES[texture](x, y, r, angle), r.shape)
    light = light + 0.10 * np.exp(-(((x + y + 0.75) / 0.35) ** 2)) * (r < 0.8)
    rgb = shaded(colour, light).astype(np.float32)
    if texture == "pearl":
        hue = np.sin(7 * x + 3 * np.sin(5 * y)) * np.cos(6 * y - 2 * np.sin(4 * x))
        rgb += hue[..., None] * np.array([16, -2, 14], np.float32)
    if texture == "abyss":
        rgb *= np.clip(0.75 - 0.95 * y, 0.08, 1)[..., None]
    return picture(np.clip(rgb, 0, 255).astype(np.uint8), np.ones_like(r))


def _sunburst(x: np.ndarray, y: np.ndarray, r: np.ndarray, angle: np.ndarray) -> np.ndarray:
    rays = 0.03 * np.cos(90 * angle) * np.clip(r * 2, 0, 1)
    light: np.ndarray = 0.52 + 0.30 * np.cos(2 * angle - 1.1) * np.clip(r * 3, 0, 1) + rays
    return light


def _palm(x: np.ndarray, y: np.ndarray, r: np.ndarray, angle: np.ndarray) -> np.ndarray:
    leaves = np.zeros_like(r)
    for base_x, base_y, turn in (
        (-0.55, 0.5, 0.5),
        (0.5, 0.65, -0.4),
        (0.45, -0.4, -2.2),
        (-0.4, -0.55, 2.4),
    ):
        away = np.hypot(x - base_x, y - base_y)
        fan = np.arctan2(x - base_x, -(y - base_y)) - turn
        leaves = leaves + np.clip(np.cos(14 * fan), 0, 1) * np.exp(-((away / 0.42) ** 4))
    light: np.ndarray = 0.42 + 0.3 * np.clip(leaves, 0, 1)
    return light


_TEXTURES = {
    "sunburst": _sunburst,
    "palm": _palm,
    "matte": lambda x, y, r, angle: 0.50 - 0.04 * y,
    "lacquer": lambda x, y, r, angle: 0.54 - 0.14 * y,
    "ribbed": lambda x, y, r, angle: 0.46 + 0.30 * np.cos(2 * np.pi * (x + 0.35 * y) / 0.13),
    "pearl": lambda x, y, r, angle: 0.66 + 0.14 * np.sin(6 * x + 4 * np.sin(5 * y + 1)),
    "gradient": lambda x, y, r, angle: 0.68 - 0.75 * np.clip(r - 0.15, 0, 1) ** 1.5,
    "guilloche": lambda x, y, r, angle: 0.54 + 0.2 * np.cos(50 * r) * np.cos(36 * angle),
    "abyss": lambda x, y, r, angle: 0.55 + 0 * r,
}
