"""The sections `sources` and `subjects`: the centre's tables, and how a record says whose it is."""

from __future__ import annotations

from pydantic import Field

from trialbridge.study_file.reading import Reading
from trialbridge.study_file.section import Section


class Source(Section):
    """One table: a sheet, a CSV file, a REDCap instrument, an ODM item group, a database table."""

    table: str | None = Field(None, description="Its name in the source. Default: the name given here.")
    header: int | tuple[int, int] | None = Field(
        None, description="The row of the column names, or the first and last of several. Default: found."
    )
    keys: tuple[str, ...] = Field((), description="The columns that tell its records apart.")
    number: str | None = Field(None, description="A column that counts the records of a subject (1, 2, 3 …).")
    subject: str | None = Field(None, description="The column of the subject, where it is not that of `subjects`.")
    columns: tuple[str, ...] = Field((), description="The columns in their order, for writing the form.")
    reading: Reading | None = Field(None, description="This table's own habits.")


class Subjects(Section):
    """How a record says whose it is: USUBJID is the prefix and the column's text."""

    column: str = Field("Subject", description="The column that holds the subject's number.")
    prefix: str | None = Field(None, description="What stands before it in USUBJID. Default: STUDYID and a hyphen.")
    pattern: str | None = Field(
        None, description="A regular expression that every subject's number matches; others are asked about."
    )
