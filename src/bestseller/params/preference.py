"""How the sales score is fitted and tested: the section preference."""

from typing import Literal

from bestseller.params.section import (
    Count,
    Day,
    NonNegative,
    Positive,
    Precision,
    Section,
)


class Preference(Section):
    top_k: Count
    scope: Literal["line", "overall"]
    launched_after: Day
    steps: Count
    batch_size: Count
    lr: Positive
    precision: Precision
    seed: NonNegative
