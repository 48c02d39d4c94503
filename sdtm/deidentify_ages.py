"""Ages in tables: in DM, as the result of a test, as a qualifier, in a variable of that name; and who is too old.

HIPAA, 45 CFR 164.514(b)(2)(i)(C). What a row says depends on that row alone, so the same question can be asked of a row
that travels in FHIR.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialbridge.base.deidentify_ages import Said, duration, over, unit_code, years

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.base.deidentify_ages import AgeRules
    from trialbridge.sdtm.table import Study, Table

OF_BIRTH = ("BRTHDTC", "AGE", "AGEU", "AGETXT")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOINC = "http://loinc.org"
_DAYS_OF_DM = ("RFSTDTC", "RFENDTC", "RFXSTDTC", "RFXENDTC", "RFICDTC", "RFPENDTC", "DTHDTC")


def results(domain: str) -> tuple[str, ...]:
    """The variables of a finding's result, which go with its age."""
    return tuple(f"{domain}{one}" for one in ("ORRES", "ORRESU", "STRESC", "STRESN", "STRESU"))


def result_said(domain: str, row: Mapping[str, Any], rules: AgeRules) -> tuple[Said | None, bool]:
    """What the test of a finding says its result is, and whether that is an age above the limit.

    A result in a unit of time above the limit tells of such an age, whatever the test.
    """
    said = _said(row.get(f"{domain}TESTCD"), row.get(f"{domain}TEST"), rules)
    loinc = row.get(f"{domain}LOINC")
    said = said or (rules.of_code(_LOINC, loinc) if loinc else None)
    if said is Said.BIRTH:
        return said, False
    pairs = [
        (row.get(f"{domain}{value}"), row.get(f"{domain}{unit}"))
        for value, unit in (("ORRES", "ORRESU"), ("STRESC", "STRESU"), ("STRESN", "STRESU"))
    ]
    return said, any(
        over(str(value), unit, rules.most) for value, unit in pairs if value is not None and (said or unit_code(unit))
    )


def qualifier_said(name: str | None, label: str | None, value: Any, rules: AgeRules) -> tuple[Said | None, bool]:
    """What a supplemental qualifier's name and label say its value is, and whether that is an age above the limit."""
    said = _said(name, label, rules)
    return said, said is Said.AGE and value is not None and over(str(value), None, rules.most)


def cell_said(name: str, value: Any, unit: str | None, rules: AgeRules) -> tuple[Said | None, bool]:
    """What a variable's own name says its value is, and whether it tells an age above the limit: AGE…, or --DUR.

    DM's own variables are `too_old`'s business.
    """
    if name in OF_BIRTH or value is None:
        return None, False
    if rules.of_name(name):
        return Said.AGE, over(str(value), unit, rules.most)
    return None, name[2:] == "DUR" and (duration(str(value)) or 0) > rules.most


def goes(said: Said | None, above: bool, value: Any, too_old: bool) -> bool:  # noqa: FBT001 - two plain facts
    """Whether a value goes: an age above the limit, and of a subject who is too old any age and what tells the birth."""
    return above or (said is not None and too_old and any(one.isdigit() for one in str(value)))


def _said(name: str | None, label: str | None, rules: AgeRules) -> Said | None:
    if label and (said := rules.of_label(label)):
        return said
    return Said.AGE if name and rules.of_name(name) else None


def too_old(study: Study, rules: AgeRules, today: str) -> frozenset[str]:
    """The subjects of whom some table tells an age above the limit: by DM, by a result, or by a qualifier.

    Where DM has no age, it is that of the subject's last day in DM, or of `today` where DM has no day.
    """
    found = set()
    for table in study:
        if "USUBJID" not in table.frame.columns:
            continue
        if table.name == "DM":
            rows = table.frame.iter_rows(named=True)
            found |= {row["USUBJID"] for row in rows if _old_in_dm(row, rules, today)}
        found |= {subject for subject, _, _, above, _ in ages_in(table, rules) if above}
    return frozenset(one for one in found if one)


def last_day(study: Study) -> dict[str, str]:
    """The last day that DM knows of each subject, where it is a whole date."""
    if "DM" not in study:
        return {}
    found = {}
    for row in study["DM"].frame.iter_rows(named=True):
        days = [str(row[name])[:10] for name in _DAYS_OF_DM if row.get(name) and _DAY.match(str(row[name]))]
        if row.get("USUBJID") and days:
            found[row["USUBJID"]] = max(days)
    return found


def _old_in_dm(row: Mapping[str, Any], rules: AgeRules, today: str) -> bool:
    age, told = row.get("AGE"), row.get("AGETXT")
    if isinstance(age, int | float) and years(age, row.get("AGEU")) > rules.most:
        return True
    if told and over(told, row.get("AGEU"), rules.most):
        return True
    born = row.get("BRTHDTC")
    days = [day for name in _DAYS_OF_DM if (day := row.get(name))] or ([today] if age is None else [])
    return bool(born) and any(_years_between(str(born), day) > rules.most for day in days)


def _years_between(born: str, day: str) -> int:
    """Whole years from one ISO 8601 date to another; where one is partial, the most it can be."""
    try:
        told = int(day[:4]) - int(born[:4])
    except ValueError:
        return 0
    first, last = born[4:10], day[4:10]
    known = min(len(first), len(last))
    return told - (known > 0 and last[:known] < first[:known])


def ages_in(table: Table, rules: AgeRules) -> Iterator[tuple[str | None, int, Said | None, bool, tuple[str, ...]]]:
    """Subject, row, what it says, whether above the limit, and the variables that say it, of each age of a table.

    For a qualifier the variable is QVAL alone: its row goes whole. DM's own variables are `too_old`'s business.
    """
    columns = set(table.frame.columns)
    subjects: list[str | None] = (
        table.frame["USUBJID"].to_list() if "USUBJID" in columns else [None] * table.frame.height
    )
    if "QNAM" in columns:
        asked = [one for one in ("QNAM", "QLABEL", "QVAL") if one in columns]
        for number, row in enumerate(table.frame.select(asked).iter_rows(named=True)):
            said, above = qualifier_said(row.get("QNAM"), row.get("QLABEL"), row.get("QVAL"), rules)
            if said:
                yield subjects[number], number, said, above, ("QVAL",)
        return
    domain = table.domain
    there = tuple(one for one in results(domain) if one in columns)
    if there:
        of_test = [*there, *(f"{domain}{one}" for one in ("TESTCD", "TEST", "LOINC") if f"{domain}{one}" in columns)]
        for number, row in enumerate(table.frame.select(of_test).iter_rows(named=True)):
            said, above = result_said(domain, row, rules)
            if said or above:
                yield subjects[number], number, said, above, there
    units = table.frame["AGEU"].to_list() if "AGEU" in columns else [None] * len(subjects)
    for name in (one for one in table.frame.columns if rules.of_name(one) or one[2:] == "DUR"):
        for number, value in enumerate(table.frame[name].to_list()):
            said, above = cell_said(name, value, units[number], rules)
            if said or above:
                yield subjects[number], number, said, above, (name,)
