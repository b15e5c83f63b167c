"""The colours of metals, dials, bezels and straps, and how light and shade run through them."""

from functools import cache

import numpy as np

from bestseller.demo.watch import TWO_TONE

Rgb = tuple[int, int, int]

# (in shade, lit, in a highlight)
METALS: dict[str, tuple[Rgb, Rgb, Rgb]] = {
    "steel": ((46, 50, 56), (166, 170, 176), (252, 253, 254)),
    "white gold": ((58, 56, 54), (178, 176, 172), (255, 253, 248)),
    "platinum": ((60, 64, 70), (186, 190, 196), (253, 254, 255)),
    "yellow gold": ((92, 58, 10), (218, 170, 74), (255, 242, 188)),
    "rose gold": ((96, 48, 36), (208, 140, 112), (255, 226, 208)),
}
COLOURS: dict[str, Rgb] = {
    "black": (20, 20, 22),
    "white": (240, 240, 236),
    "silver": (200, 203, 206),
    "champagne": (226, 198, 140),
    "blue": (24, 62, 140),
    "deep blue": (14, 48, 128),
    "green": (16, 88, 56),
    "slate": (88, 92, 98),
    "chocolate": (84, 50, 34),
    "pink": (236, 184, 188),
    "ice blue": (166, 204, 224),
    "aubergine": (84, 38, 92),
    "red": (168, 24, 38),
    "mint": (166, 216, 186),
    "turquoise": (80, 200, 204),
    "yellow": (246, 206, 50),
    "coral": (238, 98, 70),
    "orange": (240, 112, 24),
    "brown": (96, 56, 32),
    "tan": (178, 122, 72),
}
LUME: Rgb = (240, 244, 236)  # luminous paint
INK: Rgb = (24, 24, 26)


@cache
def ramp(name: str) -> np.ndarray:
    """Return a material's colours from shade to highlight: uint8, shape (256, 3)."""
    if name in METALS:
        stops = np.array(METALS[name], float)
    else:
        colour = np.array(COLOURS[name], float)
        stops = np.stack([colour * 0.35, colour, colour + 0.45 * (255 - colour)])
    level = np.linspace(0, 1, 256)
    channels = [np.interp(level, [0, 0.55, 1], stops[:, c]) for c in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def shaded(name: str, shade: np.ndarray) -> np.ndarray:
    """Colour a field of light (0 shade, 0.55 plain, 1 highlight): uint8, shape (H, W, 3)."""
    levels: np.ndarray = np.clip(shade * 255, 0, 255).astype(np.uint8)
    return ramp(name)[levels]


def tone(name: str, level: float) -> Rgb:
    """Return one colour of a material, at a level of light in 0..1."""
    red, green, blue = ramp(name)[int(level * 255)]
    return int(red), int(green), int(blue)


def is_light(name: str) -> bool:
    """Return whether dark marks show better on this dial than light ones."""
    red, green, blue = COLOURS[name]
    return 0.3 * red + 0.59 * green + 0.11 * blue > 135


def body_metal(metal: str) -> str:
    """Return the metal of the case and of the outer links."""
    return "steel" if metal in TWO_TONE else metal


def trim_metal(metal: str) -> str:
    """Return the metal of the bezel, the crown, the markers and the middle links."""
    return TWO_TONE.get(metal, metal)
