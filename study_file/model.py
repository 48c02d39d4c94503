"""The study file's model: sections that each stand in a module of their own."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A part of the study file: what it does not know it refuses, and nothing changes it once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Identity(Section):
    """Which study this is."""

    id: str = Field(min_length=1, description="STUDYID, as the sponsor writes it.")
    title: str | None = None
    registry: str | None = Field(None, description="The registry's number, such as NCT03406468.")
    sponsor: str | None = None


class StudyFile(Section):
    """A whole `study.yaml`."""

    study: Identity
