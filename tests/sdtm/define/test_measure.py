"""Types, lengths and keys, by Define-XML 2.1 section 4.2 and its table of data types."""

from __future__ import annotations

import polars as pl
import pytest

from trialbridge.sdtm.define.measure import iso_type, keys, measured, measured_values
from trialbridge.sdtm.table import table


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2020-01-31"], "date"),
        (["2020-01-31T10:00:00", "2020-02-01T10:00:00Z"], "datetime"),
        (["2020", "2020-01", "2020-01-31"], "partialDate"),
        (["2020-01-31", "2020-01-31T10:00"], "partialDatetime"),
        (["2020---31", "2020-01-31"], "incompleteDatetime"),
        (["P3D", "PT6H"], "durationDatetime"),
        (["2020-01-01/2020-01-05"], "intervalDatetime"),
        (["2020-01-31", "yesterday"], ""),
    ],
)
def test_dates(texts, expected):
    """A partial or incomplete date would be declared complete, and a reader fail on it."""
    assert iso_type(texts) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 12.0, None], ("integer", 2, None)),
        ([1.0, 12.25, 100.5], ("float", 5, 2)),
        (["a", "Ärger"], ("text", 6, None)),  # Ä is two bytes in UTF-8
        ([None], ("text", 1, None)),
    ],
)
def test_lengths(values, expected):
    """A length would be shorter than the longest value, in bytes or digits."""
    kind = pl.String if all(one is None or isinstance(one, str) for one in values) else pl.Float64
    found = measured(pl.Series("X", values, kind))
    assert (found.type, found.length, found.digits) == expected


def test_numbers_written_as_texts():
    """The results of one test in --ORRES would be called text though all are numbers."""
    assert measured_values(["5.25", "10"]).type == "float"
    assert measured_values(["5.25", "<10"]).type == "text"
    assert measured(pl.Series("X", [5.25])).format == "4.2"


def test_natural_keys():
    """A dataset would be given a key that does not tell its records apart, or --SEQ where there is a natural one."""
    rows = {
        "STUDYID": ["S"] * 3,
        "USUBJID": ["1", "1", "2"],
        "VSSEQ": [1, 2, 1],
        "VSTESTCD": ["SYSBP"] * 3,
        "VISITNUM": [1, 2, 1],
    }
    assert keys(table("VS", pl.DataFrame(rows))) == ("STUDYID", "USUBJID", "VSTESTCD", "VISITNUM")
    alike = {**rows, "VISITNUM": [1, 1, 1]}
    assert keys(table("VS", pl.DataFrame(alike))) == ("STUDYID", "USUBJID", "VSSEQ")
