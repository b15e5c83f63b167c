"""The radii of the bezels and the scales that are printed or cut on them."""

from PIL import Image

from bestseller.demo.colours import INK, LUME, tone
from bestseller.demo.pen import Ink, Pen

# Where the dial ends and the bezel begins, and where it ends, in case radii.
INNER_RADIUS = {
    "smooth": 0.82,
    "fluted": 0.80,
    "gems": 0.80,
    "domed": 0.86,
    "dive": 0.72,
    "dive minutes": 0.69,
    "halves": 0.72,
    "tachymeter": 0.74,
    "relief": 0.74,
    "countdown": 0.70,
    "hours24": 0.74,
}
OUTER_RADIUS = {kind: 0.98 for kind in INNER_RADIUS} | {
    "smooth": 0.95,
    "domed": 0.96,
    "relief": 1.0,
}


def draw_scale(ring: Image.Image, kind: str, colour: str, metal: str, radius: int) -> None:
    """Draw the numerals and ticks of a bezel on its picture; most bezels have none."""
    if kind not in _SCALES:
        return
    pen = Pen(ring, radius)
    ink: Ink = INK if colour == "metal" else (236, 236, 230)
    if colour != "metal" and metal in ("yellow gold", "rose gold"):
        ink = tone(metal, 0.75)
    middle = (INNER_RADIUS[kind] + 0.02 + OUTER_RADIUS[kind] - 0.05) / 2
    _SCALES[kind](pen, middle, (*ink, 255), metal)


def _dive(pen: Pen, middle: float, ink: Ink, metal: str, minutes: int = 15) -> None:
    for minute in range(1, 60):
        if minute % 10 == 0:
            pen.text(str(minute), minute * 6, middle, 0.15, ink)
        elif minute % 5 == 0:
            pen.spoke(minute * 6, middle - 0.05, middle + 0.05, 0.04, ink)
        elif minute < minutes and minute % 10 not in (1, 9):
            pen.spoke(minute * 6, middle + 0.01, middle + 0.05, 0.016, ink)
    pen.spoke(0, middle - 0.08, middle + 0.08, 0.0, ink, tip=0.2)
    pen.disc((0, -middle - 0.02), 0.04, (*LUME, 255))


def _dive_minutes(pen: Pen, middle: float, ink: Ink, metal: str) -> None:
    _dive(pen, middle, ink, metal, 60)


def _hours24(pen: Pen, middle: float, ink: Ink, metal: str) -> None:
    for hour in range(1, 24):
        if hour % 2 == 0:
            pen.text(str(hour), hour * 15, middle, 0.145, ink)
        else:
            pen.spoke(hour * 15, middle - 0.02, middle + 0.02, 0.03, ink)
    pen.spoke(0, middle - 0.08, middle + 0.07, 0.0, ink, tip=0.18)


def _tachymeter(pen: Pen, middle: float, ink: Ink, metal: str) -> None:
    for speed in (400, 300, 240, 200, 180, 160, 140, 130, 120, 110, 100, 90, 80, 75, 70, 65, 60):
        pen.text(str(speed), 3600 / speed * 6, middle + 0.015, 0.1, ink)
    for fifth in range(3, 60):
        pen.spoke(fifth * 6, middle - 0.08, middle - 0.055, 0.014, ink)
    for letter, degrees in zip("TACHY", (14, 21, 28, 35, 42), strict=True):
        pen.text(letter, degrees, middle, 0.09, ink)


def _relief(pen: Pen, middle: float, ink: Ink, metal: str) -> None:
    bright, dark = tone(metal, 0.96), tone(metal, 0.1)
    for minute in range(0, 60, 5):
        degrees = minute * 6
        for shift, raised in ((0.016, (*dark, 255)), (0.0, (*bright, 255))):
            moved = pen.at((shift, shift))
            if minute == 0:
                moved.spoke(0, middle - 0.07, middle + 0.08, 0.0, raised, tip=0.2)
            elif minute % 10 == 0:
                moved.text(str(minute), degrees, middle, 0.17, raised)
            else:
                moved.spoke(degrees, middle - 0.06, middle + 0.06, 0.06, raised)


def _countdown(pen: Pen, middle: float, ink: Ink, metal: str) -> None:
    for step in range(11):
        degrees = 210 + step * 24
        pen.text(str(10 - step), degrees % 360, middle, 0.19, ink)
    for step in range(10):
        pen.spoke(222 + step * 24, middle - 0.03, middle + 0.03, 0.05, ink)
    pen.spoke(180, middle - 0.08, middle + 0.06, 0.0, ink, tip=0.2)


_SCALES = {
    "dive": _dive,
    "dive minutes": _dive_minutes,
    "halves": _hours24,
    "hours24": _hours24,
    "tachymeter": _tachymeter,
    "relief": _relief,
    "countdown": _countdown,
}
