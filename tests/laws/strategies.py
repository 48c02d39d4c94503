"""Studies and resources made at random from the dictionary itself: what the laws are tried on.

A study's cells come from the codelists of the guide, from the terms the code tables know, and from what data in the
wild look like: free text, partial dates, odd numbers, blanks. A resource is an official or hand-made one, changed.
"""

from __future__ import annotations

import copy
from decimal import Decimal

import polars as pl
from hypothesis import strategies as st

from trialbridge.base.errors import UnknownNameError
from trialbridge.mappings import ALL
from trialbridge.sdtm import metadata, terminology
from trialbridge.sdtm.table import study, table

BUNDLED = {one.name for one in metadata.domains()}
DOMAINS = tuple(dict.fromkeys(mapping.domain for mapping in ALL if mapping.domain in BUNDLED))
SUBJECTS = ("ST1-001", "ST1-002", "ST1/0 03|x")

DATES = (
    "2018",
    "2018-02",
    "2018-02-05",
    "2018-02-05T10",
    "2018-02-05T10:30",
    "2018-02-05T10:30:00",
    "2018-02-05T10:30:00Z",
    "2018-02-05T10:30:00.123+03:00",
    "2018-02-29",
    "2018---15",
    "--12-15",
    "2018-02-05/2018-02-07",
    "P1D",
    "-----T10:30",
    "unknown",
    "2019-03-05",
)
NUMBERS = (0.0, 1.0, 2.5, -1.0, 17.6, 24.0, 1e-7, 123456789.0, 0.1, 1e16, 3.3333333333333335)
ORDINARY = (
    "x",
    "Y",
    "N",
    "1",
    "0.5",
    "21.0",
    "023",
    "<5",
    "1E3",
    " lead",
    "trail ",
    "é|ü",
    "a/b",
    "-",
    "%ncit",
    "null",
)
FREE = st.one_of(st.sampled_from(ORDINARY), st.text("abcXYZ 0123456789.|/'\"<&é\n", min_size=1, max_size=12))
RESULTS = (
    "21",
    "21.0",
    "17.6",
    "0",
    "-3",
    "+5",
    ".5",
    "5.",
    "007",
    "<5",
    "PRESENT",
    "ABSENT",
    "TOO SMALL TO MEASURE",
    "23.50",
)
KNOWN = {
    "TRTESTCD": ("LDIAM", "LPERP", "SUMDIAM", "TUMSTATE", "LNSTATE", "ACNSD"),
    "TRORRES": RESULTS,
    "TRSTRESC": RESULTS,
    "TRORRESU": ("mm", "cm", "mm2", "inch"),
    "TRSTRESU": ("mm", "cm"),
    "TRLNKID": ("T01", "T02", "NT01"),
    "TULNKID": ("T01", "T02", "NT01"),
    "PRLNKID": ("T01", "T02"),
    "RSLNKID": ("T01", "T02"),
    "TUEVAL": ("INVESTIGATOR", "INDEPENDENT ASSESSOR", "MY ASSESSOR"),
    "TREVAL": ("INVESTIGATOR", "INDEPENDENT ASSESSOR"),
    "RSEVAL": ("INVESTIGATOR", "INDEPENDENT ASSESSOR"),
    "TUEVALID": ("RADIOLOGIST 1", "READER 2"),
    "TREVALID": ("RADIOLOGIST 1", "READER 2"),
    "RSEVALID": ("RADIOLOGIST 1", "READER 2"),
    "TUSTRESC": ("TARGET", "NON-TARGET", "NEW", "BENIGN?"),
    "TULAT": ("LEFT", "RIGHT", "BILATERAL", "CONTRALATERAL", "MIDLINE"),
    "TUDIR": ("UPPER", "LOWER", "MIDLINE", "APICAL", "LEFT"),
    "TULOC": ("LUNG", "LIVER", "LUNG, LEFT UPPER LOBE", "SECRET PLACE"),
    "TUMETHOD": ("CT SCAN", "CONTRAST ENHANCED CT SCAN", "PET/CT SCAN", "BY EYE"),
    "TRMETHOD": ("CT SCAN", "CONTRAST ENHANCED CT SCAN", "PET/CT SCAN", "BY EYE"),
    "RSTESTCD": ("OVRLRESP", "TRGRESP", "NTRGRESP", "BESTRESP", "ECOG101", "NEWLPROG", "MYTEST"),
    "RSORRES": ("CR", "PR", "SD", "PD", "NE", "NON-CR/NON-PD", "0", "1", "5", "9", "CHECK"),
    "RSSTRESC": ("CR", "PR", "SD", "PD", "NE", "NON-CR/NON-PD", "0", "1", "CHECK"),
    "RSCAT": ("RECIST 1.0", "RECIST 1.1", "ECOG", "MY CRITERIA"),
    "TRSTAT": ("NOT DONE", "DONE"),
    "RSSTAT": ("NOT DONE", "DONE"),
    "PRCAT": ("RADIATION THERAPY", "SURGERY"),
    "PRDECOD": ("EXTERNAL BEAM RADIATION THERAPY", "3D CONFORMAL RADIATION THERAPY", "BIOPSY", "MY PROCEDURE"),
    "PRDOSU": ("Gy", "cGy", "mg"),
    "PROCCUR": ("Y", "N"),
    "PRENRTPT": ("ONGOING", "BEFORE"),
    "AESER": ("Y", "N", "U"),
    "AEOUT": ("FATAL", "UNKNOWN", "RECOVERED/RESOLVED", "NOT RECOVERED/NOT RESOLVED", "SO SO"),
    "AETOXGR": ("0", "1", "2", "3", "4", "5", "GRADE 3"),
    "AEREL": ("NOT RELATED", "POSSIBLE", "REMOTE", "RELATED", "UNLIKELY"),
    "AESEV": ("MILD", "MODERATE", "SEVERE", "AWFUL"),
    "AEACN": ("DOSE NOT CHANGED", "DRUG INTERRUPTED", "SHRUG"),
    "SEX": ("M", "F", "U", "UNDIFFERENTIATED", "INTERSEX", "X"),
    "RACE": ("WHITE", "ASIAN", "MULTIPLE", "OTHER", "UNKNOWN", "NOT REPORTED", "MARTIAN"),
    "ETHNIC": ("HISPANIC OR LATINO", "NOT REPORTED", "UNKNOWN", "MINE"),
    "ARM": ("Arm A", "Arm  A", "Screen Failure", "Ärm A"),
    "ACTARM": ("Arm A", "Arm B", "Arm-A"),
    "ARMCD": ("A", "B", "SCRNFAIL"),
    "ACTARMCD": ("A", "B"),
    "DTHFL": ("Y", "N"),
    "COUNTRY": ("CHE", "DEU", "Switzerland"),
    "SITEID": ("701", "702", "7/01"),
    "INVID": ("I1", "I2"),
    "INVNAM": ("Dr One", "Dr Two"),
    "DSCAT": ("PROTOCOL MILESTONE", "DISPOSITION EVENT", "OTHER EVENT", "MINE"),
    "DSDECOD": ("COMPLETED", "ADVERSE EVENT", "SCREEN FAILURE", "INFORMED CONSENT OBTAINED", "RANDOMIZED", "MINE"),
    "MHCAT": ("PRIMARY DIAGNOSIS", "GENERAL"),
    "MHENRTPT": ("ONGOING",),
    "MHDECOD": ("NON-SMALL CELL LUNG CANCER", "Non-small cell lung cancer", "Asthma"),
    "VISITNUM": (1.0, 2.0, 99.1, 1e-7),
    "VISIT": ("BASELINE", "WEEK 6"),
    "AGEU": ("YEARS", "MONTHS"),
    "AGE": (61.0, 61.5, 0.0),
    "EPOCH": ("SCREENING", "TREATMENT"),
}
QUALIFIERS = ("PRFRACN", "PRTRTINT", "AERELRT", "AERELIO", "TUPREVIR", "MYQUAL", "RACE1")
QUALIFIED = ("3", "003", "three", "CURATIVE", "RELATED", "POSSIBLE", "Y", "x")
LABELS = ("Number of Fractions", "Treatment Intent", "Relatedness to Radiotherapy", "My Label", None)


def cell(variable):
    """Values of one variable of the guide."""
    if variable.name in KNOWN:
        values = st.sampled_from(KNOWN[variable.name])
        return values if variable.type == "Num" else st.one_of(values, values, values, FREE)
    if variable.type == "Num":
        return st.sampled_from(NUMBERS)
    if variable.described_value_domain.startswith("ISO 8601") and variable.name.endswith("DTC"):
        return st.sampled_from(DATES)
    terms = [
        term.submission_value
        for code in variable.codelists
        if code in terminology.default()
        for term in terminology.default().codelist(code)
    ]
    return st.one_of(st.sampled_from(terms), st.sampled_from(terms), FREE) if terms else FREE


def kind(name):
    """The type of a variable that the guide has elsewhere; Char where it has it nowhere."""
    try:
        return metadata.variable(name).type
    except UnknownNameError:
        return "Char"


@st.composite
def tables(draw, domain, size=4):
    """A table of a domain: some of its variables, rows in any order; --SEQ is unique within a subject, mostly."""
    known = metadata.domain(domain)
    keys = [one for one in ("STUDYID", "DOMAIN", "USUBJID", f"{domain}SEQ") if one in known]
    lines = {one.variable for mapping in ALL if mapping.domain == domain for one in mapping.lines}
    added = sorted(one for one in lines if one not in known and "." not in one)  # the SDTM model allows them
    variables = [*known.variables, *(metadata.VariableMetadata(one, "", kind(one), "Perm", "", 0) for one in added)]
    rest = [one for one in variables if one.name not in keys]
    chosen = [one for one in rest if draw(st.integers(0, 9)) < (7 if one.name in lines else 3)]
    if domain == "DM":
        subjects = draw(st.permutations(SUBJECTS))[: draw(st.integers(1, 3))]
    else:
        subjects = draw(st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=size))
    rows = []
    for number, subject in enumerate(subjects, start=1):
        row = {"STUDYID": "ST1", "DOMAIN": domain, "USUBJID": subject, f"{domain}SEQ": float(number)}
        for one in chosen:
            if draw(st.integers(0, 9)) < 7:
                row[one.name] = draw(cell(one))
        rows.append(row)
    names = [*keys, *(one.name for one in chosen)]
    kinds = {one.name: pl.Float64 if one.type == "Num" else pl.String for one in variables}
    frame = pl.DataFrame({name: pl.Series(name, [row.get(name) for row in rows], dtype=kinds[name]) for name in names})
    return table(domain, frame)


@st.composite
def supplements(draw, parent):
    """SUPP-- rows of a table: most of them of its records, some of none."""
    domain = parent.name
    rows = []
    homes = [(row["USUBJID"], row.get(f"{domain}SEQ")) for row in parent.rows()]
    for _ in range(draw(st.integers(1, 4))):
        subject, sequence = draw(st.sampled_from([*homes, (SUBJECTS[0], 77.0)]))
        name = draw(st.sampled_from(QUALIFIERS))
        rows.append(
            {
                "STUDYID": "ST1",
                "RDOMAIN": domain,
                "USUBJID": subject,
                "IDVAR": None if sequence is None else f"{domain}SEQ",
                "IDVARVAL": None if sequence is None else str(int(sequence)),
                "QNAM": name,
                "QLABEL": draw(st.sampled_from(LABELS)),
                "QVAL": draw(st.sampled_from(QUALIFIED)),
                "QORIG": draw(st.sampled_from(("CRF", "Assigned", None))),
                "QEVAL": draw(st.sampled_from((None, "INVESTIGATOR"))),
            }
        )
    return table(f"SUPP{domain}", pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String)))


@st.composite
def studies(draw, domains=DOMAINS, most=4):
    """A study of some domains, with SUPP-- for some."""
    chosen = draw(st.lists(st.sampled_from(domains), min_size=1, max_size=most, unique=True))
    made = [draw(tables(domain)) for domain in domains if domain in chosen]
    made += [draw(supplements(one)) for one in made if "USUBJID" in one.frame.columns and draw(st.booleans())]
    return study(made)


def rows_of(one):
    """A table's rows as comparable text, in a fixed order, with its column names."""
    names = one.frame.columns
    return names, sorted(repr([row[name] for name in names]) for row in one.frame.iter_rows(named=True))


def cells(one):
    """A study as plain data that compares: by table, its columns and its rows in a fixed order."""
    return {each.name: rows_of(each) for each in one}


# --- resources ------------------------------------------------------------------------------------------------------

ODD = (
    Decimal("23.50"),
    Decimal("1E+3"),
    0,
    True,
    False,
    "",
    "x",
    "2018-02",
    "2018-02-05T10:30:00.50Z",
    "http://elsewhere.org/x",
    "entered-in-error",
    "not-done",
    "C41338",
    "C48275",
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
)
UNKNOWN = (
    {"extension": [{"url": "http://elsewhere.org/e", "valueDecimal": Decimal("1.10")}]},
    {"modifierExtension": [{"url": "http://elsewhere.org/m", "valueBoolean": True}]},
    {"text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}},
    {"language": "de"},
    {"contained": [{"resourceType": "Patient", "id": "inside", "active": True}]},
    {"note": [{"text": "a note"}]},
    {"_status": {"extension": [{"url": "http://elsewhere.org/e", "valueCode": "x"}]}},
    {"meta": {"versionId": "3", "lastUpdated": "2020-01-01T00:00:00.000+00:00", "tag": [{"code": "x"}]}},
)


def places(value, path=()):
    """The path of every member of an object or list below a value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield (*path, at)
            yield from places(inner, (*path, at))


def holder(resource, path):
    """The object or list that holds the last step of a path."""
    for step in path[:-1]:
        resource = resource[step]
    return resource


def changed(resource, path, how, draw):
    """Change a resource in place at a path; what is left empty is taken away, as FHIR asks."""
    inside, last = holder(resource, path), path[-1]
    value = inside[last]
    if how == "drop":
        del inside[last]
    elif how == "replace" and isinstance(value, str | int | Decimal):
        same = [one for one in ODD if isinstance(one, str) == isinstance(value, str) and one != ""]
        if isinstance(value, bool):
            same = [not value]
        inside[last] = draw(st.sampled_from(same))
    elif how == "repeat" and isinstance(value, list) and value:
        value.append(copy.deepcopy(draw(st.sampled_from(value))))
    elif how == "turn" and isinstance(value, list):
        value.reverse()
    elif how == "reference" and last == "reference":
        kind = draw(st.sampled_from(("http://far.org/fhir/{}", "urn:uuid:{}", "{}/_history/2", "#{}", "Patient/none")))
        inside[last] = kind.format(value)


def tidied(value):
    """Without empty objects and lists."""
    if isinstance(value, dict):
        inner = {key: tidied(one) for key, one in value.items()}
        return {key: one for key, one in inner.items() if one not in ({}, [])}
    if isinstance(value, list):
        return [one for one in (tidied(one) for one in value) if one not in ({}, [])]
    return value


@st.composite
def changed_resources(draw, resources, most=6):
    """Some of the resources, some of them changed: still JSON of resources, each with its type."""
    kept = [copy.deepcopy(one) for one in resources if draw(st.integers(0, 9)) < 7]
    for _ in range(draw(st.integers(0, most)) if kept else 0):
        at = draw(st.integers(0, len(kept) - 1))
        resource = kept[at]
        if draw(st.integers(0, 4)) == 0:
            for key, value in draw(st.sampled_from(UNKNOWN)).items():
                resource.setdefault(key, copy.deepcopy(value))
        else:
            paths = [path for path in places(resource) if path not in (("resourceType",), ("id",))]
            if paths:
                how = draw(st.sampled_from(("drop", "replace", "repeat", "turn", "reference")))
                changed(resource, draw(st.sampled_from(paths)), how, draw)
        kept[at] = tidied(resource)
        if draw(st.integers(0, 19)) == 0:
            kept[at].pop("id", None)
    return kept


def exactly(value):
    """A value whose equality is FHIR's: 23.50 is not 23.5, true is not 1, members in any order."""
    if isinstance(value, dict):
        return ("object", tuple(sorted((key, exactly(one)) for key, one in value.items())))
    if isinstance(value, list):
        return ("list", tuple(exactly(one) for one in value))
    return (type(value).__name__, str(value))


def as_set(resources):
    """Resources in any order, as a value that compares exactly."""
    return sorted(repr(exactly(one)) for one in resources)
