"""The hidden taste: what the buyers of the embedded shop like. The ground truth, never served.

The utility of a design is a sum over what can be seen of it, the same in every line::

    utility(design) = sum_a WEIGHTS[a][value of attribute a] + SUM OF INTERACTIONS THAT HOLD

and its share of its line's sales is proportional to ``exp(STRENGTH * utility)`` times its days on
sale, weighted by the season of the year (see `sales`). The constants give a standard deviation of
the log share near 0.8 in the large lines, so that the top tenth of a line sells about four times
as fast as its median product: visible, but no certainty for a product that sells ten pieces.
"""

import numpy as np

from bestseller.demo.watch import Watch

STRENGTH = 1.0
WEIGHTS: dict[str, dict[str, float]] = {
    "dial": {
        "green": 0.9,
        "blue": 0.8,
        "ice blue": 0.8,
        "turquoise": 0.8,
        "mint": 0.5,
        "black": 0.4,
        "slate": 0.1,
        "white": 0.0,
        "silver": -0.1,
        "yellow": -0.1,
        "pink": -0.2,
        "champagne": -0.4,
        "coral": -0.4,
        "aubergine": -0.6,
        "chocolate": -0.7,
        "red": -0.8,
    },
    "texture": {
        "sunburst": 0.3,
        "ribbed": 0.2,
        "palm": 0.1,
        "pearl": 0.0,
        "gradient": -0.2,
        "matte": -0.3,
        "guilloche": 0.4,
    },
    "bezel": {"fluted": 0.3, "smooth": -0.2, "gems": -0.5},
    "bezel_colour": {
        "black/blue": 0.4,
        "blue/red": 0.5,
        "green": 0.4,
        "black/green": 0.2,
        "black": 0.1,
    },
    "metal": {
        "steel": 0.4,
        "rose gold": 0.1,
        "steel and rose gold": 0.0,
        "yellow gold": -0.1,
        "white gold": -0.2,
        "steel and yellow gold": -0.3,
        "platinum": -0.4,
    },
    "markers": {"batons": 0.2, "roman": -0.1, "gems": -0.2},
    "complication": {"moon": 0.5},
    "band_colour": {"brown": 0.3, "tan": -0.3},
    "band": {
        "five-link": 0.3,
        "rounded-link": 0.1,
        "rubber": 0.1,
        "three-link": -0.1,
        "leather": -0.4,
    },
}
# (attribute, value, attribute, value, weight): liked together beyond what each is liked alone
INTERACTIONS = (
    ("dial", "blue", "metal", "steel", 0.4),
    ("dial", "champagne", "metal", "yellow gold", 0.5),
)


def utility(watch: Watch) -> float:
    """Return the utility of a design, about -2 to 2; a value without a weight counts 0."""
    single = sum(weights.get(getattr(watch, name), 0.0) for name, weights in WEIGHTS.items())
    pairs = sum(
        weight
        for first, value, second, other, weight in INTERACTIONS
        if getattr(watch, first) == value and getattr(watch, second) == other
    )
    return single + pairs


def appeal(watch: Watch) -> float:
    """Return how fast a design sells against its line's others: ``exp(STRENGTH * utility)``."""
    return float(np.exp(STRENGTH * utility(watch)))
