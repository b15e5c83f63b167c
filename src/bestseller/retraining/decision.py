"""What the gate says about the best model of today."""

from pydantic import BaseModel, ConfigDict


class Decision(BaseModel):
    """Whether a model becomes the champion, and why.

    Attributes:
        promote: whether the challenger takes the champion's place.
        challenger: name of the model, a matrix item such as ``dcgan-plain-0``.
        reasons: one sentence each, for people.
        facts: what was measured, flat, with the unit in the name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    promote: bool
    challenger: str
    reasons: list[str]
    facts: dict[str, float | int | str]
