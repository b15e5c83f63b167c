"""What can be seen of a watch: what the renderer draws and what the hidden taste weighs."""

from dataclasses import dataclass, replace

METAL_BEZELS = frozenset({"smooth", "fluted", "gems", "relief", "hours24", "domed"})
METAL_BANDS = frozenset({"three-link", "five-link", "rounded-link"})
TWO_TONE = {"steel and yellow gold": "yellow gold", "steel and rose gold": "rose gold"}


@dataclass(frozen=True)
class Watch:
    """One design. Every value is a word or a number that a shopper would use.

    Attributes:
        size: case diameter in millimetres.
        metal: of the case; "steel and yellow gold" and the like are two-tone.
        bezel: the ring around the dial; bezel_colour is "metal" where it has no colour of its own,
            and "upper/lower" where its halves differ.
        dial, texture: colour of the dial and its finish.
        markers, hands: the hour markers and the shape of the hands.
        accent: colour of the seconds or the second-zone hand, "metal" for that of the others.
        complication: what the dial shows besides the time: none, chronograph, ring (a disc of the
            second time zone), zone (a fourth hand), day (its name in an arc), regatta or moon.
        date: none, window, or lens (a window under a magnifier).
        band: kind of bracelet or strap; band_colour is "metal" for a bracelet.
    """

    size: int
    metal: str
    bezel: str
    bezel_colour: str
    dial: str
    texture: str
    markers: str
    hands: str
    accent: str
    complication: str
    date: str
    band: str
    band_colour: str

    def settled(self) -> "Watch":
        """Return the design with the colours that its other parts rule out made "metal"."""
        return replace(
            self,
            bezel_colour="metal" if self.bezel in METAL_BEZELS else self.bezel_colour,
            band_colour="metal" if self.band in METAL_BANDS else self.band_colour,
        )
