"""How models are compared, such as the confidence of the intervals: the section compare."""

from typing import Annotated

from pydantic import Field

from bestseller.params.section import Section


class Compare(Section):
    confidence: Annotated[float, Field(gt=0, lt=1)]
