"""The frozen networks and the feature spaces: the section backbones."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bestseller.params.section import Count, NonNegative, Positive, Precision, Section


class Space(Section):
    """A feature space: a network, a layer of it, and the size of the images it is given."""

    network: str
    layers: list[Count]
    side: Annotated[int, Field(ge=0, le=1024)]


class Backbones(Section):
    weights: Literal["package", "imagenet", "catalogue"]
    weights_dir: str
    metric_spaces: Annotated[list[Space], Field(min_length=1)]
    score_space: Space
    perceptual: str
    steps: Count
    batch_size: Annotated[int, Field(ge=4)]
    lr: Positive
    precision: Precision
    seed: NonNegative

    @field_validator("score_space")
    @classmethod
    def _is_no_metric(cls, value: Space, given: ValidationInfo) -> Space:
        spaces = given.data.get("metric_spaces", [])
        if any((s.network, s.layers) == (value.network, value.layers) for s in spaces):
            raise ValueError("another network, or other layers, than each of metric_spaces")
        return value

    def measuring(self) -> set[str]:
        """Names of the networks that judge images: for metrics, for similarity, for the score."""
        spaces = [*self.metric_spaces, self.score_space]
        return {space.network for space in spaces} | {self.perceptual}
