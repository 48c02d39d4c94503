"""Results of findings: original and standard form, units, ranges, what was not done, evaluators.

Sources: SDTMIG 3.4, 4.5 (other assumptions), 6.3 (findings); CDISC conformance rules 2.0; FDA business rules 1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm.rules import shapes
from trialbridge.sdtm.rules.data import FINDINGS, FINDINGS_ABOUT, NotThereError
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data, Dataset
    from trialbridge.sdtm.rules.declare import Hit

_IG, _FB = "SDTMIG 3.4, 4.5.1", "FDA business rules 1.5"
_BOTH = (FINDINGS, FINDINGS_ABOUT)
_NUMBER = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"


def _findings(data: Data, *needs: str) -> list[Dataset]:
    """The datasets of findings with these variables. Raises NotThereError."""
    return data.datasets(*needs, classes=_BOTH)


@rule(
    "TB-RES-0001", "--ORRES has a value but --STRESC has none.", "give the standard result", cdisc="CG0397", section=_IG
)
def results_are_standardised(data: Data) -> Iterator[Hit]:
    """A result as collected, or a derived record, has its standard form in --STRESC."""
    for one in _findings(data, "--STRESC"):
        derived = one.text("--DRVFL") == "Y"
        yield from one.hits((one.given("--ORRES") | derived) & one.missing("--STRESC"), "--STRESC", "--ORRES")


@rule(
    "TB-RES-0002",
    "--ORRES is missing although nothing says that it was not done.",
    "give the result, or --STAT = NOT DONE",
    cdisc="CG0348",
    section=_IG,
)
def results_are_given(data: Data) -> Iterator[Hit]:
    """A record has a result as collected unless --STAT is NOT DONE or the record is derived."""
    for one in _findings(data, "--ORRES"):
        excused = (one.text("--STAT") == "NOT DONE") | (one.text("--DRVFL") == "Y")
        yield from one.hits(one.missing("--ORRES") & ~excused, "--ORRES", "--STAT")


@rule(
    "TB-RES-0003",
    "--STAT is NOT DONE although there is a result.",
    "take one of the two out",
    cdisc="CG0422",
    section=_IG,
)
def not_done_has_no_result(data: Data) -> Iterator[Hit]:
    """What was not done has no result."""
    for one in _findings(data, "--STAT"):
        yield from one.hits(one.given("--STAT") & (one.given("--ORRES") | one.given("--STRESC")), "--STAT", "--ORRES")


@rule(
    "TB-RES-0004",
    "--REASND has a value but --STAT is not NOT DONE.",
    "write NOT DONE in --STAT, or take the reason out",
    cdisc="CG0094",
    section=_IG,
)
def reason_is_of_not_done(data: Data) -> Iterator[Hit]:
    """A reason for not doing is given only with --STAT = NOT DONE."""
    for one in data.datasets("--REASND", but=("EX", "AE", "DS", "DV", "IE")):
        yield from one.hits(one.given("--REASND") & (one.text("--STAT") != "NOT DONE"), "--REASND", "--STAT")


@rule(
    "TB-RES-0005",
    "--STAT is NOT DONE without a reason.",
    "give --REASND",
    severity=Severity.WARNING,
    fda="FB4202",
    section=f"{_IG}; {_FB}",
)
def not_done_has_reason(data: Data) -> Iterator[Hit]:
    """What was not done has a reason in --REASND."""
    for one in _findings(data, "--STAT"):
        yield from one.hits((one.text("--STAT") == "NOT DONE") & one.missing("--REASND"), "--REASND", "--STAT")


@rule(
    "TB-RES-0006",
    "--STRESU has a value but --STRESC has none.",
    "give the standard result, or take the unit out",
    cdisc="CG0426",
    section=_IG,
)
def standard_unit_has_result(data: Data) -> Iterator[Hit]:
    """A standard unit comes with a standard result."""
    for one in _findings(data, "--STRESU", "--STRESC"):
        yield from one.hits(one.given("--STRESU") & one.missing("--STRESC"), "--STRESC", "--STRESU")


@rule(
    "TB-RES-0007",
    "--ORRESU has a value but --ORRES has none.",
    "give the result, or take the unit out",
    severity=Severity.WARNING,
    section=_IG,
)
def unit_has_result(data: Data) -> Iterator[Hit]:
    """A unit comes with a result."""
    for one in _findings(data, "--ORRESU", "--ORRES"):
        yield from one.hits(one.given("--ORRESU") & one.missing("--ORRES"), "--ORRES", "--ORRESU")


@rule(
    "TB-RES-0008",
    "--RESCAT has a value but --STRESC has none.",
    "give the standard result",
    cdisc="CG0427",
    section=_IG,
)
def result_category_has_result(data: Data) -> Iterator[Hit]:
    """A category of the result comes with a standard result."""
    for one in _findings(data, "--RESCAT", "--STRESC"):
        yield from one.hits(one.given("--RESCAT") & one.missing("--STRESC"), "--RESCAT", "--STRESC")


def _number(one: Dataset) -> pl.Expr:
    """--STRESC as a number, null where it is none."""
    text = one.text("--STRESC")
    return pl.when(text.str.contains(_NUMBER)).then(text).cast(pl.Float64, strict=False)


@rule(
    "TB-RES-0009",
    "--STRESC is a number but --STRESN is empty.",
    "write the number in --STRESN too",
    fda="FB3101",
    section=f"{_IG}; {_FB}",
)
def numbers_are_numbers(data: Data) -> Iterator[Hit]:
    """A standard result that is a number is in --STRESN too."""
    for one in _findings(data, "--STRESC", "--STRESN"):
        yield from one.hits(_number(one).is_not_null() & one.missing("--STRESN"), "--STRESN", "--STRESC")


@rule(
    "TB-RES-0010",
    "--STRESN is not the number in --STRESC.",
    "write the same number in both",
    fda="FB3102 FB3103",
    section=f"{_IG}; {_FB}",
)
def numbers_agree(data: Data) -> Iterator[Hit]:
    """--STRESN is the number that --STRESC shows; where --STRESC is no number --STRESN is empty."""
    for one in _findings(data, "--STRESC", "--STRESN"):
        if one.frame.schema[one.of("--STRESN")].is_numeric():
            number, given = _number(one), one.col("--STRESN")
            # What is written may be rounded: half a unit of its last place, at least a ten-billionth.
            text = one.text("--STRESC").str.extract(r"^[-+]?[0-9]*\.?([0-9]*)", 1).fill_null("")
            half = pl.lit(10.0).pow(-text.str.len_chars().cast(pl.Float64)) / 2
            plain = ~one.text("--STRESC").str.contains("[eE]")
            slack = pl.when(plain).then(half).otherwise(number.abs() * 1e-9) + given.abs() * 1e-9
            wrong = given.is_not_null() & (
                (number.is_null() & one.given("--STRESC")) | ((number - given).abs() > slack)
            )
            yield from one.hits(wrong, "--STRESN", "--STRESC")


@rule(
    "TB-RES-0011",
    "The unit is missing although the test has one elsewhere.",
    "give the unit",
    section=f"{_IG}; SDTMIG 3.4, 6.3, notes on --ORRESU and --STRESU",
)
def units_are_given(data: Data) -> Iterator[Hit]:
    """A numeric result has a unit wherever most of the numeric results of its test in the same circumstances have one."""
    for one in _findings(data, "--TESTCD"):
        for result, unit in (("--ORRES", "--ORRESU"), ("--STRESC", "--STRESU")):
            if not one.has(result, unit):
                continue
            keys = [one.of(name) for name in ("--TESTCD", "--CAT", "--SPEC", "--METHOD") if one.has(name)]
            numeric = one.frame.filter(one.text(result).str.contains(_NUMBER))
            usual = pl.col(one.of(unit)).is_not_null().mean().over(keys) > 0.5
            yield from one.hits_of(numeric.filter(usual & pl.col(one.of(unit)).is_null()), unit, result)


@rule(
    "TB-RES-0012",
    "A test has more than one standard unit.",
    "convert to one unit",
    fda="FB3001",
    section=f"{_IG}; {_FB}",
)
def one_standard_unit(data: Data) -> Iterator[Hit]:
    """A test has one standard unit within its category, subcategory, specimen and method."""
    for one in _findings(data, "--TESTCD", "--STRESU"):
        unit = one.of("--STRESU")
        keys = [one.of(name) for name in ("--TESTCD", "--CAT", "--SCAT", "--SPEC", "--METHOD") if one.has(name)]
        pairs = one.frame.filter(one.given("--STRESU")).group_by([*keys, unit]).len("#n")
        rarer = pairs.filter(pl.col("#n") < pl.col("#n").max().over(keys)).select([*keys, unit])
        rows = one.frame.join(rarer, on=[*keys, unit], how="semi", nulls_equal=True)
        yield from one.hits_of(rows, "--STRESU", "--TESTCD")


def _range(data: Data, low: str, high: str) -> Iterator[Hit]:
    """Records whose upper limit is not above the lower one."""
    for one in _findings(data, low, high):
        limits = [one.col(name).cast(pl.Float64, strict=False) for name in (low, high)]
        yield from one.hits(limits[1] <= limits[0], high, low)


@rule("TB-RES-0013", "--ORNRHI is not above --ORNRLO.", "mend the limits", fda="FB3902", section=_FB)
def original_range(data: Data) -> Iterator[Hit]:
    """The upper limit of the normal range is above the lower one, in original units."""
    yield from _range(data, "--ORNRLO", "--ORNRHI")


@rule("TB-RES-0014", "--STNRHI is not above --STNRLO.", "mend the limits", fda="FB3901", section=_FB)
def standard_range(data: Data) -> Iterator[Hit]:
    """The upper limit of the normal range is above the lower one, in standard units."""
    yield from _range(data, "--STNRLO", "--STNRHI")


@rule(
    "TB-RES-0015",
    "--NRIND does not fit the result and its range.",
    "mend --NRIND, the result or the range",
    severity=Severity.WARNING,
    section="SDTMIG 3.4, 6.3.5.6, note on LBNRIND",
)
def indicator_fits_range(data: Data) -> Iterator[Hit]:
    """LOW is below the normal range, HIGH above, NORMAL neither, where result and limits are numbers.

    Judged in original units where these are numbers: a converted limit may be rounded.
    """
    for one in _findings(data, "--NRIND", "--STRESN", "--STNRLO", "--STNRHI"):
        said = one.col("--NRIND")
        # All three from one side, or the units would mix.
        original = [one.col(name).cast(pl.Float64, strict=False) for name in ("--ORRES", "--ORNRLO", "--ORNRHI")]
        whole = pl.all_horizontal(each.is_not_null() for each in original)
        standard = [one.col(name).cast(pl.Float64, strict=False) for name in ("--STRESN", "--STNRLO", "--STNRHI")]
        value, least, most = (
            pl.when(whole).then(left).otherwise(right) for left, right in zip(original, standard, strict=True)
        )
        low, high = value < least, value > most
        wrong = (
            ((said == "NORMAL") & (low | high))
            | (said.is_in(["LOW", "LOW LOW"]) & ~low)
            | (said.is_in(["HIGH", "HIGH HIGH"]) & ~high)
        )
        yield from one.hits(wrong, "--NRIND", "--STRESN", "--STNRLO", "--STNRHI")


@rule(
    "TB-RES-0020",
    "--EVALID has a value but --EVAL has none.",
    "give the evaluator's role",
    section="SDTM 2.0, 3.1.3, --EVALID; SDTMIG 3.4, 6.3.13",
)
def evaluator_has_role(data: Data) -> Iterator[Hit]:
    """Which of several evaluators it was is told together with the evaluator's role."""
    yield from shapes.given_without(_findings(data, "--EVALID"), "--EVALID", "--EVAL")


@rule(
    "TB-RES-0021",
    "--SPCUFL is neither Y nor N nor empty.",
    "write Y or N, or nothing",
    cdisc="CG0619",
    section="SDTM 2.0, 3.1.3",
)
def specimen_usability(data: Data) -> Iterator[Hit]:
    """--SPCUFL is N for a specimen that could not be used, else Y or empty."""
    yield from shapes.neither_of(_findings(data, "--SPCUFL"), "--SPCUFL", ["Y", "N"])


@rule(
    "TB-RES-0022",
    "The numeric reference result is missing.",
    "fill it in",
    cdisc="CG0549 CG0550",
    section="SDTM 2.0, 3.1.3, --STREFC and --STREFN",
)
def reference_results(data: Data) -> Iterator[Hit]:
    """A reference result as collected has a standard form, and as a number where it is one."""
    having = data.datasets(classes=_BOTH)
    if not any(one.has("--ORREF") or one.has("--STREFC") for one in having):
        raise NotThereError("no dataset has --ORREF or --STREFC")
    for one in having:
        if one.has("--ORREF"):
            yield from one.hits(one.given("--ORREF") & one.missing("--STREFC"), "--STREFC", "--ORREF")
        if one.has("--STREFC", "--STREFN"):
            number = one.text("--STREFC").str.contains(_NUMBER)
            yield from one.hits(number & one.missing("--STREFN"), "--STREFN", "--STREFC")


@rule(
    "TB-RES-0023",
    "The inclusion criterion is not answered N, or the exclusion criterion not Y.",
    "IE holds only criteria not met",
    cdisc="CG0175 CG0176 CG0177",
    section="SDTMIG 3.4, 6.3.5.5",
    domains="IE",
)
def criteria_not_met(data: Data) -> Iterator[Hit]:
    """IE holds criteria that were not met: N for an inclusion, Y for an exclusion, the same in IESTRESC."""
    ie = data.dataset("IE", "IEORRES", "IECAT")
    wrong = ((ie.text("IECAT") == "INCLUSION") & (ie.text("IEORRES") != "N")) | (
        (ie.text("IECAT") == "EXCLUSION") & (ie.text("IEORRES") != "Y")
    )
    differs = ie.text("IESTRESC") != ie.text("IEORRES") if ie.has("IESTRESC") else pl.lit(value=False)
    yield from ie.hits(wrong | differs, "IEORRES", "IECAT", "IESTRESC")


@rule(
    "TB-RES-0024",
    "The criterion is not in TI.",
    "write it as TI has it",
    cdisc="CG0178 CG0179",
    section="SDTMIG 3.4, 6.3.5.5 and 7.4.1",
    domains="IE TI",
)
def criteria_are_in_ti(data: Data) -> Iterator[Hit]:
    """Every criterion in IE is in TI, code and text."""
    ie, ti = data.dataset("IE"), data.dataset("TI")
    for name in ("IETESTCD", "IETEST"):
        if ie.has(name) and ti.has(name):
            yield from shapes.not_among(ie, name, ti.frame[name])


RULES = (
    results_are_standardised,
    results_are_given,
    not_done_has_no_result,
    reason_is_of_not_done,
    not_done_has_reason,
    standard_unit_has_result,
    unit_has_result,
    result_category_has_result,
    numbers_are_numbers,
    numbers_agree,
    units_are_given,
    one_standard_unit,
    original_range,
    standard_range,
    indicator_fits_range,
    evaluator_has_role,
    specimen_usability,
    reference_results,
    criteria_not_met,
    criteria_are_in_ti,
)
