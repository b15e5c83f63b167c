"""What the report page shows: the section report."""

from typing import Annotated

from pydantic import Field

from bestseller.params.section import Count, NonNegative, Section


class Report(Section):
    title: str
    budget: Count
    price_bands: Annotated[int, Field(ge=1, le=6)]
    thin_line: NonNegative
