"""Decimals as texts, by whole columns: the same as one by one."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from trialbridge.sdtm.files import dataset_json, exact
from trialbridge.sdtm.table import study

if TYPE_CHECKING:
    import pytest

NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53).map(float)
DECIMALS = (
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**14), max_value=10**14).map(str)
    | st.integers(-(10**17), 10**17).map(str)
    | st.sampled_from(["12.50", "1,234.5", "+1", ".5", "5.", "007", "-0", "0.0", "0.00001", "1e3", "-1.5E-7", "0.0001"])
)


@given(st.lists(NUMBERS, max_size=30))
@example([0.0, -0.0, 1e-4, 9.9e-5, 1e15, 1e16, 1e22, 0.1, 1 / 3, 5e-324, 1.7976931348623157e308, None])
def test_a_column_of_decimal_texts(values: list[float | None]) -> None:
    """A number would be spelled otherwise in a column than alone: not its shortest text, or not its own."""
    texts = exact.decimal_texts(pl.Series(values, dtype=pl.Float64)).to_list()
    for value, text in zip(values, texts, strict=True):
        assert (text is None) == (value is None)
        if value is not None:
            assert (float(text), len(text)) == (value, len(repr(value).removesuffix(".0")))


@given(st.lists(st.none() | DECIMALS, min_size=1, max_size=30))
def test_decimals_exchanged_as_text(tmp_path_factory: pytest.TempPathFactory, texts: list[str | None]) -> None:
    """A decimal of a Dataset-JSON file would be read as another number, or not be written as it stood."""
    folder = tmp_path_factory.mktemp("decimals")
    column = {"itemOID": "IT.DM.A", "name": "A", "label": "A", "dataType": "decimal", "targetDataType": "decimal"}
    whole = {
        "datasetJSONCreationDateTime": "2025-01-01T00:00:00",
        "datasetJSONVersion": "1.1.0",
        "itemGroupOID": "IG.DM",
        "records": len(texts),
        "name": "DM",
        "label": "",
        "columns": [column],
        "rows": [[text] for text in texts],
    }
    (folder / "dm.json").write_text(json.dumps(whole))
    one = dataset_json.read(folder / "dm.json")["DM"]
    expected = [None if text is None else float(Decimal(text.replace(",", ""))) for text in texts]
    assert one.frame["A"].to_list() == expected
    again = dataset_json.write(study([one]), folder / "again")[0]
    assert [row[0] for row in json.loads(again.read_bytes())["rows"]] == texts
