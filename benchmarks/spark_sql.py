"""DM, TU, TR and RS by Spark alone: its JSON reader with an explicit schema, and SQL for what our lines make of them.

Of the variables of the example's DM, TU, TR and RS those that SQL can say simply.
Not made: --TESTCD, --GRPID, --STRESC by code, EPOCH, VISITDY, --REASND, SUPP--, checks and findings. `differences` compares the cells.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from trialbridge.sdtm.table import Study

_CONCEPT = "struct<coding:array<struct<system:string,code:string>>,text:string>"
_REFERENCE = "struct<reference:string>"
_IDENTIFIERS = "identifier array<struct<system:string,value:string>>"
_CARRIED = "extension:array<struct<url:string,valueCode:string,valueString:string,valueDecimal:double>>"
_EXTENSION = f"extension array<struct<url:string,valueReference:{_REFERENCE},{_CARRIED}>>"
_QUANTITY = "struct<value:string,code:string>"
_READ = {
    "Observation": f"id string, {_EXTENSION}, {_IDENTIFIERS}, code {_CONCEPT}, subject {_REFERENCE}, focus array<{_REFERENCE}>, "
    f"encounter {_REFERENCE}, effectiveDateTime string, performer array<{_REFERENCE}>, valueQuantity {_QUANTITY}, "
    f"valueString string, valueInteger string, valueCodeableConcept {_CONCEPT}, method {_CONCEPT}, "
    f"component array<struct<valueQuantity:{_QUANTITY}>>",
    "Patient": f"id string, {_EXTENSION}, gender string, birthDate string",
    "ResearchSubject": f"{_EXTENSION}, {_IDENTIFIERS}, individual {_REFERENCE}, consent {_REFERENCE}, assignedArm string, "
    "actualArm string",
    "Encounter": f"id string, {_IDENTIFIERS}",
    "BodyStructure": f"id string, {_IDENTIFIERS}, location {_CONCEPT}",
    "PractitionerRole": f"id string, code array<{_CONCEPT}>",
    "Consent": "id string, dateTime string",
}
_SID = "https://example.org/trialbridge/sid"
_VARIABLE = "https://example.org/trialbridge/StructureDefinition/sdtm-variable"


def _identifier(of: str, name: str) -> str:
    return f"get(filter({of}.identifier, x -> x.system = '{_SID}/{name}'), 0).value"


def _carried(of: str, name: str, value: str = "valueString") -> str:
    """A variable that FHIR has no element for."""
    named = f"x.url = '{_VARIABLE}' and exists(x.extension, y -> y.valueCode = '{name}')"
    found = f"get(filter({of}.extension, x -> {named}), 0)"
    return f"get(filter({found}.extension, y -> y.url = 'value'), 0).{value}"


def _by_domain(name: str) -> str:
    return "coalesce(" + ", ".join(_carried("o", f"{domain}{name}") for domain in ("TU", "TR", "RS")) + ")"


def _last(reference: str) -> str:
    return f"substring_index({reference}, '/', -1)"


_KEY = "split(" + _identifier("o", "sdtm-record") + r", '\\|')"
_SUBJECT = f"""select p.id as patient, {_identifier("r", "usubjid")} as USUBJID, {_identifier("r", "subjid")} as SUBJID,
    case p.gender when 'female' then 'F' when 'male' then 'M' else 'U' end as SEX, p.birthDate as BRTHDTC,
    {_carried("r", "AGE", "valueDecimal")} as AGE, r.assignedArm as ARM, r.actualArm as ACTARM,
    {_carried("r", "RFSTDTC")} as RFSTDTC, {_carried("r", "RFENDTC")} as RFENDTC, c.dateTime as RFICDTC,
    {_carried("r", "DMDTC")} as DMDTC
  from ResearchSubject r left join Patient p on p.id = {_last("r.individual.reference")}
  left join Consent c on c.id = {_last("r.consent.reference")}"""  # noqa: S608 - of constants
_QUANTITIES = "coalesce(o.valueQuantity, get(o.component, 0).valueQuantity)"
_RESULT = f"coalesce({_QUANTITIES}.value, o.valueCodeableConcept.text, o.valueString, o.valueInteger)"
_FINDINGS = f"""select s.USUBJID, cast(get({_KEY}, 3) as double) as SEQ, o.code.text as TEST,
    {_identifier("b", "tulnkid")} as LNKID, {_identifier("o", "lnkgrp")} as LNKGRP,
    {_RESULT} as ORRES, {_QUANTITIES}.code as ORRESU, try_cast({_RESULT} as double) as STRESN, o.method.text as METHOD,
    get(f.code, 0).text as EVAL, cast({_identifier("e", "visitnum")} as double) as VISITNUM, {_identifier("e", "visit")} as VISIT,
    o.effectiveDateTime as DTC,
    cast(datediff(o.effectiveDateTime, s.RFSTDTC) + if(o.effectiveDateTime >= s.RFSTDTC, 1, 0) as double) as DY,
    {_by_domain("LOBXFL")} as LOBXFL, b.location.text as LOC, get({_KEY}, 1) as DOMAIN
  from Observation o left join ({_SUBJECT}) s on s.patient = {_last("o.subject.reference")}
  left join Encounter e on e.id = {_last("o.encounter.reference")}
  left join BodyStructure b on b.id = {_last("get(o.focus, 0).reference")}
  left join PractitionerRole f on f.id = {_last("get(o.performer, 0).reference")}"""  # noqa: S608 - of constants


def tables(spark: SparkSession, folder: Path) -> tuple[DataFrame, DataFrame]:
    """DM's rows, and those of TU, TR and RS together (one pass over the Observations)."""
    for kind, schema in _READ.items():
        spark.read.schema(schema).json(str(folder / f"{kind}.ndjson")).createOrReplaceTempView(kind)
    return spark.sql(_SUBJECT).drop("patient"), spark.sql(_FINDINGS)


def differences(spark: SparkSession, folder: Path, ours: Study) -> Counter[str]:
    """Rows that only one of both has, and in how many rows of both a variable differs."""
    found: Counter[str] = Counter()
    subjects, findings = tables(spark, folder)
    theirs = {(row.DOMAIN, row.USUBJID, row.SEQ): row.asDict() for row in findings.collect()}
    theirs |= {("DM", row.USUBJID, None): row.asDict() for row in subjects.collect()}
    for name in ("DM", "TU", "TR", "RS"):
        for row in ours[name].frame.iter_rows(named=True):
            other = theirs.pop((name, row["USUBJID"], row.get(f"{name}SEQ")), None)
            if other is None:
                found["rows that only ours have"] += 1
                continue
            found["rows"] += 1
            for column, value in other.items():
                mine = row[column] if column in row else row.get(f"{name}{column}", value)
                if mine != value:
                    found[f"{name}.{column}"] += 1
                    if found[f"{name}.{column}"] < 2:
                        print(name, column, repr(mine), repr(value))
    found["rows that only SQL has"] = len(theirs)
    return found
