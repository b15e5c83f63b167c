"""What stands and moves on the dial: minute track, markers, complications, date, hands."""

from PIL import Image

from bestseller.demo.bezels import INNER_RADIUS
from bestseller.demo.colours import COLOURS, INK, LUME, Rgb, is_light, tone, trim_metal
from bestseller.demo.pen import Pen, Point, turned
from bestseller.demo.watch import Watch

HOUR, MINUTE, SECOND, ZONE = 305.0, 54.0, 186.0, 252.0  # where the hands stand, in degrees
ROMANS = ("XII", "I", "II", "III", "IIII", "V", "VI", "VII", "VIII", "IX", "X", "XI")
SHADOW = (0, 0, 0, 70)


class Face:
    """Draws one watch's dial furniture; lengths are in units of the dial's radius."""

    def __init__(self, image: Image.Image, watch: Watch, radius: int) -> None:
        self.watch = watch
        self.pen = Pen(image, round(radius * (INNER_RADIUS[watch.bezel] - 0.03)))
        self.light = is_light(watch.dial) if watch.dial in COLOURS else False
        self.metal = trim_metal(watch.metal)
        self.ink: Rgb = INK if self.light else (238, 238, 234)
        self.bright = tone(self.metal, 0.62 if self.light else 0.9)
        self.dark = tone(self.metal, 0.14 if self.light else 0.34)
        self.accent = self.bright if watch.accent == "metal" else COLOURS[watch.accent]

    def draw(self) -> None:
        """Draw everything, from the dial upwards."""
        self._track()
        self._complication()
        for hour in range(12):
            if not self._covered(hour):
                self._marker(hour)
        self._print()
        if self.watch.date != "none":
            self._date()
        self._hands()

    def _covered(self, hour: int) -> bool:
        """Say whether something else stands where an hour marker would."""
        return (
            (hour == 3 and self.watch.date != "none")
            or (hour == 0 and self.watch.complication == "day")
            or (hour == 6 and self.watch.complication in ("moon", "regatta"))
        )

    def _track(self) -> None:
        thick = self.watch.markers in ("minutes", "3-6-9", "dots")
        for minute in range(60):
            width = 0.03 if minute % 5 == 0 else 0.014
            self.pen.spoke(minute * 6, 0.94 if thick else 0.95, 1.0, width, self.ink)

    def _marker(self, hour: int) -> None:
        degrees, kind = hour * 30.0, self.watch.markers
        short = self.watch.complication == "chronograph" and hour % 3 == 0
        if kind == "roman":
            for shift, ink in ((0.01, self.dark), (0.0, self.ink if self.light else self.bright)):
                self.pen.at((shift, shift)).roman(ROMANS[hour], degrees, 0.75, 0.26, ink)
        elif kind == "gems":
            self._gem(degrees, 0.86 if short else 0.8, 0.065 if short else 0.085)
        elif kind == "dots":
            self._lume(hour)
        elif kind in ("3-6-9", "minutes") and hour in (3, 6, 9):
            self.pen.text(str(hour), degrees, 0.72, 0.42, self.bright, upright=True)
        elif kind == "minutes" and hour:
            self.pen.text(f"{hour * 5:02d}", degrees, 0.76, 0.24, self.ink, upright=True)
        elif kind in ("3-6-9", "minutes") and hour == 0:
            self._triangle(0.12)
        else:
            inner = 0.8 if short else 0.58
            for side in (-3.2, 3.2) if hour == 0 and not short else (0.0,):
                self._baton(degrees + side, inner, 0.92)

    def _baton(self, degrees: float, inner: float, outer: float) -> None:
        self.pen.at((0.012, 0.016)).spoke(degrees, inner, outer, 0.085, SHADOW)
        self.pen.spoke(degrees, inner, outer, 0.085, self.dark)
        self.pen.spoke(degrees, inner + 0.015, outer - 0.015, 0.05, self.bright)

    def _gem(self, degrees: float, distance: float, size: float) -> None:
        at = turned([(0, -distance)], degrees)[0]
        self.pen.disc(at, size, self.dark)
        self.pen.disc(at, size * 0.8, (214, 224, 232))
        self.pen.disc((at[0] - size * 0.2, at[1] - size * 0.25), size * 0.42, (255, 255, 255))

    def _lume(self, hour: int) -> None:
        degrees = hour * 30.0
        if hour == 0:
            self._triangle(0.13)
        elif hour % 3 == 0:
            self.pen.spoke(degrees, 0.56, 0.9, 0.13, self.dark)
            self.pen.spoke(degrees, 0.585, 0.875, 0.085, LUME)
        else:
            at = turned([(0, -0.79)], degrees)[0]
            self.pen.disc(at, 0.105, self.bright if not self.light else self.dark)
            self.pen.disc(at, 0.08, LUME)

    def _triangle(self, half: float) -> None:
        outer = [(-half, -0.92), (half, -0.92), (0, -0.6)]
        inner = [(-half * 0.68, -0.885), (half * 0.68, -0.885), (0, -0.68)]
        self.pen.polygon(outer, self.bright if not self.light else self.dark)
        self.pen.polygon(inner, LUME)

    def _print(self) -> None:
        """Draw the maker's mark, a lozenge, and lines of print too small to read."""
        if self.watch.complication != "day":
            lozenge = [(0, -0.5), (0.05, -0.43), (0, -0.36), (-0.05, -0.43)]
            self.pen.polygon(lozenge, self.bright)
        self.pen.text("HALDEN & ROOK", 0, 0.3, 0.07, self.ink)
        if self.watch.complication in ("none", "day", "zone"):
            accented = self.watch.accent if self.watch.bezel == "dive minutes" else "metal"
            first = self.ink if accented == "metal" else COLOURS[accented]
            self.pen.box((0, 0.375), (0.2, 0.015), first)
            self.pen.box((0, 0.452), (0.15, 0.013), self.ink)

    def _complication(self) -> None:
        if self.watch.complication == "chronograph":
            for centre, degrees in (
                ((-0.47, 0.0), 20.0),
                ((0.47, 0.0), 130.0),
                ((0.0, 0.47), 300.0),
            ):
                self._counter(centre, 0.27, degrees)
        elif self.watch.complication == "ring":
            self._second_zone()
        elif self.watch.complication == "day":
            self._day()
        elif self.watch.complication == "moon":
            self._moon()
        elif self.watch.complication == "regatta":
            self._counter((0.0, 0.5), 0.27, 40.0)
            self._countdown()

    def _counter(self, centre: Point, size: float, degrees: float) -> None:
        pen = self.pen.at(centre)
        pen.disc((0, 0), size, tone("black", 0.45) if self.light else self.bright)
        floor = tone(self.watch.dial, 0.62 if self.light else 0.35)
        pen.disc((0, 0), size * 0.72, floor)
        ticks = LUME if self.light else INK
        for tick in range(12):
            pen.spoke(tick * 30, size * 0.8, size * 0.94, 0.022, ticks)
        pen.spoke(
            degrees, -size * 0.2, size * 0.8, 0.045, self.dark if self.light else LUME, tip=0.02
        )
        pen.disc((0, 0), 0.035, self.dark if self.light else LUME)

    def _second_zone(self) -> None:
        ring, marks = (tone("black", 0.5), LUME) if self.light else (tone("silver", 0.7), INK)
        pen = self.pen.at((0.0, 0.17))
        pen.disc((0, 0), 0.52, self.dark)
        pen.disc((0, 0), 0.5, ring)
        pen.disc((0, 0), 0.3, self.dark)
        pen.disc((0, 0), 0.285, tone(self.watch.dial, 0.5))
        for hour in range(0, 24, 2):
            pen.text(str(hour or 24), hour * 15 + 40, 0.395, 0.14, marks)
        pen.polygon([(-0.09, -0.33), (0.09, -0.33), (0.0, -0.18)], COLOURS["red"])
        for month in range(12):
            self.pen.spoke(
                month * 30, 0.94, 0.995, 0.09, COLOURS["red"] if month == 8 else self.ink
            )

    def _day(self) -> None:
        self.pen.ring(0.62, 0.86, self.dark, -36, 36)
        self.pen.ring(0.64, 0.84, (246, 246, 242), -34.5, 34.5)
        for letter, degrees in zip("MONDAY", (-25, -14, -3, 8, 17, 26), strict=True):
            self.pen.text(letter, degrees, 0.74, 0.17, INK)

    def _moon(self) -> None:
        pen = self.pen.at((0.0, 0.5))
        pen.disc((0, 0), 0.3, self.bright)
        pen.disc((0, 0), 0.27, (22, 42, 104))
        pen.disc((-0.06, -0.03), 0.13, (248, 232, 180))
        pen.disc((-0.01, -0.05), 0.11, (22, 42, 104))
        for at in ((0.13, -0.08), (0.1, 0.11), (0.02, 0.17), (0.17, 0.03)):
            pen.disc(at, 0.018, (248, 232, 180))

    def _countdown(self) -> None:
        self.pen.ring(0.44, 0.66, tone("blue", 0.5), 240, 480)
        self.pen.ring(0.46, 0.64, (246, 246, 242), 240, 480)
        for step in range(11):
            self.pen.text(str(10 - step), 246 + step * 22.8, 0.55, 0.15, COLOURS["blue"])
        self._arrow(20.0, 0.66, COLOURS["red"])

    def _date(self) -> None:
        lens = self.watch.date == "lens"
        x, half_x, half_y = (0.72, 0.19, 0.155) if lens else (0.76, 0.12, 0.095)
        if lens:
            for margin, ink in ((0.045, self.dark), (0.03, (226, 230, 232))):
                self.pen.box((x, 0), (half_x + margin, half_y + margin), ink, corner=0.08)
        self.pen.box((x, 0), (half_x, half_y), (250, 250, 248), corner=0.03)
        self.pen.text("28", 90, x, 0.3 if lens else 0.2, INK, upright=True)
        if lens:
            glint = [(x - 0.2, -0.18), (x + 0.02, -0.18), (x - 0.1, 0.18), (x - 0.2, 0.18)]
            self.pen.polygon(glint, (255, 255, 255, 70))

    def _arrow(self, degrees: float, length: float, ink: Rgb) -> None:
        self.pen.spoke(degrees, -0.1, length - 0.15, 0.035, ink)
        self.pen.spoke(degrees, length - 0.19, length, 0.2, ink, tip=0.0)

    def _hands(self) -> None:
        if self.watch.complication == "zone":
            self._arrow(ZONE, 0.8, self.accent)
        for degrees, length, width, is_hour in (
            (HOUR, 0.55, 0.13, True),
            (MINUTE, 0.84, 0.1, False),
        ):
            self._hand(degrees, length, width, is_hour)
        if self.watch.hands != "leaves":
            ink = self.accent if self.watch.complication != "zone" else self.bright
            self.pen.spoke(SECOND, -0.24, 0.86, 0.026, ink)
            if self.watch.hands == "discs":
                self.pen.disc(turned([(0, -0.6)], SECOND)[0], 0.05, ink)
        self.pen.disc((0, 0), 0.065, self.dark)
        self.pen.disc((0, 0), 0.045, self.bright)

    def _hand(self, degrees: float, length: float, width: float, is_hour: bool) -> None:
        if self.watch.hands == "leaves":
            shape = [(0.0, 0.12), (-0.025, 0.0), (-width * 0.5, -length * 0.45), (0.0, -length)]
            mirrored = [(-x, y) for x, y in reversed(shape[1:3])]
            self.pen.at((0.015, 0.025)).polygon(turned(shape + mirrored, degrees), SHADOW)
            self.pen.polygon(turned(shape + mirrored, degrees), self.bright)
            self.pen.polygon(turned(shape, degrees), self.dark)
            return
        self.pen.at((0.015, 0.025)).spoke(degrees, -0.12, length, width, SHADOW, tip=width * 0.8)
        self.pen.spoke(degrees, -0.12, length - 0.03, width, self.dark)
        self.pen.spoke(degrees, -0.11, length - 0.04, width * 0.7, self.bright)
        self.pen.spoke(degrees, length - 0.05, length + 0.02, width, self.bright, tip=0.0)
        filled = LUME if self.watch.hands == "discs" else self.dark
        self.pen.spoke(degrees, 0.16, length - 0.07, width * 0.42, filled)
        if self.watch.hands == "discs" and is_hour:
            at = turned([(0, -0.37)], degrees)[0]
            self.pen.disc(at, 0.135, self.dark)
            self.pen.disc(at, 0.115, self.bright)
            self.pen.disc(at, 0.085, LUME)
