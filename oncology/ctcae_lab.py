"""Laboratory values graded by CTCAE 4.0, 4.03 or 5.0, from LB alone.

    graded, findings = ctcae_lab.grade_lab(study, "5.0")

Values and limits of normal are LBSTRESN, LBSTNRLO and LBSTNRHI in LBSTRESU. The baseline is the record flagged
LBLOBXFL (or LBBLFL). By 5.0, aminotransferases, phosphatase, GGT and bilirubin are graded against the baseline value
when that was above its ULN. Total calcium is corrected for an albumin of the same day: + 0.02 mmol/L for each g/L below
40 (Payne et al., Br Med J 1973;4:643-646, as commonly rounded). A grade is by number alone: what CTCAE also asks for
(symptoms, treatment, hospital) is in the explanation, not in the grade.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.oncology.ctcae_lab_criteria import CRITERIA, SINGLY_CHARGED, UNITS
from trialbridge.oncology.ctcae_terms import terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialbridge.oncology.ctcae_lab_criteria import Criterion, Steps
    from trialbridge.sdtm.table import Study

_TEXTS = ("USUBJID", "LBTESTCD", "LBSPEC", "LBSTRESU", "LBLOBXFL", "LBBLFL", "LBFAST", "LBDTC", "VISIT")
_NUMBERS = ("LBSEQ", "LBSTRESN", "LBSTNRLO", "LBSTNRHI", "VISITNUM")
_NOT_BLOOD = frozenset(("URINE", "CEREBROSPINAL FLUID", "PLEURAL FLUID", "ASCITES FLUID", "FECES", "STOOL", "SWEAT"))
_CALCIUM_PER_G = {"mmol/L": 0.02, "mg/dL": 0.08}
_NORMAL_ALBUMIN = 40.0
_COLUMNS: dict[str, type[pl.DataType]] = {
    "USUBJID": pl.String,
    "LBSEQ": pl.Float64,
    "LBTESTCD": pl.String,
    "VISITNUM": pl.Float64,
    "VISIT": pl.String,
    "LBDTC": pl.String,
    "BASELINE": pl.Boolean,
    "TERM": pl.String,
    "VALUE": pl.Float64,
    "UNIT": pl.String,
    "GRADE": pl.Int64,
    "EXPLANATION": pl.String,
}


@dataclass(frozen=True, slots=True)
class _Sample:
    """One value with what its criteria ask for; limits None where unknown."""

    value: float
    unit: str
    low: float | None
    high: float | None
    baseline: float | None
    baseline_high: float | None
    is_baseline: bool
    fasting: str


def grade_lab(study: Study, version: str, *, correct_calcium: bool = True) -> tuple[pl.DataFrame, list[Finding]]:
    """The grade of every numeric value of a test with criteria, one row a record and term, and what could not be graded.

    `correct_calcium`: total calcium is corrected for albumin of the same day. GRADE 0: none of the grades; null: not
    decided, EXPLANATION says why. Urine and other fluids are left out. Raises UnknownNameError for an unknown version
    and without LB.
    """
    terms(version)
    if "LB" not in study:
        raise UnknownNameError(f"Laboratory grades need LB; the study has {', '.join(study.tables) or 'nothing'}.")
    rows = list(_records(study))
    criteria: dict[str, list[Criterion]] = defaultdict(list)
    for one in CRITERIA[version]:
        for test in one.tests:
            criteria[test].append(one)
    baselines = {(row["USUBJID"], row["LBTESTCD"]): row for row in rows if _is_baseline(row)}
    albumins = {(row["USUBJID"], row["LBDTC"][:10]): row for row in rows if row["LBTESTCD"] == "ALB" and row["LBDTC"]}
    graded: list[tuple[Any, ...]] = []
    missing: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        for one in criteria[row["LBTESTCD"]]:
            sample = _sample(row, baselines.get((row["USUBJID"], row["LBTESTCD"])))
            corrected = ""
            if correct_calcium and one.corrected and row["LBTESTCD"] == "CA":
                sample, corrected = _corrected(sample, albumins.get((row["USUBJID"], row["LBDTC"][:10])))
            grade, why = _grade(one, sample)
            if grade is None:
                missing[(row["LBTESTCD"], why)] += 1
            said = "; ".join(part for part in (why, corrected, one.note if grade else "") if part)
            graded.append(
                (*_place(row), one.term, sample.value, sample.unit or None, grade, f"{said} (CTCAE {version})")
            )
    findings = [
        Finding("TB-CTCAE-009", Severity.NOTE, Where(dataset="LB"), f"{test}: {count} values not graded, {why}.")
        for (test, why), count in sorted(missing.items())
    ]
    return pl.DataFrame(graded, schema=_COLUMNS, orient="row"), findings


def _records(study: Study) -> Iterator[dict[str, Any]]:
    """The rows of LB with a numeric result in blood, texts empty where missing, numbers None."""
    frame = study["LB"].frame
    texts = [
        pl.col(one).fill_null("") if frame.schema.get(one) == pl.String else pl.lit("").alias(one) for one in _TEXTS
    ]
    numbers = [
        pl.col(one) if frame.schema.get(one) == pl.Float64 else pl.lit(None, dtype=pl.Float64).alias(one)
        for one in _NUMBERS
    ]
    for row in frame.select(*texts, *numbers).iter_rows(named=True):
        if row["LBSTRESN"] is not None and row["LBSPEC"].upper() not in _NOT_BLOOD:
            yield row


def _is_baseline(row: Mapping[str, Any]) -> bool:
    return "Y" in (row["LBLOBXFL"], row["LBBLFL"])


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    texts = (row["VISIT"] or None, row["LBDTC"] or None)
    return (row["USUBJID"], row["LBSEQ"], row["LBTESTCD"], row["VISITNUM"], *texts, _is_baseline(row))


def _sample(row: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> _Sample:
    unit = _unit(row)
    same = baseline is not None and _unit(baseline) == unit
    return _Sample(
        row["LBSTRESN"],
        unit,
        row["LBSTNRLO"],
        row["LBSTNRHI"],
        baseline["LBSTRESN"] if baseline and same else None,
        baseline["LBSTNRHI"] if baseline and same else None,
        _is_baseline(row),
        row["LBFAST"],
    )


def _unit(row: Mapping[str, Any]) -> str:
    """The unit in the criteria's spelling. mEq/L is mmol/L only for ions of one charge."""
    unit: str = row["LBSTRESU"]
    if unit == "mEq/L" and row["LBTESTCD"] not in SINGLY_CHARGED:
        return unit
    return UNITS.get(unit, unit)


def _corrected(sample: _Sample, albumin: Mapping[str, Any] | None) -> tuple[_Sample, str]:
    """Calcium corrected for albumin of the same day, where both have units that allow it."""
    grams = {"g/L": 1.0, "g/dL": 10.0}.get(albumin["LBSTRESU"]) if albumin else None
    if albumin is None or grams is None or sample.unit not in _CALCIUM_PER_G:
        return sample, "not corrected for albumin"
    level = albumin["LBSTRESN"] * grams
    # Rounded to what a laboratory reports, so that binary fractions do not decide a grade.
    value = round(sample.value + _CALCIUM_PER_G[sample.unit] * (_NORMAL_ALBUMIN - level), 4)
    said = f"corrected for albumin {level:g} g/L from {sample.value:g}"
    changed = _Sample(
        value,
        sample.unit,
        sample.low,
        sample.high,
        sample.baseline,
        sample.baseline_high,
        sample.is_baseline,
        sample.fasting,
    )
    return changed, said


def _grade(criterion: Criterion, sample: _Sample) -> tuple[int | None, str]:
    """The grade, or None, and why, by the criterion's kind of limits."""
    high = criterion.direction == "HIGH"
    if criterion.excess:
        return _by_excess(criterion, sample)
    if criterion.absolute:
        steps = criterion.absolute.get(sample.unit)
        if steps is None:
            units = " or ".join(one or "no unit" for one in criterion.absolute)
            return None, f"unit {sample.unit or 'missing'} is not {units}"
        grade, why = _by_steps(steps, sample, sample.high if high else sample.low, high=high)
        if grade and grade < criterion.fasting_below and sample.fasting != "Y":
            said = "not fasting" if sample.fasting == "N" else "fasting not stated"
            return None, f"grades below {criterion.fasting_below} are for a fasting sample: {said}"
        return grade, why
    return _by_multiples(criterion, sample, high=high)


def _by_steps(steps: Steps, sample: _Sample, normal: float | None, *, high: bool) -> tuple[int | None, str]:
    """The highest grade whose limit the value is beyond. The first may be the laboratory's limit of normal."""
    value, unit = sample.value, f" {sample.unit}".rstrip()
    for grade, limit in reversed(steps):
        if limit is not None and (value > limit if high else value < limit):
            inside = normal is not None and (value <= normal if high else value >= normal)
            aside = ", though within the limits of normal" if inside else ""
            return grade, f"grade {grade}: {value:g}{unit} is {'above' if high else 'below'} {limit:g}{aside}"
    first, limit = steps[0]
    if limit is not None:
        return 0, f"grade 0: {value:g}{unit} is not {'above' if high else 'below'} {limit:g}"
    name = "ULN" if high else "LLN"
    if normal is None:
        return None, f"the {name} is missing"
    if value > normal if high else value < normal:
        return first, f"grade {first}: {value:g}{unit} is {'above' if high else 'below'} the {name} {normal:g}"
    return 0, f"grade 0: {value:g}{unit} is not {'above' if high else 'below'} the {name} {normal:g}"


def _by_multiples(criterion: Criterion, sample: _Sample, *, high: bool) -> tuple[int | None, str]:
    """By multiples of the limit of normal and, where the criterion says so, of the baseline."""
    normal, name = (sample.high, "ULN") if high else (sample.low, "LLN")
    known = sample.baseline is not None and sample.baseline > 0 and not sample.is_baseline
    if criterion.baseline_when == "abnormal" and known:
        if sample.baseline_high is None:
            return None, "the ULN of the baseline is missing"
        assert sample.baseline is not None  # known
        if sample.baseline > sample.baseline_high:
            steps, least = criterion.of_baseline, criterion.least_included
            grade, why = _beyond(steps, sample.value, sample.baseline, "baseline", high=high, least_included=least)
            return grade, f"{why}, the baseline being above its ULN {sample.baseline_high:g}"
    aside = (
        "; no baseline, taken as normal" if criterion.baseline_when == "abnormal" and sample.baseline is None else ""
    )
    by_normal = None if normal is None else _beyond(criterion.multiples, sample.value, normal, name, high=high)
    if criterion.baseline_when == "always" and known:
        assert sample.baseline is not None  # known
        by_baseline = _beyond(criterion.of_baseline, sample.value, sample.baseline, "baseline", high=high)
        if by_normal is None or by_baseline[0] > by_normal[0]:
            # Without a ULN the baseline can show a grade, but not that there is none higher.
            return by_baseline if by_baseline[0] or by_normal else (None, "the ULN is missing")
    if by_normal is None:
        return None, f"the {name} is missing"
    return by_normal[0], by_normal[1] + aside


def _beyond(
    steps: Steps, value: float, reference: float, name: str, *, high: bool, least_included: bool = False
) -> tuple[int, str]:
    """The highest grade whose multiple of the reference the value is beyond."""
    for index, (grade, multiple) in reversed(list(enumerate(steps))):
        assert multiple is not None  # multiples are all numbers
        # 1.5 x 1.2 must be 1.8, which binary fractions make a little less.
        limit = round(multiple * reference, 9)
        at = least_included and index == 0 and value == limit
        if at or (value > limit if high else value < limit):
            side = "at least" if at else "above" if high else "below"
            return grade, f"grade {grade}: {value:g} is {side} {multiple:g} x {name} ({reference:g})"
    multiple = steps[0][1]
    return 0, f"grade 0: {value:g} is not {'above' if high else 'below'} {multiple:g} x {name} ({reference:g})"


def _by_excess(criterion: Criterion, sample: _Sample) -> tuple[int | None, str]:
    """By the rise over ULN, or over a baseline that is itself above ULN."""
    steps = criterion.excess.get(sample.unit)
    if steps is None:
        return None, f"unit {sample.unit or 'missing'} is not {' or '.join(criterion.excess)}"
    if sample.high is None:
        return None, "the ULN is missing"
    reference, name = sample.high, "ULN"
    above = sample.baseline is not None and sample.baseline > sample.high
    if criterion.excess_of_baseline and above and not sample.is_baseline:
        assert sample.baseline is not None  # above
        reference, name = sample.baseline, "baseline"
    rise = round(sample.value - reference, 6)
    for grade, limit in reversed(steps):
        assert limit is not None  # an excess is a number
        if rise > limit:
            return grade, f"grade {grade}: {sample.value:g} is {rise:g} {sample.unit} above the {name} {reference:g}"
    return 0, f"grade 0: {sample.value:g} is not above the {name} {reference:g}"
