"""One variable's line: exactly one word says how it is made, in the vocabulary that SDTM programmers know.

SUBJID: Subject                                        # assign, in short
DSCAT: "'PROTOCOL MILESTONE'"                          # hardcode, in short
SEX: {assign_ct: Sex, codes: SEX}                      # by a code table of this file
RACE: {assign_ct: Race}                                # by the variable's CDISC codelist
TRLNKID: {concat: ["{Reader}", "'-'", Lesion]}
VSDTC: {date: {date: Date, time: Time}}                # or day, month, year
VSSTRESN: {convert: Weight (lb), divided_by: 2.2046}
RFICDTC: {lookup: Consent date, in: consent}
MHSTDY: {derive: study day}
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from trialbridge.study_file.section import Condition, Section

WORDS = ("assign", "assign_ct", "hardcode", "concat", "split", "date", "convert", "lookup", "derive", "sequence_of")
Derivation = Literal[
    "study day",
    "epoch",
    "test name",
    "number",
    "range indicator",
    "treatment emergent",
    "age",
    "last before exposure",
    "earliest",
    "latest",
]


class DateParts(Section):
    """A date from several columns: a whole date and a time, or its parts. Unknown parts leave the date partial."""

    date: str | None = None
    time: str | None = None
    year: str | None = None
    month: str | None = None
    day: str | None = None
    hour: str | None = None
    minute: str | None = None

    @model_validator(mode="after")
    def _some(self) -> DateParts:
        if (self.date is None) == (self.year is None):
            raise ValueError("a date is one column (date) or begins with a year")
        if self.date is not None and (self.month or self.day):
            raise ValueError("a whole date has no month or day of its own")
        return self

    def columns(self) -> tuple[str, ...]:
        """The columns it is read from, the date first."""
        parts = (self.date, self.year, self.month, self.day, self.time, self.hour, self.minute)
        return tuple(one for one in parts if one is not None)


class Part(Section):
    """A part of a concat: a column, a text, or a column read by a code table."""

    column: str | None = None
    text: str | None = None
    codes: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        """A column's name, or a text in single quotes."""
        if isinstance(given, str):
            return {"text": given[1:-1]} if quoted(given) else {"column": given}
        return given

    @model_validator(mode="after")
    def _one(self) -> Part:
        if (self.column is None) == (self.text is None):
            raise ValueError("a part is a column or a text in single quotes")
        return self


def quoted(text: str) -> bool:
    """Whether a text stands in single quotes."""
    return len(text) > 1 and text[0] == text[-1] == "'"


class VariableLine(Section):
    """How one variable is made."""

    assign: str | None = Field(None, description="The column's text, cleaned; a number or date as the variable asks.")
    assign_ct: str | None = Field(None, description="The column by a code table, or by the variable's codelist.")
    hardcode: str | None = Field(None, description="This value (a constant).")
    concat: tuple[Part, ...] | None = Field(None, description="Columns and texts one after the other.")
    split: str | None = Field(None, description="One part of a column's text: see `separator` and `part`.")
    date: str | DateParts | None = Field(None, description="An ISO 8601 date, partial where parts are unknown.")
    convert: str | None = Field(None, description="A number in another unit: `times` or `divided_by`, `decimals`.")
    lookup: str | None = Field(None, description="A column of another source, of the record with the same key.")
    derive: Derivation | None = Field(None, description="Only SDTM holds it: computed as the standard says.")
    sequence_of: str | None = Field(None, description="The --SEQ of this record's row in that dataset.")

    codes: str | None = Field(None, description="A code table of this file; VISITS stands for the planned visits.")
    codelist: str | None = Field(None, description="A CDISC codelist by its NCI code, where it is not the variable's.")
    otherwise: Literal["ask", "keep"] = Field("ask", description="What becomes of a text that is no code.")
    separator: str = Field(" ", description="For split: what stands between the parts.")
    part: int = Field(1, ge=1, description="For split: which part, from 1.")
    times: Decimal | None = Field(None, gt=0)
    divided_by: Decimal | None = Field(None, gt=0)
    decimals: int | None = Field(None, ge=0, le=12, description="Decimals kept after a conversion.")
    in_: str | None = Field(None, alias="in", description="For lookup: the other source.")
    by: tuple[str, ...] = Field((), description="For lookup: the columns of the key. Default: the subject's.")
    where: Condition | None = Field(
        None,
        description="For lookup: only records of the other source; for earliest, latest: only rows of the other dataset.",
    )
    of: tuple[str, ...] = Field((), description="For derive: the variables it is computed from.")
    when: Condition | None = Field(
        None, description="Only for records for which this holds; else the variable is empty."
    )
    direction: Literal["both", "to_sdtm"] = "both"
    label: str | None = Field(None, description="QLABEL of a supplemental qualifier.")
    origin: str = Field("CRF", description="QORIG of a supplemental qualifier.")
    evaluator: str | None = Field(None, description="QEVAL of a supplemental qualifier.")
    note: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        """A column's name is assigned; a text in single quotes is hardcoded."""
        if isinstance(given, bool):
            raise ValueError("YAML reads an unquoted yes, no, on or off as true or false; put it in quotes")  # noqa: TRY004 - pydantic reports ValueErrors
        if isinstance(given, str):
            return {"hardcode": given[1:-1]} if quoted(given) else {"assign": given}
        return given

    @field_validator("hardcode", mode="before")
    @classmethod
    def _text(cls, given: Any) -> Any:
        if isinstance(given, bool):
            raise ValueError("YAML reads an unquoted yes, no, on or off as true or false; put it in quotes")  # noqa: TRY004 - pydantic reports ValueErrors
        return str(given) if isinstance(given, int | float) else given

    @model_validator(mode="after")
    def _one_word(self) -> VariableLine:
        given = [one for one in WORDS if getattr(self, one) is not None]
        if len(given) != 1:
            raise ValueError(f"a variable has one of {', '.join(WORDS)}; this has {' and '.join(given) or 'none'}")
        if self.convert is not None and (self.times is None) == (self.divided_by is None):
            raise ValueError("convert needs times or divided_by")
        if self.lookup is not None and self.in_ is None:
            raise ValueError("lookup needs `in`, the other source")
        if self.assign_ct is None and self.codelist is not None:
            raise ValueError("a codelist goes with assign_ct")
        return self

    @property
    def word(self) -> str:
        """The word that says how."""
        return next(one for one in WORDS if getattr(self, one) is not None)

    def columns(self) -> tuple[str, ...]:
        """The columns it reads from its own record."""
        if isinstance(self.date, DateParts):
            return self.date.columns()
        if self.concat is not None:
            return tuple(dict.fromkeys(one.column for one in self.concat if one.column is not None))
        one = self.assign or self.assign_ct or self.split or self.convert or (self.date or None)
        return (one,) if isinstance(one, str) else ()
