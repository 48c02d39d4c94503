"""How a centre writes dates, numbers and blanks: what cannot be told from the text itself is said here, never guessed."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from trialbridge.study_file.section import Section

MISSING = (
    *("unk", "unkn", "unknown", "not known", "onbekend", "niet bekend", "nd", "n.d.", "not done", "niet gedaan"),
    *("na", "n/a", "n.a.", "nvt", "n.v.t.", "missing", "null", "nan", "?", "??", "-", "--", "."),
)
"""Words that usually mean that nothing is known. They are asked about unless the study file lists them as missing."""


class Reading(Section):
    """The centre's habits; a source may have its own."""

    dates: Literal["year-first", "day-first", "month-first"] = Field(
        "year-first",
        description="The order in dates such as 03-04-2020. year-first: only ISO dates are plain, others are asked about.",
    )
    decimal: Literal["point", "comma"] | None = Field(
        None, description="The decimal sign. Not given: 1,234 and 1.234 are asked about."
    )
    missing: tuple[str, ...] = Field((), description="Texts that stand for an empty cell, in any case of letters.")

    @field_validator("missing", "yes_words", "no_words", mode="before")
    @classmethod
    def _texts(cls, given: Any) -> Any:
        """Codes such as -99 are texts, too; yes and no must stand in quotes."""
        if not isinstance(given, list):
            return given
        if any(isinstance(one, bool) for one in given):
            raise ValueError("YAML reads an unquoted yes, no, on or off as true or false; put it in quotes")
        return [str(one) if isinstance(one, int | float) else one for one in given]

    yes_words: tuple[str, ...] = Field(("Y", "yes", "ja", "j", "true", "1", "x"), description="Texts that mean yes.")
    no_words: tuple[str, ...] = Field(("N", "no", "nee", "false", "0"), description="Texts that mean no.")
    earliest: str = Field(
        "1900-01-01", description="A date before this one is asked about.", pattern=r"\d{4}-\d\d-\d\d"
    )
    latest: str | None = Field(
        None,
        description="A date after this one is asked about. Give the day of the export.",
        pattern=r"\d{4}-\d\d-\d\d",
    )
    century: int = Field(
        2000, description="Two-digit years are asked about; this century is proposed.", multiple_of=100, ge=1900
    )
