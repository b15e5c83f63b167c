"""How much of a model is measured: the section evaluate."""

from typing import Annotated

from pydantic import Field

from bestseller.params.section import Count, NonNegative, Section


class Evaluate(Section):
    images: Annotated[int, Field(ge=2)]
    images_per_line: Annotated[int, Field(ge=2)]
    pairs: Count
    seed: NonNegative
