"""How augmentation changes images: the section augment."""

from typing import Annotated

from pydantic import Field

from bestseller.params.section import NonNegative, Section, Share


class Augment(Section):
    share: Share
    flip: bool
    zoom: Annotated[float, Field(ge=0, lt=1)]
    brightness: Share
    channel_shift: Share
    fresh: bool
    seed: NonNegative
