"""TS and ResearchStudy: parameters in elements of their own, all others as they are, and every cell home again.

Expected elements are those of FHIR R4 and R5 ResearchStudy; rows follow SDTMIG 3.4 section 7.6.
"""

from __future__ import annotations

import polars as pl
import pytest

from trialbridge.converters.lineage import cells, lineage_of
from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.check import check
from trialbridge.mappings.ts import cut
from trialbridge.sdtm.table import study, table

RELEASES = ("R4", "R5")
COLUMNS = "STUDYID DOMAIN TSSEQ TSGRPID TSPARMCD TSPARM TSVAL TSVAL1 TSVALNF TSVALCD TSVCDREF TSVCDVER".split()
LONG = "To see whether " + "very " * 50 + "long objectives stay whole"


def row(parameter, value=None, seq=1.0, **more):
    """A row of TS."""
    return {"STUDYID": "ST1", "DOMAIN": "TS", "TSSEQ": seq, "TSPARMCD": parameter, "TSVAL": value, **more}


ROWS = [
    row("TITLE", "A trial", TSPARM="Trial Title"),
    row("TPHASE", "PHASE II TRIAL", TSPARM="Trial Phase Classification", TSVALCD="C15601", TSVCDREF="CDISC CT"),
    row("TPHASE", "PHASE OF THE MOON", 2.0),
    row("INDIC", "Lung cancer", TSVALCD="254637007", TSVCDREF="SNOMED"),
    row("INDIC", "Brain cancer", 2.0),
    row("INDIC", "Bone cancer", 4.0),  # TSSEQ 3 is missing
    row("OBJPRIM", cut(LONG)[0], TSVAL1=cut(LONG)[1]),
    row("OBJSEC", "cut badly, in the mid", TSVAL1="dle of a word"),
    row("OUTMSPRI", "Survival"),
    row("OUTMSSEC", "Toxicity"),
    row("OUTMSSEC", "Remission", 2.0),
    row("PLANSUB", "40"),
    row("ACTSUB", "about 40"),
    row("SSTDTC", "2019-07"),
    row("SENDTC", "--07-15"),
    row("REGID", "NCT03406468"),
    row("REGID", "2017-001234-56", 2.0),
    row("STYPE", "INTERVENTIONAL"),
    row("TBLIND", "Y"),
    row("AGEMAX", TSVALNF="PINF"),
    row("AGEMAX", TSVALNF="NA"),  # the same key twice
    row("SPONSOR", "Centre", TSGRPID="G"),
    row(None, "no parameter"),
]


def of(rows):
    """A study of TS alone."""
    return study(
        [
            table(
                "TS",
                pl.DataFrame([{name: one.get(name) for name in COLUMNS} for one in rows], infer_schema_length=None),
            )
        ]
    )


def plain(one):
    """The filled cells of TS, row by row."""
    return sorted(repr(sorted((k, v) for k, v in row.items() if v is not None)) for row in one["TS"].rows())


def whole(resources):
    """The study itself."""
    return next(one for one in resources if one["resourceType"] == "ResearchStudy")


@pytest.mark.parametrize("release", RELEASES)
def test_every_cell_comes_home(release):
    """A row that the elements cannot say, or say otherwise, would be changed or lost."""
    made = to_fhir(of(ROWS), release=release).resources
    assert [one for each in made for one in check(each, release)] == []
    assert plain(to_sdtm(made, release=release, residue=False).study) == plain(of(ROWS))


def test_what_a_study_has_elements_for_stands_there():
    """A reader who knows no TS would find neither title nor objectives nor outcome measures."""
    made = whole(to_fhir(of(ROWS), release="R5").resources)
    assert made["title"] == "A trial"
    assert [one["name"] for one in made["objective"]] == [LONG, "cut badly, in the middle of a word"]
    assert [one["name"] for one in made["outcomeMeasure"]] == ["Survival", "Toxicity", "Remission"]
    assert [one["type"][0]["coding"][0]["code"] for one in made["outcomeMeasure"]] == [
        "primary",
        "secondary",
        "secondary",
    ]
    assert made["recruitment"] == {"targetNumber": 40}
    assert made["period"] == {"start": "2019-07"}
    assert [one["text"] for one in made["condition"]] == ["Lung cancer", "Brain cancer"]
    assert made["studyDesign"][0]["coding"][0]["code"] == "C98388"  # NCIt: interventional study
    assert made["identifier"][1:] == [{"system": "http://clinicaltrials.gov", "value": "NCT03406468"}]


FOREIGN = {
    "resourceType": "ResearchStudy",
    "id": "s",
    "status": "active",
    "identifier": [{"system": "https://clinicaltrials.gov/", "value": "NCT03406468"}],
    "title": "A trial",
    "phase": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/research-study-phase", "code": "phase-2"}]},
    "condition": [{"coding": [{"system": "http://snomed.info/sct", "code": "254637007", "display": "NSCLC"}]}],
    "period": {"start": "2019-07-15T00:00:00Z"},
    "sponsor": {"display": "Centre"},
    "objective": [
        {
            "name": LONG,
            "type": {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/research-study-objective-type",
                        "code": "secondary",
                    }
                ]
            },
        },
        {"name": "of no type"},
    ],
}


def test_a_foreign_study_gives_trial_summary():
    """A hospital's or registry's ResearchStudy would give no TS, or TS would say what it does not."""
    told = to_sdtm([FOREIGN], release="R4").study
    rows = {(one["TSPARMCD"], one["TSSEQ"]): one for one in told["TS"].rows()}
    assert set(rows) == {(name, 1.0) for name in ("TITLE", "TPHASE", "INDIC", "SSTDTC", "SPONSOR", "REGID", "OBJSEC")}
    assert {one["STUDYID"] for one in rows.values()} == {"NCT03406468"}
    assert rows["TPHASE", 1.0]["TSVAL"] == "PHASE II TRIAL"
    assert rows["TPHASE", 1.0]["TSVALCD"] == "C15601"
    assert rows["TPHASE", 1.0]["TSPARM"] == "Trial Phase Classification"
    assert (rows["INDIC", 1.0]["TSVAL"], rows["INDIC", 1.0]["TSVALCD"]) == ("NSCLC", "254637007")
    assert rows["SSTDTC", 1.0]["TSVAL"] == "2019-07-15"
    assert (rows["OBJSEC", 1.0]["TSVAL"] + rows["OBJSEC", 1.0]["TSVAL1"]) == LONG
    assert max(len(rows["OBJSEC", 1.0][name]) for name in ("TSVAL", "TSVAL1")) <= 200
    back = to_fhir(told, release="R4").resources
    assert [one for one in back if one["resourceType"] == "ResearchStudy"] == [FOREIGN]


def test_an_edited_element_wins_and_is_told():
    """A title corrected at its source would be overruled by what was carried along."""
    rows = [
        row("TPHASE", "PHASE II TRIAL", TSPARM="sponsor's own words"),
        row("TITLE", "A trial", TSPARM="Trial Title"),
    ]
    made = to_fhir(of(rows)).resources
    whole(made)["title"] = "Another trial"
    whole(made)["phase"]["coding"][1]["code"] = "C15602"  # phase III
    done = to_sdtm(made, residue=False)
    found = {one["TSPARMCD"]: one["TSVAL"] for one in done.study["TS"].rows()}
    assert found == {"TITLE": "Another trial", "TPHASE": "PHASE III TRIAL"}
    assert "TB-CARRIED-STALE" in {one.id for one in done.findings}


@pytest.mark.parametrize("text", ["short", "x" * 450, LONG, " ".join(["word"] * 200)])
def test_long_texts_are_cut_and_joined(text):
    """A text longer than a variable holds would lose characters, or be refused by XPT."""
    assert "".join(cut(text)) == text
    assert max(map(len, cut(text))) <= 200


def test_lineage_names_the_studys_element():
    """A parameter would be said to come from nowhere although an element of the study tells it."""
    found = {
        (one.value, one.derivation): (one.resource, one.path)
        for one in cells(lineage_of([FOREIGN], release="R4"), ("TS",))
        if one.variable == "TSVAL"
    }
    assert found["A trial", "READ"] == ("ResearchStudy/s", "ResearchStudy.title")
    assert found["PHASE II TRIAL", "READ"] == ("ResearchStudy/s", "ResearchStudy.phase")
    assert {derivation for _, derivation in found} == {"READ"}
