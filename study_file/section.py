"""The base of every section: what it does not know it refuses, and nothing changes it once it is read."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the study file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
