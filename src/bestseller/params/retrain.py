"""The monthly retraining, its checks and its promotion gate: the section retrain."""

import re
from typing import Annotated

from pydantic import Field, field_validator

from bestseller.params.section import NonNegative, Positive, Section, Share

BRANCH = re.compile(r"((\w|\{until\}|\{run\})([\w./-]|\{until\}|\{run\})*)?")


class Health(Section):
    max_lost_share: Share
    max_lost_sales_share: Share
    max_growth: Positive
    max_share_rise: Share


class Drift(Section):
    max_sales_psi: Positive
    max_turnover: Share
    max_centroid_shift: Positive
    max_centroid_distance: Positive


class Gate(Section):
    max_near_copy_rate: Share
    max_abstained_share: Share
    min_diversity_share: Annotated[float, Field(ge=0)]
    min_coverage: Share
    seed: NonNegative


class Retrain(Section):
    branch: str
    push: str
    notify: str
    notify_timeout_s: Positive
    health: Health
    drift: Drift
    gate: Gate

    @field_validator("branch")
    @classmethod
    def _has_known_parts(cls, value: str) -> str:
        if BRANCH.fullmatch(value) is None:
            raise ValueError("a branch's name, in which {until} and {run} may stand")
        return value
