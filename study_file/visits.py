"""The section `visits`: VISITNUM, VISIT, VISITDY and the epoch of what has no date (SDTMIG 3.4, 7.3.1 and 4.4.5)."""

from __future__ import annotations

from pydantic import Field, model_validator

from trialbridge.study_file.section import Section


class Visit(Section):
    """One planned visit."""

    number: float = Field(description="VISITNUM.")
    name: str = Field(description="VISIT.")
    day: float | None = Field(None, description="VISITDY: the planned study day.")
    epoch: str | None = Field(None, description="The epoch of records of this visit that have no date.")
    start: str | None = Field(None, description="TVSTRL: the rule by which it begins.")
    end: str | None = Field(None, description="TVENRL: the rule by which it ends.")
    form: tuple[str, ...] = Field((), description="What forms call it, beside its name; the first is written.")


class Visits(Section):
    """The planned visits, and what others are called."""

    planned: tuple[Visit, ...] = ()
    unscheduled: str | None = Field(
        None, description="The name of an unplanned visit, {number} standing for VISITNUM: UNSCHEDULED {number}."
    )

    @model_validator(mode="after")
    def _apart(self) -> Visits:
        for what in ("number", "name"):
            given = [getattr(one, what) for one in self.planned]
            twice = sorted({str(one) for one in given if given.count(one) > 1})
            if twice:
                raise ValueError(f"two visits have the same {what}: {', '.join(twice)}")
        if self.unscheduled is not None and "{number}" not in self.unscheduled:
            raise ValueError("unscheduled must hold {number}, or its visits cannot be told apart")
        return self
