"""Datasets of domains nobody mapped: what their class gives stands in native elements, and every cell comes home.

The rows are made by hand after SDTM 2.0 sections 3.1.1 to 3.1.4 and SENDIG's and SDTMIG-MD's datasets. The comparison
is of plain rows and uses nothing of the converter.
"""

from __future__ import annotations

import polars as pl
import pytest

from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.check import check
from trialbridge.sdtm.table import study, table

RELEASES = ("R4", "R5")
WHO = {"STUDYID": "ST1", "USUBJID": "ST1-001"}
DATASETS = {
    # a sponsor's own domains, by their class
    "XE": [
        {**WHO, "DOMAIN": "XE", "XESEQ": 1.0, "XESPID": "a", "XETERM": "Door jammed", "XEDECOD": "DEVICE PROBLEM"}
        | {"XECAT": "MACHINE", "XELOC": "LUNG", "XELAT": "LEFT", "XESTDTC": "2020-01-02", "XEENDTC": "2020-01"}
        | {"SPDEVID": "LINAC-1", "VISITNUM": 3.0, "VISIT": "WEEK 3", "XEACN": "REPAIRED", "XENUM": 2.5},
        {**WHO, "DOMAIN": "XE", "XESEQ": 2.0, "XEACN": "nothing but this"},
    ],
    "XI": [
        {**WHO, "DOMAIN": "XI", "XISEQ": 1.0, "XITRT": "Tattoo", "XICAT": "SET-UP", "XISTDTC": "2020-01-02T10:30"}
        | {"XIINDC": "positioning", "XILOC": "CHEST WALL", "SPDEVID": "LINAC-1"},
        {**WHO, "DOMAIN": "XI", "XISEQ": 2.0, "XITRT": "Contrast", "XIDOSE": 90.0, "XIDOSU": "mL"}
        | {"XIROUTE": "INTRAVENOUS", "XISTDTC": "2020-01-02"},
        {**WHO, "DOMAIN": "XI", "XISEQ": 3.0, "XITRT": "Mask", "XIPRESP": "Y", "XIOCCUR": "N"},
    ],
    "XF": [
        {**WHO, "DOMAIN": "XF", "XFSEQ": 1.0, "XFTESTCD": "GAMMA", "XFTEST": "Gamma pass rate", "XFORRES": "98.50"}
        | {"XFORRESU": "%", "XFDTC": "2020-01-02", "SPDEVID": "LINAC-1", "XFEVAL": "INVESTIGATOR"},
        {**WHO, "DOMAIN": "XF", "XFSEQ": 2.0, "XFTESTCD": "VERDICT", "XFORRES": "acceptable"},
    ],
    # SENDIG: body weights and clinical observations, a group of animals for one (POOLID)
    "BW": [
        {**WHO, "DOMAIN": "BW", "BWSEQ": 1.0, "BWTESTCD": "BW", "BWTEST": "Body Weight", "BWORRES": "24.3"}
        | {"BWORRESU": "g", "BWSTRESC": "24.3", "BWSTRESN": 24.3, "BWSTRESU": "g", "BWDTC": "2020-01-02", "BWDY": 1.0},
        {"STUDYID": "ST1", "POOLID": "P1", "DOMAIN": "BW", "BWSEQ": 1.0, "BWTESTCD": "BW", "BWORRES": "25"},
    ],
    # SDTMIG-MD: device in use, device identifiers; SDTMIG-AP: a relative's history
    "DU": [
        {**WHO, "DOMAIN": "DU", "DUSEQ": 1.0, "SPDEVID": "LINAC-1", "DUTESTCD": "ENERGY", "DUTEST": "Beam Energy"}
        | {"DUORRES": "6", "DUORRESU": "MV"},
    ],
    "DI": [
        {"STUDYID": "ST1", "DOMAIN": "DI", "SPDEVID": "LINAC-1", "DISEQ": 1.0, "DIPARMCD": "MANUF", "DIVAL": "ACME"},
    ],
    "APMH": [
        {"STUDYID": "ST1", "DOMAIN": "APMH", "APID": "AP-1", "MHSEQ": 1.0, "RSUBJID": "ST1-001", "SREL": "MOTHER"}
        | {"MHTERM": "Lung cancer"},
    ],
}
NATIVE = {
    "XE": {"Observation"},
    "XI": {"Procedure", "MedicationAdministration"},
    "XF": {"Observation"},
    "BW": {"Observation", "Basic"},  # the row of a group has no subject
    "DU": {"Observation"},
    "DI": {"Basic"},
    "APMH": {"Basic"},
}


def of(name):
    """A study of one dataset."""
    rows = DATASETS[name]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    frame = pl.DataFrame([{key: row.get(key) for key in columns} for row in rows], infer_schema_length=None)
    return study([table(name, frame)])


def plain(one):
    """The filled cells of each row."""
    return {
        each.name: sorted(
            repr(sorted((key, value) for key, value in row.items() if value is not None)) for row in each.rows()
        )
        for each in one
    }


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", DATASETS)
def test_every_cell_comes_home(name, release):
    """A dataset of no domain of ours would lose a cell, or be written as no FHIR."""
    given = of(name)
    made = to_fhir(given, release=release).resources
    assert [one for each in made for one in check(each, release)] == []
    assert plain(to_sdtm(made, release=release, residue=False).study) == plain(given)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", DATASETS)
def test_rows_stand_in_resources_of_their_class(name, release):
    """Rows would be hidden in Basic although FHIR has a resource for what they say."""
    made = to_fhir(of(name), release=release).resources
    records = {
        one["resourceType"]
        for one in made
        if one["resourceType"] == "Basic"
        or any(str(each.get("system", "")).endswith("/sid/sdtm-record") for each in one.get("identifier", ()))
    } - {"ResearchSubject", "Encounter"}
    assert records == NATIVE[name]


def test_an_event_says_what_its_class_gives():
    """An event's term, dates, place and device would be found in our extension alone."""
    made = to_fhir(of("XE")).resources
    event = next(one for one in made if "valueCodeableConcept" in one)
    assert event["valueCodeableConcept"] == {"coding": [{"display": "DEVICE PROBLEM"}], "text": "Door jammed"}
    assert event["effectivePeriod"] == {"start": "2020-01-02", "end": "2020-01"}
    assert event["code"]["coding"][0]["code"] == "XE"
    device = next(one for one in made if one["resourceType"] == "Device")
    assert event["device"] == {"reference": f"Device/{device['id']}"}
    carried = {
        part["valueCode"] for one in event["extension"] for part in one.get("extension", ()) if part["url"] == "name"
    }
    assert carried == {"XEACN", "XENUM"}


def test_a_changed_element_changes_the_row():
    """What stands in a native element would be carried too, and an edit at the hospital be overruled."""
    made = to_fhir(of("XI")).resources
    for one in made:
        if one["resourceType"] == "MedicationAdministration":
            one["dosage"]["dose"]["value"] = 80
    rows = to_sdtm(made).study["XI"].rows()
    assert [row["XIDOSE"] for row in rows] == [None, 80.0, None]
