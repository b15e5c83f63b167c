"""Where products come from: the section catalogue.

Each source has a section of its own. The source's module in `bestseller.sources` checks that
section; here it is an unchecked mapping. So a new source changes no module that other stages read.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from bestseller.params.section import Count, NonNegative, Positive, Section, Share


class Crawl(Section):
    delay_s: Annotated[float, Field(ge=0)]
    concurrency: Count
    timeout_s: Positive
    max_wait_s: Annotated[float, Field(ge=0)]
    max_body_mb: Positive
    min_found_share: Share
    max_lost_photo_share: Share


class Demo(Section):
    scale: Annotated[float, Field(gt=0, le=1)]
    seed: NonNegative
    season: Count
    image_size: Annotated[int, Field(ge=128, le=1024)]


class Catalogue(Section):
    """The section catalogue. Each key beside the keys below is the section of a source."""

    model_config = ConfigDict(extra="allow")

    source: str
    user_agent: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]*$")]
    contact: str
    permission: bool
    colour_options: list[str]
    crawl: Crawl
    demo: Demo

    @model_validator(mode="after")
    def _has_its_section(self) -> "Catalogue":
        if self.source not in self.sections():
            known = ", ".join(f"'{name}'" for name in self.sections())
            text = f"source: {self.source!r} is not allowed; one of {known}"
            raise PydanticCustomError("of_a_key", "{text}", {"text": text})
        return self

    def sections(self) -> dict[str, Any]:
        """Return the sections of the sources, by the source's name."""
        return {"demo": self.demo.model_dump(), **(self.model_extra or {})}
