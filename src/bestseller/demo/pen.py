"""A pen that draws in units of the case's radius on a picture with the origin in its middle."""

from collections.abc import Iterable
from functools import lru_cache
from math import cos, radians, sin

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]
Ink = tuple[int, ...]  # RGB, or RGBA to draw translucently

# Strokes of the Roman numerals in a box 1 high; the thick ones carry the numeral.
_ROMAN_STROKES: dict[str, tuple[float, list[tuple[float, float, float]]]] = {
    "I": (0.34, [(0.17, 0.17, 0.15)]),
    "V": (0.72, [(0.12, 0.36, 0.15), (0.62, 0.36, 0.07)]),
    "X": (0.72, [(0.12, 0.60, 0.15), (0.60, 0.12, 0.07)]),
}


@lru_cache(maxsize=1024)
def _glyphs(text: str, pixels: int, degrees: float) -> Image.Image:
    """Return the mask of a text in Pillow's own font, turned clockwise."""
    font = ImageFont.load_default(pixels)
    left, top, right, bottom = font.getbbox(text)
    mask = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), text, 255, font)
    return mask.rotate(-degrees, Image.Resampling.BILINEAR, expand=True) if degrees else mask


class Pen:
    """Draws on an RGB or RGBA picture; angles are in degrees clockwise from 12 o'clock."""

    def __init__(self, image: Image.Image, radius: int, centre: Point = (0.0, 0.0)) -> None:
        self.image, self.radius, self.centre = image, radius, centre
        self._draw = ImageDraw.Draw(image, "RGBA" if image.mode == "RGB" else None)

    def at(self, centre: Point) -> "Pen":
        """Return a pen for the same picture with its origin moved."""
        return Pen(
            self.image, self.radius, (self.centre[0] + centre[0], self.centre[1] + centre[1])
        )

    def pixel(self, point: Point) -> Point:
        width, height = self.image.size
        x, y = point[0] + self.centre[0], point[1] + self.centre[1]
        return width / 2 + x * self.radius, height / 2 + y * self.radius

    def polygon(self, points: Iterable[Point], ink: Ink) -> None:
        self._draw.polygon([self.pixel(point) for point in points], ink)

    def disc(self, point: Point, size: float, ink: Ink) -> None:
        """Fill a disc of radius `size`."""
        x, y = self.pixel(point)
        pixels = size * self.radius
        self._draw.ellipse((x - pixels, y - pixels, x + pixels, y + pixels), ink)

    def ring(
        self, inner: float, outer: float, ink: Ink, start: float = 0, end: float = 360
    ) -> None:
        """Draw the ring around the origin between two radii, or a part of it."""
        x, y = self.pixel((0, 0))
        pixels, width = outer * self.radius, max(1, round((outer - inner) * self.radius))
        box = (x - pixels, y - pixels, x + pixels, y + pixels)
        self._draw.arc(box, start - 90, end - 90, ink, width)

    def box(self, centre: Point, half: Point, ink: Ink, *, corner: float = 0.0) -> None:
        """Fill a rectangle, given half its width and height, with rounded corners."""
        (x, y), (half_x, half_y) = centre, half
        corners = (*self.pixel((x - half_x, y - half_y)), *self.pixel((x + half_x, y + half_y)))
        self._draw.rounded_rectangle(corners, corner * self.radius, ink)

    def spoke(
        self,
        degrees: float,
        start: float,
        end: float,
        width: float,
        ink: Ink,
        *,
        tip: float | None = None,
    ) -> None:
        """Fill a bar that points outwards, `tip` wide at its outer end."""
        outer = width if tip is None else tip
        shape = [(-width / 2, -start), (-outer / 2, -end), (outer / 2, -end), (width / 2, -start)]
        self.polygon(turned(shape, degrees), ink)

    def text(
        self,
        text: str,
        degrees: float,
        distance: float,
        height: float,
        ink: Ink,
        *,
        upright: bool = False,
    ) -> None:
        """Write a text at a distance from the origin, its foot towards it unless `upright`."""
        mask = _glyphs(
            text, max(4, round(height * self.radius)), 0 if upright else round(degrees, 1)
        )
        x, y = self.pixel(turned([(0, -distance)], degrees)[0])
        place = (round(x - mask.width / 2), round(y - mask.height / 2))
        self.image.paste(ink[:3], (*place, place[0] + mask.width, place[1] + mask.height), mask)

    def roman(self, text: str, degrees: float, distance: float, height: float, ink: Ink) -> None:
        """Draw a Roman numeral with its foot towards the origin, centred at a distance from it."""
        widths = [_ROMAN_STROKES[letter][0] for letter in text]
        squeeze = height * min(1.0, 1.25 / sum(widths))
        left = -sum(widths) * squeeze / 2
        top, foot = -(distance + height / 2), -(distance - height / 2)
        for letter, width in zip(text, widths, strict=True):
            for upper, lower, thick in _ROMAN_STROKES[letter][1]:
                half = thick * height / 2
                xs = [left + upper * squeeze, left + lower * squeeze]
                shape = [
                    (xs[0] - half, top),
                    (xs[0] + half, top),
                    (xs[1] + half, foot),
                    (xs[1] - half, foot),
                ]
                self.polygon(turned(shape, degrees), ink)
            left += width * squeeze


def turned(points: Iterable[Point], degrees: float) -> list[Point]:
    """Turn points clockwise about the origin."""
    c, s = cos(radians(degrees)), sin(radians(degrees))
    return [(x * c - y * s, x * s + y * c) for x, y in points]
