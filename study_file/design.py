"""The section `design`: what a registry's record does not hold of the trial's design (SDTMIG 3.4, section 7).

Elements and the arms' ways through them become TE and TA, the parameters rows of TS. The visits of TV are those of the
section `visits`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from trialbridge.study_file.section import Section


class Element(Section):
    """One element of the trial: a row of TE."""

    code: str = Field(min_length=1, max_length=8, description="ETCD.")
    name: str = Field(min_length=1, max_length=40, description="ELEMENT.")
    start: str = Field(min_length=1, max_length=200, description="TESTRL: the rule by which it begins.")
    end: str | None = Field(None, max_length=200, description="TEENRL: the rule by which it ends.")
    duration: str | None = Field(None, description="TEDUR: its planned duration, ISO 8601.")

    @model_validator(mode="after")
    def _ends(self) -> Element:
        if self.end is None and self.duration is None:
            raise ValueError("an element has an end or a duration")
        return self


class Step(Section):
    """One element on an arm's way: a row of TA."""

    element: str = Field(description="ETCD.")
    epoch: str = Field(description="EPOCH.")
    branch: str | None = Field(None, description="TABRANCH.")
    transition: str | None = Field(None, description="TATRANS.")


class Arm(Section):
    """One arm and its way through the elements."""

    arm: str = Field(min_length=1, description="ARM: the arm's label in the registry's record.")
    code: str = Field(min_length=1, max_length=20, description="ARMCD.")
    path: tuple[Step, ...] = Field(min_length=1, description="The elements in their order.")


class Parameter(Section):
    """One value of a trial summary parameter: a row of TS."""

    value: str | None = Field(None, description="TSVAL.")
    null_flavor: str | None = Field(None, description="TSVALNF: why there is no value (ISO 21090), such as NA or PINF.")
    code: str | None = Field(None, description="TSVALCD.")
    dictionary: str | None = Field(None, description="TSVCDREF.")
    dictionary_version: str | None = Field(None, description="TSVCDVER.")
    group: str | None = Field(None, description="TSGRPID.")

    @model_validator(mode="after")
    def _one(self) -> Parameter:
        if (self.value is None) == (self.null_flavor is None):
            raise ValueError("a parameter has either a value or a null_flavor")
        return self


def _listed(given: Any) -> Any:
    """A single value is a list of one; a plain text, number, yes or no is a value."""
    values = given if isinstance(given, list | tuple) else [given]
    return [{"value": _text(one)} if isinstance(one, str | int | float) else one for one in values]


def _text(value: str | float) -> str:
    return ("Y" if value else "N") if isinstance(value, bool) else str(value)


Name = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")]
Values = Annotated[tuple[Parameter, ...], BeforeValidator(_listed)]


class Design(Section):
    """The design of the trial, as far as the record does not say it."""

    elements: tuple[Element, ...] = Field((), description="The elements, rows of TE.")
    arms: tuple[Arm, ...] = Field((), description="Each arm's way through the elements, rows of TA.")
    parameters: dict[Name, Values] = Field(
        default_factory=dict, description="Trial summary parameters by TSPARMCD: a value, or several in their order."
    )
    criteria_version: str = Field("1", description="TIVERS: the protocol version of the criteria.")

    @model_validator(mode="after")
    def _known(self) -> Design:
        known = {one.code for one in self.elements}
        missing = sorted({step.element for arm in self.arms for step in arm.path} - known)
        if missing:
            raise ValueError(f"an arm goes through elements that are not listed: {', '.join(missing)}")
        return self
