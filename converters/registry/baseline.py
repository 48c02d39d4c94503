"""Baseline characteristics from DM, in the registry's own measures: age, sex, ethnicity, race, region of enrolment.

Columns are the planned arms and their total. A value the registry's rows do not have (a race OTHER) counts as unknown
or not reported, with a finding; participants without an age are left out of the mean, with their denominator.
"""

from __future__ import annotations

import statistics
from collections import Counter
from typing import TYPE_CHECKING

from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.registry.subjects import text
from trialbridge.mappings.registry_countries import name_of
from trialbridge.mappings.registry_terms import ETHNICITIES, RACES, SEXES, UNKNOWN
from trialbridge.registry import measures as m

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trialbridge.converters.registry.subjects import Arms, Row

Columns = dict[str, "Sequence[Row]"]
_YEARS = {"YEARS": 1.0, "MONTHS": 1 / 12, "WEEKS": 7 / 365.25, "DAYS": 1 / 365.25}


def baseline(arms: Arms, findings: list[Finding]) -> m.Baseline:
    """The module: groups, denominators, measures."""
    groups = m.groups("BG", {title: arms.titles[title] for title in arms.planned}, total=True)
    everyone = [one for subjects in arms.planned.values() for one in subjects]
    columns = dict(zip((one.id for one in groups), (*arms.planned.values(), everyone), strict=True))
    made = (
        *_ages(columns, findings),
        _sex(columns),
        _counted(m.ETHNICITY, columns, "ETHNIC", ETHNICITIES, findings),
        _counted(m.RACE, columns, "RACE", RACES, findings),
        _region(columns, findings),
    )
    return m.Baseline(
        "All participants who were assigned to an arm.",
        "",
        groups,
        (m.denom(m.PARTICIPANTS, {group: len(subjects) for group, subjects in columns.items()}),),
        tuple(one for one in made if one is not None),
    )


def age_of(row: Row) -> float | None:
    """AGE in years, by AGEU (years where it is blank); None without a number or with a unit that is none."""
    age, unit = row.get("AGE"), text(row, "AGEU").upper() or "YEARS"
    factor = _YEARS.get(unit)
    return age * factor if isinstance(age, int | float) and factor is not None else None


def _ages(columns: Columns, findings: list[Finding]) -> Sequence[m.BaselineMeasure]:
    ages = {group: [age for one in subjects if (age := age_of(one)) is not None] for group, subjects in columns.items()}
    short = len(columns[list(columns)[-1]]) - len(ages[list(ages)[-1]])
    if not any(ages.values()):
        findings.append(_finding("BASELINE-MISSING", "AGE", "No participant has an age.", "complete DM"))
        return ()
    denoms: tuple[m.Denom, ...] = ()
    if short:
        message = f"{short} participants have no age in years; they are left out of the measures of age."
        findings.append(_finding("BASELINE-MISSING", "AGE", message, "complete DM"))
        denoms = (m.denom(m.PARTICIPANTS, {group: len(values) for group, values in ages.items()}),)
    cells = [_mean(group, values) for group, values in ages.items()]
    young, middle, old = m.CATEGORIES[m.AGE_CATEGORICAL]
    rows = {
        young: {group: sum(age <= 18 for age in values) for group, values in ages.items()},
        middle: {group: sum(18 < age < 65 for age in values) for group, values in ages.items()},
        old: {group: sum(age >= 65 for age in values) for group, values in ages.items()},
    }
    return (
        m.BaselineMeasure(
            m.AGE_CONTINUOUS,
            param_type="MEAN",
            dispersion_type="STANDARD_DEVIATION",
            unit_of_measure="years",
            denoms=denoms,
            classes=(m.values(cells),),
        ),
        m.BaselineMeasure(m.AGE_CATEGORICAL, **m.COUNTED, denoms=denoms, classes=(m.counts(rows),)),
    )


def _mean(group: str, values: Sequence[float]) -> m.Measurement:
    """Mean and standard deviation; NA with a reason where there is none."""
    if not values:
        return m.Measurement(group, "NA", "NA", comment="No participant of this group has a value.")
    mean = _number(statistics.fmean(values), 1)
    if len(values) == 1:
        return m.Measurement(group, mean, "NA", comment="One participant has no standard deviation.")
    return m.Measurement(group, mean, _number(statistics.stdev(values), 2))


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}"


def _sex(columns: Columns) -> m.BaselineMeasure:
    """The registry's measure; its customized one where a sex is neither female nor male."""
    said = {
        group: Counter(SEXES.get(text(one, "SEX").upper(), "Unknown") for one in rows)
        for group, rows in columns.items()
    }
    whole = all("Unknown" not in counts for counts in said.values())
    names = [*m.CATEGORIES[m.SEX], *(() if whole else ("Unknown",))]
    title = m.SEX if whole else "Sex/Gender, Customized"
    rows = {name: {group: counts[name] for group, counts in said.items()} for name in names}
    return m.BaselineMeasure(title, **m.COUNTED, classes=(m.counts(rows),))


def _counted(
    title: str, columns: Columns, variable: str, known: Mapping[str, str], findings: list[Finding]
) -> m.BaselineMeasure | None:
    """A measure with the registry's rows. None where the variable was not collected at all."""
    everyone = columns[list(columns)[-1]]
    values = Counter(text(one, variable).upper() for one in everyone)
    if not set(values) - {""}:
        message = f"{title}: {variable} was not collected; the measure is left out."
        findings.append(_finding("BASELINE-MISSING", variable, message, "say in the record that it was not collected"))
        return None
    for value, count in values.items():
        if value and value not in known:
            message = f"{title} has no row for {value!r}; {count} participants count as {UNKNOWN}."
            findings.append(_finding("BASELINE-VALUE", variable, message, "use a customized measure if it matters"))
    told = _teller(variable, known)
    rows = {
        name: {group: sum(told(one) == name for one in subjects) for group, subjects in columns.items()}
        for name in m.CATEGORIES[title]
    }
    return m.BaselineMeasure(title, **m.COUNTED, classes=(m.counts(rows),))


def _teller(variable: str, known: Mapping[str, str]) -> Callable[[Row], str]:
    return lambda row: known.get(text(row, variable).upper(), UNKNOWN)


def _region(columns: Columns, findings: list[Finding]) -> m.BaselineMeasure | None:
    """A class for each country."""
    everyone = columns[list(columns)[-1]]
    countries = sorted({text(one, "COUNTRY") for one in everyone})
    if countries in ([], [""]):
        findings.append(_finding("BASELINE-MISSING", "COUNTRY", "No participant has a country.", "complete DM"))
        return None
    classes = tuple(
        m.counts(
            {"": {group: sum(text(one, "COUNTRY") == code for one in rows) for group, rows in columns.items()}},
            name_of(code) if code else "Unknown",
        )
        for code in countries
    )
    return m.BaselineMeasure(m.REGION, param_type="NUMBER", unit_of_measure="participants", classes=classes)


def _finding(name: str, variable: str, message: str, fix: str) -> Finding:
    return Finding(f"TB-REG-{name}", Severity.WARNING, Where(dataset="DM", variable=variable), message, fix)
