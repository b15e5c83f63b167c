"""Where products come from: the section catalogue.

Each source has a section of its own, which its own file under `bestseller.sources` knows
and checks: here it is a mapping, so that a new source changes nothing that other stages read.
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
    """The section catalogue; what it names beside these keys are the sections of sources."""

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
        """Return what stands beside the settings of the catalogue: the sections of sources."""
        return {"demo": self.demo.model_dump(), **(self.model_extra or {})}
