"""MedDRA, WHODrug and LOINC: read in their owners' layouts, used to code and to check. All rows here are made up.

Layouts: MedDRA's distribution files (`$` after each field), WHODrug B3 (columns by position, and as CSV) and C3 (CSV of
22, 5 and 3 fields, as public loaders read it), Loinc.csv.
"""

from __future__ import annotations

import polars as pl
import pytest

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.converters import bulk
from trialbridge.converters.chosen import chosen
from trialbridge.converters.coder import check
from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.fhir.bundle import pool
from trialbridge.fhir.jsontext import encode
from trialbridge.sdtm import dictionaries
from trialbridge.sdtm.table import study, table

MDHIER = (
    "90000001$90010001$90020001$90030001$Sore elbow$Elbow pains$Joint matters$Limb disorders$Limb$$90030001$Y$\n"
    "90000001$90010002$90020002$90030002$Sore elbow$Work pains$Work matters$Social matters$Soc$$90030001$N$\n"
    "90000002$90010001$90020001$90030001$Stiff elbow$Elbow pains$Joint matters$Limb disorders$Limb$$90030001$Y$\n"
)
LLT = (
    "90000001$Sore elbow$90000001$$$$$$$Y$$\n"
    "90000009$Painful elbow$90000001$$$$$$$Y$$\n"
    "90000008$Dolour of the elbow$90000001$$$$$$$N$$\n"
    "90000002$Stiff elbow$90000002$$$$$$$Y$$\n"
)


def dd(record, first, second, name):
    """A line of DD.txt: 30 characters of numbers and sources, then the name."""
    return f"{record}{first}{second}7N97INNNNNUMC  0101".ljust(30) + name.ljust(45) + "\n"


B3 = {
    "DD.txt": dd("900001", "01", "001", "ELBOCAINE")
    + dd("900001", "01", "002", "ELBOWEASE")
    + dd("900002", "01", "001", "JOINTOL"),
    "DDA.txt": "90000101001" + "7" + "Z99AA01" + "971" + "Y\n" + "90000201001" + "7" + "Z99AA01971N\n" + "90000201001"
    "7" + "Z99AB01971N\n",
    "INA.txt": "Z      1IMAGINARY\nZ99AA014ELBOW SALVES\n",
}
LOINC = (
    '"LOINC_NUM","COMPONENT","STATUS","LONG_COMMON_NAME"\n'
    '"99001-1","Elbowase","ACTIVE","Elbowase [Mass/volume] in Serum"\n'
    '"99002-9","Elbowase","DEPRECATED","Elbowase old"\n'
)


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """Distributions in folders, and a user's folder of their own."""
    monkeypatch.setenv("TRIALBRIDGE_HOME", str(tmp_path / "home"))
    meddra, drugs, loinc = (tmp_path / name for name in ("MedAscii", "b3", "loinc"))
    for folder in (meddra, drugs, loinc):
        folder.mkdir()
    (meddra / "mdhier.asc").write_text(MDHIER)
    (meddra / "llt.asc").write_text(LLT)
    for name, text in B3.items():
        (drugs / name).write_text(text)
    (loinc / "Loinc.csv").write_text(LOINC)
    dictionaries.install("meddra", meddra, "99.1")
    dictionaries.install("whodrug", drugs, "2099Mar1")
    dictionaries.install("loinc", loinc / "Loinc.csv", "9.99")
    return tmp_path


def event(number, code, system="https://www.meddra.org", **more):
    """A hospital's AdverseEvent with one MedDRA code of no stated level."""
    return {
        "resourceType": "AdverseEvent",
        "id": str(number),
        "actuality": "actual",
        "subject": {"reference": "Patient/p"},
        "event": {"text": "elbow hurts", "coding": [{"system": system, "code": code}]},
        **more,
    }


PATIENT = {"resourceType": "Patient", "id": "p"}


def test_levels_follow_from_a_code(copy):
    """A lowest level term's code would stand as the preferred term's, and the levels above be left to hand work."""
    given = [PATIENT, event(1, "90000009"), event(2, "90000002", "http://terminology.hl7.org/CodeSystem/MDRAE")]
    done = to_sdtm(given, release="R4", dictionary=chosen(None, None, ("meddra-99.1",)))
    first, second = done.study["AE"].rows()
    assert (first["AELLT"], first["AELLTCD"]) == ("Painful elbow", 90000009.0)
    assert (first["AEDECOD"], first["AEPTCD"]) == ("Sore elbow", 90000001.0)
    # the primary path, not the other one
    assert (first["AEHLT"], first["AEHLGT"], first["AESOC"]) == ("Elbow pains", "Joint matters", "Limb disorders")
    assert (first["AEBODSYS"], first["AESOCCD"], first["AEBDSYCD"]) == ("Limb disorders", 90030001.0, 90030001.0)
    assert (second["AEDECOD"], second["AELLT"]) == ("Stiff elbow", None)
    assert first["AETERM"] == "elbow hurts"
    assert [one.id for one in done.findings].count("TB-CODED") == 2


def test_an_export_in_shards_is_coded_too(copy):
    """A large export would lack the levels that a small one has, without a word."""
    given = [PATIENT, *(event(number, "90000009") for number in range(3))]
    path = copy / "all.ndjson"
    path.write_bytes(b"".join(encode(one) + b"\n" for one in given))
    with bulk.to_sdtm([path], dictionaries=("meddra-99.1",)) as told:
        assert [row["AEDECOD"] for row in told.study()["AE"].rows()] == ["Sore elbow"] * 3
        assert [one.id for one in told.findings].count("TB-CODED") == 3
    with pytest.raises(UnknownNameError), bulk.to_sdtm([path], dictionaries=("meddra-99.2",)):
        pass


def test_what_was_filled_does_not_change_the_resources(copy):
    """The hospital's resources would come back with codes they did not have."""
    given = [PATIENT, event(1, "90000009")]
    dictionary = chosen(None, None, ("meddra-99.1",))
    back = to_fhir(to_sdtm(given, release="R4", dictionary=dictionary).study, release="R4", dictionary=dictionary)
    assert {one["id"]: one for one in back.resources} == {one.resource["id"]: one.resource for one in pool(given).items}


def test_an_unknown_code_fills_nothing(copy):
    """A level would be made up for a code of another version."""
    done = to_sdtm([PATIENT, event(1, "12345678")], release="R4", dictionary=chosen(None, None, ("meddra-99.1",)))
    (row,) = done.study["AE"].rows()
    assert (row["AEPTCD"], row["AEBODSYS"]) == (12345678.0, None)


def test_a_sponsors_own_records_are_not_filled(copy):
    """A cell that the sponsor left empty would come home filled."""
    rows = [{"STUDYID": "S", "DOMAIN": "AE", "USUBJID": "S-1", "AESEQ": 1.0, "AETERM": "x", "AEDECOD": "Sore elbow"}]
    given = study([table("AE", pl.DataFrame([row | {"AEPTCD": 90000001.0, "AEHLT": None} for row in rows]))])
    made = to_fhir(given).resources
    told = to_sdtm(made, dictionary=chosen(None, None, ("meddra-99.1",))).study
    assert [row.get("AEHLT") for row in told["AE"].rows()] == [None]


def test_a_medicine_called_as_a_drug_is(copy):
    """A trade name would not be decoded to its preferred name, or one of several classes be picked."""
    given = [
        PATIENT,
        *(
            {
                "resourceType": "MedicationStatement",
                "id": name,
                "status": "completed",
                "subject": {"reference": "Patient/p"},
                "medicationCodeableConcept": {"text": name},
            }
            for name in ("Elbowease", "Jointol", "Nothing")
        ),
    ]
    done = to_sdtm(given, release="R4", dictionary=chosen(None, None, ("whodrug-2099Mar1",)))
    found = {row["CMTRT"]: (row["CMDECOD"], row.get("CMCLAS"), row.get("CMCLASCD")) for row in done.study["CM"].rows()}
    assert found == {
        "Elbowease": ("ELBOCAINE", "ELBOW SALVES", "Z99AA01"),
        "Jointol": ("JOINTOL", None, None),
        "Nothing": (None, None, None),
    }


def test_whodrug_as_csv_is_the_same(copy, tmp_path):
    """The comma-separated distribution would be read otherwise than the text one."""
    folder = tmp_path / "b3csv"
    folder.mkdir()
    (folder / "DD.csv").write_text('900001,01,001,7,N,97,INN,NNN,UMC,01,01,"ELBOCAINE"\n')
    (folder / "DDA.csv").write_text("900001,01,001,7,Z99AA01,971,Y\n")
    (folder / "INA.csv").write_text("Z99AA01,4,ELBOW SALVES\n")
    made = dictionaries.install("whodrug", folder, "csv")
    assert isinstance(made, dictionaries.WHODrug)
    assert (made.preferred, made.atc, made.texts) == (
        {"900001": "ELBOCAINE"},
        {"900001": ["Z99AA01"]},
        {"Z99AA01": "ELBOW SALVES"},
    )


def mp(number, record, first, second, name, country="NLD"):
    """A line of C3's MP.csv: 22 fields, of which the product's id, the drug's code and the name are read."""
    fields = [str(number), f"U{number}", record, first, second, "0000000001", "0000000001", "Y", f'"{name}"']
    return ",".join([*fields, "", "", "", "", country, "0", "0", "001", "N/A", "097", "001", "20990101", "20990101"])


def c3(folder, **files):
    """C3's CSV files: three drugs, one of them sold in two countries under two ATC codes."""
    told = {
        "MP.csv": [
            mp(11, "900001", "01", "001", "Elbocaine"),
            mp(12, "900001", "01", "002", 'Elbow""ease, forte'),
            mp(13, "900001", "01", "002", 'Elbow""ease, forte', "BEL"),
            mp(14, "900002", "01", "001", "Jointol"),
        ],
        "ThG.csv": [
            "1,Z99AA01,20990101,Y,11",
            "2,Z99AA01,20990101,Y,13",
            "3,Z99AA01,20990101,Y,14",
            "4,Z99AB01,20990101,N,14",
        ],
        "ATC.csv": ["Z,1,IMAGINARY", 'Z99AA01,5,"ELBOW SALVES, PLAIN"'],
        **files,
    }
    folder.mkdir()
    for name, lines in told.items():
        (folder / name).write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    return folder


def test_whodrug_c3_tells_the_same_of_a_drug(copy, tmp_path):
    """A site licensed for C3 could not code, or a name sold in two countries would count as two drugs."""
    made = dictionaries.install("whodrug", c3(tmp_path / "c3"), "c3")
    assert isinstance(made, dictionaries.WHODrug)
    assert made.drugs == {"ELBOCAINE": "900001", 'ELBOW"EASE, FORTE': "900001", "JOINTOL": "900002"}
    assert made.preferred == {"900001": "Elbocaine", "900002": "Jointol"}
    assert made.atc == {"900001": ["Z99AA01"], "900002": ["Z99AA01", "Z99AB01"]}
    assert made.texts == {"Z": "IMAGINARY", "Z99AA01": "ELBOW SALVES, PLAIN"}
    lines = (copy / "home" / "dictionaries" / "whodrug-c3.tsv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(set(lines)) == 3 + 4 + 2  # names, ATC codes of a name, ATC texts


def test_whodrug_c3_in_latin_1_and_with_short_numbers(copy, tmp_path):
    """An older release would be refused for an é, or a drug's code not be known without its leading noughts."""
    folder = c3(tmp_path / "c3")
    (folder / "MP.csv").write_bytes(f"{mp(11, '42', '1', '1', 'Élbocaïne')}\n".encode("latin-1"))
    made = dictionaries.install("whodrug", folder, "c3")
    assert isinstance(made, dictionaries.WHODrug)
    assert made.preferred == {"000042": "Élbocaïne"}


def test_a_folder_without_a_whodrug_that_is_read_says_what_is(copy, tmp_path):
    """The user of C3's text files, or of the wrong folder, would not learn which files to give."""
    text = tmp_path / "text"
    text.mkdir()
    for known, said in (((), "neither B3"), (("MP.txt", "ThG.txt"), "C3's text files")):
        for name in known:
            (text / name).write_text("1\n")
        with pytest.raises(UnreadableInputError, match=said) as raised:
            dictionaries.install("whodrug", text, "x")
        assert raised.value.where.file == str(text)
    assert "MP.csv, ThG.csv, ATC.csv" in str(raised.value.fix)
    with pytest.raises(UnreadableInputError, match="at least 5"):
        dictionaries.install("whodrug", c3(tmp_path / "short", **{"ThG.csv": ["1,Z99AA01"]}), "x")
    with pytest.raises(UnreadableInputError, match="lacks id") as raised:
        dictionaries.install("whodrug", c3(tmp_path / "torn", **{"ThG.csv": ["1,Z9,2,Y,11", "2,Z9,2"]}), "x")
    assert raised.value.where.line == 2
    (tmp_path / "short" / "ATC.csv").unlink()
    (tmp_path / "short" / "ThG.csv").write_text("1,Z99AA01,20990101,Y,11\n")
    with pytest.raises(UnreadableInputError, match=r"no ATC\.csv"):
        dictionaries.install("whodrug", tmp_path / "short", "x")


def test_terms_are_checked(copy):
    """A term of no dictionary, or a code that says something else, would pass."""
    who = {"STUDYID": "S", "USUBJID": "S-1"}
    ae = [
        {"AEDECOD": "Sore elbow", "AEPTCD": 90000001.0, "AELLTCD": 90000009.0},  # right
        {"AEDECOD": "Stiff elbow", "AEPTCD": 90000001.0, "AELLTCD": None},  # another term's code
        {"AEDECOD": None, "AEPTCD": 1.0, "AELLTCD": None},  # no such code
        {"AEDECOD": None, "AEPTCD": 90000001.0, "AELLTCD": 90000008.0},  # no longer current
        {"AEDECOD": None, "AEPTCD": 90000001.0, "AELLTCD": 90000002.0},  # of another preferred term
    ]
    cm = [{"CMDECOD": "ELBOCAINE", "CMCLASCD": "Z99AA01"}, {"CMDECOD": "ASPIRIN", "CMCLASCD": "N02BA01"}]
    lb = [{"LBLOINC": "99001-1"}, {"LBLOINC": "99002-9"}, {"LBLOINC": "1-1"}]
    made = study(
        [table(name, pl.DataFrame([who | row for row in rows])) for name, rows in (("AE", ae), ("CM", cm), ("LB", lb))]
    )
    found = {
        (one.where.dataset, one.where.row, one.where.variable)
        for one in check(made, [dictionaries.load(name) for name in dictionaries.available()])
    }
    assert found == {
        ("AE", 2, "AEDECOD"),
        ("AE", 3, "AEPTCD"),
        ("AE", 4, "AELLTCD"),
        ("AE", 5, "AEPTCD"),
        ("CM", 2, "CMDECOD"),
        ("CM", 2, "CMCLASCD"),
        ("LB", 2, "LBLOINC"),
        ("LB", 3, "LBLOINC"),
    }


def test_what_is_no_distribution_is_refused(copy, tmp_path):
    """A wrong folder or a cut file would be installed as a dictionary."""
    with pytest.raises(UnreadableInputError, match=r"no mdhier\.asc"):
        dictionaries.install("meddra", tmp_path, "1")
    (copy / "MedAscii" / "llt.asc").write_text("90000001$Sore elbow\n")
    with pytest.raises(UnreadableInputError, match=r"llt\.asc has 2 fields"):
        dictionaries.install("meddra", copy / "MedAscii", "1")
    (copy / "loinc" / "Loinc.csv").write_text("A,B\n1,2\n")
    with pytest.raises(UnreadableInputError, match="no column LOINC_NUM"):
        dictionaries.install("loinc", copy / "loinc", "1")
    with pytest.raises(UnknownNameError, match=r"available: loinc-9\.99, meddra-99\.1"):
        dictionaries.load("meddra-1")
    with pytest.raises(UnknownNameError, match="no dictionary"):
        dictionaries.install("meddra", copy / "MedAscii", "../../etc")
