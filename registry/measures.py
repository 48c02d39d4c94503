"""Baseline characteristics and outcome measures (two modules of API v2 that share their tables).

A table is: groups (columns), denominators, classes and categories (rows), measurements (cells, text as reported).
Build rows with `counts` and `values`, then `baseline` and `outcome`.

>>> sex = BaselineMeasure("Sex: Female, Male", **COUNTED, classes=(counts({"Female": {"BG000": 20, "BG001": 20}}),))
>>> sex.classes[0].categories[0].measurements[0]
Measurement(group_id='BG000', value='20', spread='', lower_limit='', upper_limit='', comment='')

Source: OpenAPI description of the API; titles of usual measures: results data element definitions, "Baseline Measure".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PARTICIPANTS = "Participants"
TOTAL = "Total"
AGE_CONTINUOUS = "Age, Continuous"
AGE_CATEGORICAL = "Age, Categorical"
SEX = "Sex: Female, Male"
ETHNICITY = "Ethnicity (NIH/OMB)"
RACE = "Race (NIH/OMB)"
REGION = "Region of Enrollment"
CATEGORIES: Mapping[str, tuple[str, ...]] = {
    AGE_CATEGORICAL: ("<=18 years", "Between 18 and 65 years", ">=65 years"),
    SEX: ("Female", "Male"),
    ETHNICITY: ("Hispanic or Latino", "Not Hispanic or Latino", "Unknown or Not Reported"),
    RACE: (
        "American Indian or Alaska Native",
        "Asian",
        "Native Hawaiian or Other Pacific Islander",
        "Black or African American",
        "White",
        "More than one race",
        "Unknown or Not Reported",
    ),
}
"""The rows the registry prescribes for its own measures."""
STANDARD_MEASURES = (
    AGE_CONTINUOUS,
    AGE_CATEGORICAL,
    "Age, Customized",
    SEX,
    "Sex/Gender, Customized",
    ETHNICITY,
    RACE,
    "Race/Ethnicity, Customized",
    "Race and Ethnicity Not Collected",
    REGION,
)


@dataclass(frozen=True, slots=True)
class MeasureGroup:
    """A column: `BG000` or `OG000`, title, description."""

    id: str = ""
    title: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class DenomCount:
    """The number of units of a group."""

    group_id: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Denom:
    """Denominators in one unit ("Participants", "Lesions") by group."""

    units: str = ""
    counts: tuple[DenomCount, ...] = ()


@dataclass(frozen=True, slots=True)
class Measurement:
    """A cell. All numbers are text as reported ("7.0", "NA"); `comment` explains an NA."""

    group_id: str = ""
    value: str = ""
    spread: str = ""
    lower_limit: str = ""
    upper_limit: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Category:
    """A row within a class; categories of one class exclude one another."""

    title: str = ""
    measurements: tuple[Measurement, ...] = ()


@dataclass(frozen=True, slots=True)
class MeasureClass:
    """A block of rows with denominators of its own where they differ."""

    title: str = ""
    denoms: tuple[Denom, ...] = ()
    categories: tuple[Category, ...] = ()


@dataclass(frozen=True, slots=True)
class BaselineMeasure:
    """One baseline characteristic. `param_type` and `dispersion_type` are values of MeasureParam and MeasureDispersionType."""

    title: str = ""
    description: str = ""
    population_description: str = ""
    param_type: str = ""
    dispersion_type: str = ""
    unit_of_measure: str = ""
    calculate_pct: bool | None = None
    denom_units_selected: str = ""
    denoms: tuple[Denom, ...] = ()
    classes: tuple[MeasureClass, ...] = ()


@dataclass(frozen=True, slots=True)
class Baseline:
    """The baseline module; its last group is the total of the others."""

    population_description: str = ""
    type_units_analyzed: str = ""
    groups: tuple[MeasureGroup, ...] = ()
    denoms: tuple[Denom, ...] = ()
    measures: tuple[BaselineMeasure, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """A statistical analysis of an outcome measure. `param_type` is text ("Hazard Ratio (HR)"), limits are text."""

    param_type: str = ""
    param_value: str = ""
    dispersion_type: str = ""
    dispersion_value: str = ""
    statistical_method: str = ""
    statistical_comment: str = ""
    p_value: str = ""
    p_value_comment: str = ""
    ci_num_sides: str = ""
    ci_pct_value: str = ""
    ci_lower_limit: str = ""
    ci_upper_limit: str = ""
    ci_lower_limit_comment: str = ""
    ci_upper_limit_comment: str = ""
    estimate_comment: str = ""
    tested_non_inferiority: bool | None = None
    non_inferiority_type: str = ""
    non_inferiority_comment: str = ""
    other_analysis_description: str = ""
    group_description: str = ""
    group_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutcomeMeasure:
    """One outcome measure. `dispersion_type` is text here ("95% Confidence Interval"), unlike in the baseline."""

    type: str = ""
    title: str = ""
    description: str = ""
    population_description: str = ""
    reporting_status: str = ""
    anticipated_posting_date: str = ""
    param_type: str = ""
    dispersion_type: str = ""
    unit_of_measure: str = ""
    calculate_pct: bool | None = None
    time_frame: str = ""
    type_units_analyzed: str = ""
    denom_units_selected: str = ""
    groups: tuple[MeasureGroup, ...] = ()
    denoms: tuple[Denom, ...] = ()
    classes: tuple[MeasureClass, ...] = ()
    analyses: tuple[Analysis, ...] = ()


@dataclass(frozen=True, slots=True)
class OutcomeMeasures:
    """The outcome module."""

    outcome_measures: tuple[OutcomeMeasure, ...] = ()


class Counted(TypedDict):
    """The three fields every count of participants shares."""

    param_type: str
    unit_of_measure: str


COUNTED: Counted = {"param_type": "COUNT_OF_PARTICIPANTS", "unit_of_measure": PARTICIPANTS}


def groups(prefix: str, arms: Mapping[str, str], *, total: bool = False) -> tuple[MeasureGroup, ...]:
    """Columns `BG000`, `BG001` … (or `OG…`) from title -> description; with a last column "Total" if wanted."""
    named = {**arms, TOTAL: "Total of all reporting groups"} if total else arms
    return tuple(MeasureGroup(f"{prefix}{n:03}", title, text) for n, (title, text) in enumerate(named.items()))


def denom(units: str, by_group: Mapping[str, int]) -> Denom:
    """Denominators by group id."""
    return Denom(units, tuple(DenomCount(group, str(count)) for group, count in by_group.items()))


def counts(by_category: Mapping[str, Mapping[str, int]], title: str = "", denoms: Iterable[Denom] = ()) -> MeasureClass:
    """A class of counts: category title -> group id -> count. A single category titled "" is a class without rows."""
    rows = tuple(
        Category(name, tuple(Measurement(group, str(count)) for group, count in cells.items()))
        for name, cells in by_category.items()
    )
    return MeasureClass(title, tuple(denoms), rows)


def values(cells: Iterable[Measurement], title: str = "", denoms: Iterable[Denom] = ()) -> MeasureClass:
    """A class with one unnamed row of measurements: a mean, a median, a percentage."""
    return MeasureClass(title, tuple(denoms), (Category("", tuple(cells)),))
