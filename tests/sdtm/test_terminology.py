"""Controlled terminology: the bundled package, and packages as NCI publishes them.

Expected codes and values are those of NCI's published SDTM terminology; the small packages below are written by hand
in NCI's three formats and say the same.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import openpyxl
import pytest

from trialbridge.base.errors import UnknownNameError, UnreadableInputError
from trialbridge.sdtm import metadata, terminology
from trialbridge.sdtm.codelists import Codelist, Term, Terminology
from trialbridge.sdtm.terminology_files import read_compact, read_package, write_compact

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = (
    *("Code", "Codelist Code", "Codelist Extensible (Yes/No)", "Codelist Name", "CDISC Submission Value"),
    *("CDISC Synonym(s)", "CDISC Definition", "NCI Preferred Term"),
)
ROWS = (
    ("C66742", "", "No", "No Yes Response", "NY", "No Yes Response", "Yes or no.", "CDISC SDTM Yes No Terminology"),
    ("C49487", "C66742", "", "No Yes Response", "N", "No", 'The "non-affirmative" answer.', "No"),
    ("C49488", "C66742", "", "No Yes Response", "Y", "Yes; Affirmative", "The affirmative answer.", "Yes"),
    ("C96779", "", "Yes", "Tumor Test Code", "TRTESTCD", "", "Codes.", "CDISC SDTM Tumor Test Code Terminology"),
    ("C96684", "C96779", "", "Tumor Test Code", "LDIAM", "Longest Diameter", "The longest.", "Longest Diameter"),
    ("C96778", "", "Yes", "Tumor Test Name", "TRTEST", "", "Names.", "CDISC SDTM Tumor Test Name Terminology"),
    (
        "C96684",
        "C96778",
        "",
        "Tumor Test Name",
        "Longest Diameter",
        "Longest Diameter",
        "The longest.",
        "Longest Diameter",
    ),
)
EXPECTED = (
    Codelist(
        "C66742",
        "NY",
        "No Yes Response",
        extensible=False,
        terms=(Term("C49487", "N", "No", ("No",)), Term("C49488", "Y", "Yes", ("Yes", "Affirmative"))),
        preferred_term="CDISC SDTM Yes No Terminology",
    ),
    Codelist(
        "C96779",
        "TRTESTCD",
        "Tumor Test Code",
        extensible=True,
        terms=(Term("C96684", "LDIAM", "Longest Diameter", ("Longest Diameter",)),),
        preferred_term="CDISC SDTM Tumor Test Code Terminology",
    ),
    Codelist(
        "C96778",
        "TRTEST",
        "Tumor Test Name",
        extensible=True,
        terms=(Term("C96684", "Longest Diameter", "Longest Diameter", ("Longest Diameter",)),),
        preferred_term="CDISC SDTM Tumor Test Name Terminology",
    ),
)
ODM = """<?xml version="1.0" encoding="UTF-8"?>
<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" xmlns:nciodm="http://ncicb.nci.nih.gov/xml/odm/EVS/CDISC"
     FileType="Snapshot" FileOID="CDISC_CT.SDTM.2026-03-27" ODMVersion="1.3.2" CreationDateTime="2026-03-20T10:00:00">
 <Study OID="CDISC_CT.SDTM.2026-03-27">
  <GlobalVariables><StudyName>CDISC SDTM Controlled Terminology</StudyName></GlobalVariables>
  <MetaDataVersion OID="CDISC_CT_MetaDataVersion.SDTM.2026-03-27" Name="CDISC SDTM Controlled Terminology">
   <CodeList OID="CL.C66742.NY" Name="No Yes Response" DataType="text"
             nciodm:ExtCodeID="C66742" nciodm:CodeListExtensible="No">
    <Description><TranslatedText xml:lang="en">Yes or no.</TranslatedText></Description>
    <EnumeratedItem CodedValue="N" nciodm:ExtCodeID="C49487">
     <nciodm:CDISCSynonym>No</nciodm:CDISCSynonym>
     <nciodm:CDISCDefinition>The "non-affirmative" answer.</nciodm:CDISCDefinition>
     <nciodm:PreferredTerm>No</nciodm:PreferredTerm>
    </EnumeratedItem>
    <EnumeratedItem CodedValue="Y" nciodm:ExtCodeID="C49488">
     <nciodm:CDISCSynonym>Yes</nciodm:CDISCSynonym>
     <nciodm:CDISCSynonym>Affirmative</nciodm:CDISCSynonym>
     <nciodm:PreferredTerm>Yes</nciodm:PreferredTerm>
    </EnumeratedItem>
    <nciodm:CDISCSubmissionValue>NY</nciodm:CDISCSubmissionValue>
    <nciodm:CDISCSynonym>No Yes Response</nciodm:CDISCSynonym>
    <nciodm:PreferredTerm>CDISC SDTM Yes No Terminology</nciodm:PreferredTerm>
   </CodeList>
   <CodeList OID="CL.C96779.TRTESTCD" Name="Tumor Test Code" DataType="text"
             nciodm:ExtCodeID="C96779" nciodm:CodeListExtensible="Yes">
    <EnumeratedItem CodedValue="LDIAM" nciodm:ExtCodeID="C96684">
     <nciodm:CDISCSynonym>Longest Diameter</nciodm:CDISCSynonym>
     <nciodm:PreferredTerm>Longest Diameter</nciodm:PreferredTerm>
    </EnumeratedItem>
    <nciodm:CDISCSubmissionValue>TRTESTCD</nciodm:CDISCSubmissionValue>
    <nciodm:PreferredTerm>CDISC SDTM Tumor Test Code Terminology</nciodm:PreferredTerm>
   </CodeList>
   <CodeList OID="CL.C96778.TRTEST" Name="Tumor Test Name" DataType="text"
             nciodm:ExtCodeID="C96778" nciodm:CodeListExtensible="Yes">
    <EnumeratedItem CodedValue="Longest Diameter" nciodm:ExtCodeID="C96684">
     <nciodm:CDISCSynonym>Longest Diameter</nciodm:CDISCSynonym>
     <nciodm:PreferredTerm>Longest Diameter</nciodm:PreferredTerm>
    </EnumeratedItem>
    <nciodm:CDISCSubmissionValue>TRTEST</nciodm:CDISCSubmissionValue>
    <nciodm:PreferredTerm>CDISC SDTM Tumor Test Name Terminology</nciodm:PreferredTerm>
   </CodeList>
  </MetaDataVersion>
 </Study>
</ODM>
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A user's folder of the test's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("TRIALBRIDGE_HOME", str(folder))
    monkeypatch.delenv("TRIALBRIDGE_CT", raising=False)
    return folder


def write_text(path: Path, rows=ROWS, *, dated: str = "", columns=COLUMNS, encoding="utf-8", newline="\n") -> Path:
    """A package as NCI's tab-separated text."""
    last = ((dated,),) if dated else ((),)
    lines = [columns + (("Standard and Date",) if dated else ()), *(row + last[0] for row in rows)]
    path.write_bytes("".join("\t".join(line) + newline for line in lines).encode(encoding))
    return path


def write_xlsx(path: Path, rows=ROWS, *, sheet: str = "SDTM Terminology 2026-03-27", columns=COLUMNS) -> Path:
    """A package as NCI's XLSX: a ReadMe sheet, then the terminology."""
    book = openpyxl.Workbook()
    book.active.title = "ReadMe"
    book.active.append(["CDISC terminology"])
    terms = book.create_sheet(sheet)
    for row in (columns, *rows):
        terms.append([cell or None for cell in row])
    book.save(path)
    return path


def write_odm(path: Path, text: str = ODM) -> Path:
    """A package as NCI's ODM-XML."""
    path.write_text(text, encoding="utf-8")
    return path


# The bundled package


@pytest.mark.parametrize(
    ("codelist", "value", "name"),
    [
        ("TRTESTCD", "LDIAM", "Longest Diameter"),
        ("TUTESTCD", "TUMIDENT", "Tumor Identification"),
        ("ONCRTSCD", "OVRLRESP", "Overall Response"),
        ("LBTESTCD", "ALB", "Albumin"),
        ("VSTESTCD", "SYSBP", "Systolic Blood Pressure"),
        ("TSPARMCD", "SSTDTC", "Study Start Date"),
        ("DTHDXCD", "PRCDTH", "Primary Cause of Death"),
    ],
)
def test_short_names_are_decoded_and_encoded(codelist, value, name):
    """--TEST would be wrong for its --TESTCD, or the way back be lost."""
    package = terminology.default()
    assert package.decode(codelist, value) == name
    assert package.encode(codelist, name) == value
    assert package.decode(package.codelist(codelist).code, value) == name


def test_every_short_name_has_its_long_one():
    """A pair of codelists would not fit together."""
    package = terminology.default()
    for name in ("TRTESTCD", "TUTESTCD", "ONCRTSCD", "LBTESTCD", "VSTESTCD", "TSPARMCD", "DTHDXCD"):
        for term in package.codelist(name):
            long = package.decode(name, term.submission_value)
            assert long is not None
            assert package.encode(name, long) == term.submission_value


def test_codelists_are_as_nci_publishes_them():
    """Code, extensibility or a term would be wrong; NA of NY was once lost as R's missing value."""
    package = terminology.load(terminology.BUNDLED)
    assert package.package == "sdtmct-2025-03-28"
    assert len(package.codelists) == 82
    sex = package.codelist("SEX")
    assert (sex.code, sex.name, sex.extensible) == ("C66731", "Sex", False)
    assert {term.submission_value for term in sex} == {"F", "M", "U", "INTERSEX"}
    assert package.codelist("C66731") is sex
    assert {(term.code, term.submission_value) for term in package.codelist("NY")} == {
        *(("C49487", "N"), ("C48660", "NA"), ("C17998", "U"), ("C49488", "Y"))
    }
    assert package.codelist("UNIT").extensible
    race = package.codelist("RACE").by_code("C16352")
    assert race is not None
    assert race.submission_value == "BLACK OR AFRICAN AMERICAN"
    assert "MULTIPLE" not in package.codelist("RACE")


def test_lookups_find_nothing_for_what_is_not_there():
    """A value in another spelling, or a code of another list, would be taken for a term."""
    package = terminology.default()
    assert package.codelist("SEX").by_value("f") is None
    assert package.codelist("SEX").by_code("C49488") is None
    assert package.decode("TRTESTCD", "NOSUCH") is None
    assert package.encode("TRTESTCD", "No Such") is None
    assert "SEX" in package
    assert "C66731" in package
    assert "EGTESTCD" not in package


def test_values_and_codes_are_unique_within_a_codelist():
    """Going from a value to its code and back would give another term."""
    for codelist in terminology.load(terminology.BUNDLED).codelists:
        assert len({term.submission_value for term in codelist}) == len(codelist.terms), codelist.code
        assert len({term.code for term in codelist}) == len(codelist.terms), codelist.code
        for term in codelist:
            assert term.code.startswith("C")
            assert term.submission_value
            assert term.preferred_term


def test_every_codelist_of_the_metadata_is_bundled_under_its_name():
    """A variable of a mapped domain would name a codelist that cannot be looked up; another's, a wrong name."""
    package = terminology.load(terminology.BUNDLED)
    held = {one.code: one.submission_value for one in package.codelists}
    mapped = "DM PR TU TR RS AE DS EX CM MH SV SE TA TE TV TI TS SUPPQUAL RELREC CO VS LB QS DD".split()
    for version in metadata.VERSIONS:
        for domain in metadata.domains(version):
            for variable in domain.variables:
                for code, name in zip(variable.codelists, variable.codelist_names, strict=True):
                    assert code in held or domain.name not in mapped, variable.name
                    assert name == held.get(code, code), variable.name


def test_a_missing_codelist_says_so_with_package_and_remedy():
    """The user would not learn that the bundled package is a part, or how to get the whole."""
    with pytest.raises(UnknownNameError) as caught:
        terminology.default().codelist("EGTESTCD")
    assert "sdtmct-2025-03-28" in str(caught.value)
    assert "82 of" in str(caught.value)
    assert "EGTESTCD" in str(caught.value)
    assert "trialbridge terminology add" in caught.value.fix


def test_decode_refuses_lists_without_a_partner():
    """A list that is no list of short names, or whose long names are missing, would decode to something."""
    with pytest.raises(UnknownNameError, match="SEX is no list of short names"):
        terminology.default().decode("SEX", "F")
    with pytest.raises(UnknownNameError, match="no codelist MSTEST"):
        terminology.default().decode("MSTESTCD", "MIC")


def test_questionnaire_lists_are_paired_by_tc_and_tn():
    """QSTEST of a questionnaire would not be found: NCI calls its lists xxTC and xxTN."""
    short = Codelist("C1", "BPI1TC", "", extensible=False, terms=(Term("C9", "BPI0101"),))
    long = Codelist("C2", "BPI1TN", "", extensible=False, terms=(Term("C9", "BPI01-Pain"),))
    assert Terminology("p", (short, long)).decode("BPI1TC", "BPI0101") == "BPI01-Pain"


# Packages as NCI publishes them


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: write_text(folder / "SDTM Terminology 2026-03-27.txt"),
        lambda folder: write_text(folder / "any.txt", dated="SDTM CT 2026-03-27"),
        lambda folder: write_text(folder / "sdtmct-2026-03-27.txt", encoding="utf-8-sig", newline="\r\n"),
        lambda folder: write_xlsx(folder / "any.xlsx"),
        lambda folder: write_odm(folder / "any.xml"),
    ],
    ids=["text", "text with date column", "text with BOM and CRLF", "xlsx", "odm"],
)
def test_the_three_formats_say_the_same(tmp_path, write):
    """A package would read differently from another of NCI's formats, or its date not be found."""
    package = read_package(write(tmp_path))
    assert package.package == "sdtmct-2026-03-27"
    assert package.codelists == EXPECTED


def test_old_text_in_windows_1252_is_read(tmp_path):
    """Packages of earlier years would not be read, or their letters be replaced."""
    rows = (*ROWS, ("C99999", "C66742", "", "No Yes Response", "CAFÉ", "", "", "Café"))
    package = read_package(write_text(tmp_path / "SDTM Terminology 2012-03-23.txt", rows, encoding="cp1252"))
    assert package.codelists[0].by_value("CAFÉ") == Term("C99999", "CAFÉ", "Café")


def test_other_standards_get_their_own_package_name(tmp_path):
    """A SEND package would take the place of SDTM's."""
    assert read_package(write_text(tmp_path / "SEND Terminology 2026-03-27.txt")).package == "sendct-2026-03-27"
    assert read_package(write_text(tmp_path / "x.txt"), package="sdtmct-2026-03-28").package == "sdtmct-2026-03-28"


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda folder: folder / "absent.txt", "Cannot be read"),
        (lambda folder: folder, "Cannot be read"),
        (lambda folder: write_text(folder / "SDTM Terminology.txt"), "standard and date"),
        (
            lambda folder: write_text(folder / "SDTM 2026-03-27.txt", columns=COLUMNS[:-1]),
            "lacks the columns NCI Preferred",
        ),
        (lambda folder: write_text(folder / "SDTM 2026-03-27.txt", ROWS[1:]), "C66742, which has no row above"),
        (
            lambda folder: write_text(folder / "SDTM 2026-03-27.txt", (ROWS[0], ROWS[1][:-1])),
            "row 3: The row is incomplete",
        ),
        (lambda folder: write_text(folder / "SDTM 2026-03-27.txt", ()), "no codelist"),
        (
            lambda folder: write_text(folder / "SDTM 2026-03-27.txt", ((*ROWS[0][:2], "", *ROWS[0][3:]),)),
            "neither Yes nor No",
        ),
        (
            lambda folder: write_text(folder / "SDTM 2026-03-27.txt", (ROWS[0], (*ROWS[1][:4], "", *ROWS[1][5:]))),
            "without a CDISC Submission Value",
        ),
        (lambda folder: write_bytes(folder / "dm.xpt", b"HEADER RECORD*******LIBRARY HEADER"), "lacks the columns"),
        (lambda folder: write_bytes(folder / "x.bin", b"\x81\x8d\x8f"), "Neither UTF-8 nor"),
        (lambda folder: write_bytes(folder / "empty.txt", b""), "lacks the columns"),
        (lambda folder: write_bytes(folder / "x.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "old Excel"),
        (lambda folder: write_bytes(folder / "x.xlsx", b"PK\x03\x04broken"), "Not a readable XLSX"),
        (lambda folder: write_xlsx(folder / "x.xlsx", columns=COLUMNS[1:]), "No sheet has the columns"),
        (lambda folder: write_xlsx(folder / "x.xlsx", sheet="Terms"), "standard and date"),
        (lambda folder: write_odm(folder / "x.xml", ODM[:2500]), "Broken XML"),
        (lambda folder: write_odm(folder / "x.xml", "<Bundle xmlns='http://hl7.org/fhir'/>"), "no ODM 1.3"),
        (
            lambda folder: write_odm(folder / "x.xml", ODM.replace(' nciodm:ExtCodeID="C49487"', "")),
            "lacks nciodm:ExtCodeID",
        ),
        (lambda folder: write_odm(folder / "x.xml", ODM.replace('CodedValue="LDIAM" ', "")), "lacks CodedValue"),
        (
            lambda folder: write_odm(folder / "x.xml", ODM.replace('Extensible="No"', 'Extensible="?"')),
            "neither Yes nor No",
        ),
        (
            lambda folder: write_odm(
                folder / "x.xml", ODM.replace("<nciodm:CDISCSubmissionValue>NY</nciodm:CDISCSubmissionValue>", "")
            ),
            "C66742 has no nciodm:CDISCSubmissionValue",
        ),
    ],
)
def test_a_file_that_is_no_package_is_refused_with_file_and_reason(tmp_path, write, message):
    """A broken or foreign file would be installed, or end in a traceback."""
    path = write(tmp_path)
    with pytest.raises(UnreadableInputError) as caught:
        read_package(path)
    assert message in str(caught.value)
    assert caught.value.where.file == str(path)


def write_bytes(path: Path, data: bytes) -> Path:
    """A file of these bytes."""
    path.write_bytes(data)
    return path


def test_xml_entities_are_never_read(tmp_path):
    """A package could read a file of the user's, or blow up the memory."""
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    doctype = f'<!DOCTYPE ODM [<!ENTITY x SYSTEM "{secret.as_uri()}">]>\n<ODM '
    evil = ODM.replace("<ODM ", doctype, 1).replace(">NY<", ">&x;<")
    with pytest.raises(UnreadableInputError, match="document type"):
        read_package(write_odm(tmp_path / "evil.xml", evil))


@pytest.mark.parametrize("name", ["../evil", "sdtmct-2026", "sdtmct-2026-03-27/../x", ""])
def test_a_package_name_cannot_leave_the_folder(tmp_path, name):
    """A name given could write or read a file elsewhere."""
    with pytest.raises(UnreadableInputError, match="no name of a package"):
        read_package(write_text(tmp_path / "SDTM 2026-03-27.txt"), package=name)
    with pytest.raises(UnknownNameError, match="not installed"):
        terminology.load(name)


# Installing


def test_an_installed_package_loads_and_becomes_default_only_when_selected(tmp_path, home):
    """A package would be lost, or change results without the user's choice."""
    assert terminology.available() == ("sdtmct-2025-03-28",)
    installed = terminology.install(write_xlsx(tmp_path / "new.xlsx"))
    assert installed.codelists == EXPECTED
    assert terminology.available() == ("sdtmct-2025-03-28", "sdtmct-2026-03-27")
    assert terminology.load("sdtmct-2026-03-27").codelists == EXPECTED
    assert terminology.default().package == "sdtmct-2025-03-28"
    terminology.select("sdtmct-2026-03-27")
    assert terminology.default().codelists == EXPECTED
    assert terminology.selected() == "sdtmct-2026-03-27"
    terminology.select(None)
    assert terminology.default().package == "sdtmct-2025-03-28"
    assert [file.name for file in (home / "terminology").iterdir()] == ["sdtmct-2026-03-27.tsv"]


def test_the_environment_chooses_for_one_run(tmp_path, monkeypatch):
    """A run could not be pinned to a package."""
    terminology.install(write_odm(tmp_path / "new.xml"))
    monkeypatch.setenv("TRIALBRIDGE_CT", "sdtmct-2026-03-27")
    assert terminology.default().package == "sdtmct-2026-03-27"
    monkeypatch.setenv("TRIALBRIDGE_CT", "sdtmct-1999-01-01")
    with pytest.raises(
        UnknownNameError, match="sdtmct-1999-01-01 is not installed; available: sdtmct-2025-03-28, sdtmct-2026"
    ):
        terminology.default()


def test_a_whole_package_replaces_the_bundled_part_of_the_same_name(tmp_path):
    """The whole package of the bundled date would be installed and never used."""
    terminology.install(write_text(tmp_path / "SDTM Terminology 2025-03-28.txt"))
    assert terminology.default().codelists == EXPECTED
    with pytest.raises(UnknownNameError, match="Terminology package sdtmct-2025-03-28 has no codelist SEX"):
        terminology.default().codelist("SEX")


def test_installing_again_is_seen_and_a_failure_changes_nothing(tmp_path):
    """An old package would be served after an update, or a good one be lost to a broken file."""
    terminology.install(write_text(tmp_path / "SDTM 2026-03-27.txt"))
    again = terminology.install(write_text(tmp_path / "SDTM 2026-03-27.txt", ROWS[:3]))
    assert again.codelists == EXPECTED[:1]
    with pytest.raises(UnreadableInputError):
        terminology.install(write_text(tmp_path / "SDTM 2026-03-27.txt", ROWS[1:]))
    assert terminology.load("sdtmct-2026-03-27").codelists == EXPECTED[:1]


def test_an_unavailable_package_cannot_be_selected(home):
    """The next run would fail for a name mistyped in this one."""
    with pytest.raises(UnknownNameError, match="not installed"):
        terminology.select("sdtmct-2026-03-27")
    assert terminology.selected() is None
    assert not home.exists()


def test_a_damaged_installed_file_is_refused(tmp_path, home):
    """A damaged file would be served as a package."""
    terminology.install(write_text(tmp_path / "SDTM 2026-03-27.txt"))
    file = home / "terminology" / "sdtmct-2026-03-27.tsv"
    for number, text in enumerate(
        ("X\tY\n", "", "L\tC1\tNo\tNY\t\t\n", "#package\tsdtmct-2020-01-01\nL\tC1\tNo\tNY\t\t\n")
    ):
        file.write_text(text)
        os.utime(file, ns=(number, number))
        with pytest.raises(UnreadableInputError):
            terminology.load("sdtmct-2026-03-27")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UnreadableInputError, match="Cannot be read"):
        terminology.load("sdtmct-2026-03-27")


def test_the_users_folder_follows_the_environment(monkeypatch, tmp_path):
    """Packages would be kept where the user does not expect them."""
    assert terminology.user_folder() == tmp_path / "home"
    monkeypatch.delenv("TRIALBRIDGE_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert terminology.user_folder() == tmp_path / "xdg" / "trialbridge"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert terminology.user_folder() == tmp_path / "me" / ".local" / "share" / "trialbridge"


def test_our_own_text_gives_back_what_was_written(tmp_path):
    """A package would change by being stored; only tabs and line breaks, which no value means, become blanks."""
    package = Terminology("sdtmct-2026-03-27", EXPECTED, "three codelists")
    write_compact(package, tmp_path / "p.tsv")
    assert read_compact((tmp_path / "p.tsv").read_text(encoding="utf-8"), "p.tsv") == package
    odd = Codelist("C1", "X", "", extensible=True, terms=(Term("C2", "A\n  B", "é\u2028\x85", ("", " s")),))
    write_compact(Terminology("sdtmct-2026-03-27", (odd,)), tmp_path / "p.tsv")
    (read,) = read_compact((tmp_path / "p.tsv").read_text(encoding="utf-8"), "p.tsv").codelists
    assert read.terms == (Term("C2", "A B", "é\u2028\x85", ("", " s")),)
