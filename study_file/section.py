"""The base of every section: what it does not know it refuses, and nothing changes it once it is read."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from trialbridge.study_file.condition import parse


class Section(BaseModel):
    """A part of the study file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _readable(given: str) -> str:
    parse(given)
    return given


Condition = Annotated[str, AfterValidator(_readable)]
"""A condition as `study_file.condition` reads it. One that cannot be read is refused with the file."""
