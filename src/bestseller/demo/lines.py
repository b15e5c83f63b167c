"""The 16 lines: their category, kinds, units and price, and what their watches look like.

`kinds` and `units` are those of the reference catalogue, 2019-04-05 to 2022-03-01.
"""

from dataclasses import dataclass

PLAIN = {
    "bezel_colour": "metal",
    "texture": "lacquer: 4, sunburst: 3",
    "markers": "batons",
    "hands": "batons",
    "accent": "metal",
    "complication": "none",
    "date": "none",
    "band": "three-link",
    "band_colour": "black",
}
TOOL = PLAIN | {"metal": "steel", "markers": "dots", "hands": "discs"}
DIVER = TOOL | {"bezel_colour": "black", "dial": "black"}

COLOURS = (
    "black: 9, white: 9, silver: 9, champagne: 9, blue: 10, green: 6, slate: 7, chocolate: 6, "
    "pink: 6, ice blue: 4, aubergine: 4, red: 3, mint: 3"
)
FINISHES = "sunburst: 10, matte: 6, ribbed: 5, palm: 4, pearl: 4, gradient: 4"
PRECIOUS = "yellow gold: 5, rose gold: 4, white gold: 3, platinum: 2"
TWO_TONE = "steel: 5, steel and yellow gold: 4, steel and rose gold: 4"


@dataclass(frozen=True)
class Line:
    """A line: `kinds` products, `units` net units sold, `price` in euro of its plainest watch.

    `look` holds, for each attribute of a `Watch`, the value that the whole line has, or several
    with their relative frequencies, such as ``"fluted: 6, smooth: 4"``.
    """

    name: str
    category: str
    kinds: int
    units: int
    price: int
    look: dict[str, str]

    def values(self, attribute: str) -> tuple[list[str], list[float]]:
        """Return the values that an attribute takes in this line, and their probabilities."""
        parts = [part.partition(": ") for part in self.look[attribute].split(", ")]
        weights = [float(weight or 1) for _, _, weight in parts]
        return [value for value, _, _ in parts], [weight / sum(weights) for weight in weights]


def _classic(name: str, kinds: int, units: int, price: int, **look: str) -> Line:
    return Line(name, "Classic", kinds, units, price, PLAIN | look)


def _professional(
    name: str, kinds: int, units: int, price: int, base: dict[str, str], **look: str
) -> Line:
    return Line(name, "Professional", kinds, units, price, base | look)


DATEJUST = _classic(
    *("Datejust", 2563, 22901, 7600),
    size="36: 5, 41: 5",
    metal=TWO_TONE,
    bezel="fluted: 6, smooth: 4, gems: 1",
    dial=COLOURS,
    texture=FINISHES,
    markers="batons: 6, roman: 4, gems: 3",
    date="lens",
    band="five-link: 6, three-link: 4",
)
LADY_DATEJUST = _classic(
    *("Lady-Datejust", 1721, 11350, 7100),
    size="28: 7, 31: 3",
    metal=TWO_TONE + ", yellow gold: 2, rose gold: 2",
    bezel="fluted: 4, gems: 3, smooth: 2",
    dial=COLOURS,
    texture=FINISHES,
    markers="gems: 5, roman: 4, batons: 3",
    date="lens",
    band="five-link: 6, rounded-link: 3, three-link: 2",
)
DAY_DATE = _classic(
    *("Day-Date", 897, 822, 34000),
    size="36: 4, 40: 6",
    metal=PRECIOUS,
    bezel="fluted: 8, gems: 2, smooth: 1",
    dial=COLOURS,
    texture=FINISHES,
    markers="roman: 5, batons: 4, gems: 3",
    complication="day",
    date="lens",
    band="rounded-link: 9, leather: 1",
    band_colour="brown: 1, black: 1",
)
OYSTER_PERPETUAL = _classic(
    *("Oyster Perpetual", 29, 908, 5900),
    size="34: 3, 36: 4, 41: 4",
    metal="steel",
    bezel="smooth",
    dial="turquoise: 3, yellow: 3, coral: 3, pink: 3, green: 2, blue: 2, black: 2, silver: 2",
)
SKY_DWELLER = _classic(
    *("Sky-Dweller", 76, 721, 15000),
    size="42",
    metal="steel: 4, steel and yellow gold: 3, yellow gold: 3, rose gold: 3, white gold: 2",
    bezel="fluted",
    dial="black: 3, white: 3, blue: 3, champagne: 3, chocolate: 2, slate: 2, mint: 1",
    markers="batons: 5, roman: 2",
    complication="ring",
    date="lens",
    band="three-link: 4, five-link: 4, rubber: 2",
)
CELLINI = _classic(
    *("Cellini", 13, 102, 15500),
    size="39",
    metal="white gold: 4, rose gold: 4, yellow gold: 1",
    bezel="domed",
    dial="white: 4, black: 3, silver: 2, chocolate: 1, blue: 1",
    texture="guilloche: 4, lacquer: 3",
    markers="roman: 4, batons: 3",
    hands="leaves",
    complication="none: 5, moon: 2",
    band="leather",
    band_colour="black: 4, brown: 4, tan: 2",
)
DAYTONA = _professional(
    *("Daytona", 123, 304, 14500, PLAIN),
    metal=PRECIOUS + ", steel: 5, steel and yellow gold: 3",
    size="40",
    bezel="tachymeter",
    bezel_colour="black: 5, metal: 4, chocolate: 1",
    dial="black: 5, white: 5, champagne: 3, slate: 2, blue: 2, ice blue: 2, green: 2, chocolate: 1",
    markers="batons: 6, gems: 2",
    complication="chronograph",
    band="three-link: 6, rubber: 3, leather: 1",
)
GMT_MASTER_II = _professional(
    *("GMT-Master II", 54, 671, 10500, TOOL),
    size="40",
    metal="steel: 6, white gold: 2, steel and rose gold: 2, steel and yellow gold: 2, rose gold: 1",
    bezel="halves",
    bezel_colour="blue/red: 4, black/blue: 4, black/brown: 3, black/green: 2, slate/black: 2",
    dial="black: 6, blue: 3, slate: 1, chocolate: 1",
    accent="red: 3, green: 2, blue: 2, metal: 2",
    complication="zone",
    date="lens",
    band="five-link: 5, three-link: 5",
)
SUBMARINER = _professional(
    *("Submariner", 15, 809, 9300, DIVER),
    size="41",
    metal="steel: 6, steel and yellow gold: 2, yellow gold: 1, white gold: 1",
    bezel="dive",
    bezel_colour="black: 5, green: 3, blue: 3",
    dial="black: 6, green: 2, blue: 2",
    date="lens: 3, none: 1",
)
YACHT_MASTER = _professional(
    *("Yacht-Master", 12, 203, 12500, TOOL),
    size="37: 2, 40: 5, 42: 2",
    metal="steel: 3, rose gold: 3, steel and rose gold: 3, white gold: 2",
    bezel="relief",
    dial="slate: 3, blue: 3, black: 2, chocolate: 2",
    accent="metal: 3, turquoise: 2, red: 1",
    date="lens",
    band="three-link: 3, rubber: 3",
)
YACHT_MASTER_II = _professional(
    *("Yacht-Master II", 5, 304, 19500, TOOL),
    size="44",
    metal="steel: 3, steel and rose gold: 2, yellow gold: 2, white gold: 1",
    bezel="countdown",
    bezel_colour="blue: 4, metal: 1",
    dial="white: 4, silver: 1",
    accent="red",
    complication="regatta",
)
EXPLORER = _professional(
    *("Explorer", 2, 101, 7000, TOOL),
    size="36: 1, 40: 1",
    metal="steel: 2, steel and yellow gold: 1",
    bezel="smooth",
    dial="black",
    markers="3-6-9",
)
EXPLORER_II = _professional(
    *("Explorer II", 2, 107, 9400, TOOL),
    size="42",
    bezel="hours24",
    dial="white: 1, black: 1",
    accent="orange",
    complication="zone",
    date="lens",
)
SEA_DWELLER = _professional(
    *("Sea-Dweller", 2, 121, 12900, DIVER),
    size="43",
    metal="steel: 2, steel and yellow gold: 1",
    bezel="dive minutes",
    accent="red",
    date="lens",
)
DEEPSEA = _professional(
    *("Deepsea", 1, 89, 14200, DIVER),
    size="44",
    bezel="dive minutes",
    dial="deep blue: 3, black: 1",
    texture="abyss",
    accent="green",
    date="window",
)
AIR_KING = _professional(
    *("Air-King", 1, 73, 7300, TOOL),
    size="40",
    bezel="smooth",
    dial="black",
    texture="matte",
    markers="minutes",
    accent="green",
)

LINES: tuple[Line, ...] = (
    *(DATEJUST, LADY_DATEJUST, DAY_DATE, OYSTER_PERPETUAL, SKY_DWELLER, CELLINI),
    *(DAYTONA, GMT_MASTER_II, SUBMARINER, YACHT_MASTER, YACHT_MASTER_II),
    *(EXPLORER, EXPLORER_II, SEA_DWELLER, DEEPSEA, AIR_KING),
)
