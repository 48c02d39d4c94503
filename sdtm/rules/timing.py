"""Time points, and times told relative to a reference: --TPT and its kin, --STRTPT, --ENRTPT, --STRF, --ENRF.

Sources: SDTMIG 3.4, 4.4.7 (relative timing) and 4.4.10 (time points); SDTM 2.0, 3.1.5; CDISC conformance rules 2.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.base.finding import Severity
from trialbridge.sdtm.rules import moments, shapes
from trialbridge.sdtm.rules.data import EVENTS, FINDINGS, INTERVENTIONS, SPECIAL
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data
    from trialbridge.sdtm.rules.declare import Hit

_RELATIVE, _POINTS = "SDTMIG 3.4, 4.4.7", "SDTMIG 3.4, 4.4.10"
_STARTS = ("BEFORE", "COINCIDENT", "AFTER", "U", "UNKNOWN")
_ENDS = ("BEFORE", "COINCIDENT", "ONGOING", "AFTER", "U", "UNKNOWN")


@rule("TB-TIM-0001", "--STTPT is there but --STRTPT is not.", "add --STRTPT", cdisc="CG0060", section=_RELATIVE)
def sttpt_has_strtpt(data: Data) -> Iterator[Hit]:
    """A reference time point for the start comes with how the start relates to it."""
    yield from shapes.present_without(data.datasets(), "--STTPT", "--STRTPT")


@rule("TB-TIM-0002", "--STRTPT is there but --STTPT is not.", "add --STTPT", cdisc="CG0062", section=_RELATIVE)
def strtpt_has_sttpt(data: Data) -> Iterator[Hit]:
    """A start told relative to a time point comes with that time point."""
    yield from shapes.present_without(data.datasets(), "--STRTPT", "--STTPT")


@rule("TB-TIM-0003", "--ENTPT is there but --ENRTPT is not.", "add --ENRTPT", cdisc="CG0057", section=_RELATIVE)
def entpt_has_enrtpt(data: Data) -> Iterator[Hit]:
    """A reference time point for the end comes with how the end relates to it."""
    yield from shapes.present_without(data.datasets(), "--ENTPT", "--ENRTPT")


@rule("TB-TIM-0004", "--ENRTPT is there but --ENTPT is not.", "add --ENTPT", cdisc="CG0058", section=_RELATIVE)
def enrtpt_has_entpt(data: Data) -> Iterator[Hit]:
    """An end told relative to a time point comes with that time point."""
    yield from shapes.present_without(data.datasets(), "--ENRTPT", "--ENTPT")


@rule(
    "TB-TIM-0005",
    "--STRTPT has a value but --STTPT has none.",
    "give the reference time point",
    cdisc="CG0061",
    fda="FB4401",
    section=_RELATIVE,
)
def strtpt_says_to_what(data: Data) -> Iterator[Hit]:
    """A record that relates its start to a time point names the time point."""
    yield from shapes.given_without(data.datasets("--STRTPT"), "--STRTPT", "--STTPT")


@rule(
    "TB-TIM-0006",
    "--STTPT has a value but --STRTPT has none.",
    "say how the start relates to it",
    cdisc="CG0059",
    section=_RELATIVE,
)
def sttpt_says_how(data: Data) -> Iterator[Hit]:
    """A record that names a time point for its start says how the start relates to it."""
    yield from shapes.given_without(data.datasets("--STTPT"), "--STTPT", "--STRTPT")


@rule(
    "TB-TIM-0007",
    "--ENTPT has a value but --ENRTPT has none.",
    "say how the end relates to it",
    cdisc="CG0045",
    section=_RELATIVE,
)
def entpt_says_how(data: Data) -> Iterator[Hit]:
    """A record that names a time point for its end says how the end relates to it."""
    yield from shapes.given_without(data.datasets("--ENTPT"), "--ENTPT", "--ENRTPT")


@rule(
    "TB-TIM-0008",
    "--ENRTPT has a value but --ENTPT has none.",
    "give the reference time point",
    fda="FB4402",
    section=_RELATIVE,
)
def enrtpt_says_to_what(data: Data) -> Iterator[Hit]:
    """A record that relates its end to a time point names the time point."""
    yield from shapes.given_without(data.datasets("--ENRTPT"), "--ENRTPT", "--ENTPT")


@rule(
    "TB-TIM-0009",
    "--STRTPT is none of the words it may be.",
    f"use one of {', '.join(_STARTS[:4])}",
    cdisc="CG0233",
    section=_RELATIVE,
)
def strtpt_words(data: Data) -> Iterator[Hit]:
    """--STRTPT is BEFORE, COINCIDENT, AFTER or unknown."""
    yield from shapes.neither_of(data.datasets("--STRTPT"), "--STRTPT", _STARTS)


@rule(
    "TB-TIM-0010",
    "--ENRTPT is none of the words it may be.",
    f"use one of {', '.join(_ENDS[:5])}",
    cdisc="CG0235",
    section=_RELATIVE,
)
def enrtpt_words(data: Data) -> Iterator[Hit]:
    """--ENRTPT is BEFORE, COINCIDENT, ONGOING, AFTER or unknown."""
    yield from shapes.neither_of(data.datasets("--ENRTPT"), "--ENRTPT", _ENDS)


@rule(
    "TB-TIM-0011",
    "--STRF has a value but the subject has no RFSTDTC.",
    "give RFSTDTC, or leave --STRF empty",
    cdisc="CG0226",
    section=_RELATIVE,
)
def strf_has_reference(data: Data) -> Iterator[Hit]:
    """A start relative to the reference period is told only of a subject who has one."""
    for one in data.datasets("--STRF", "USUBJID", but=("DM",)):
        rows = data.with_subject(one, "RFSTDTC").filter(one.given("--STRF"))
        yield from one.hits_of(rows.filter(rows["RFSTDTC"].is_null()), "--STRF")


@rule(
    "TB-TIM-0012",
    "--ENRF has a value but the subject has no RFENDTC.",
    "give RFENDTC, or leave --ENRF empty",
    cdisc="CG0227",
    section=_RELATIVE,
)
def enrf_has_reference(data: Data) -> Iterator[Hit]:
    """An end relative to the reference period is told only of a subject who has one."""
    for one in data.datasets("--ENRF", "USUBJID", but=("DM",)):
        rows = data.with_subject(one, "RFENDTC").filter(one.given("--ENRF"))
        yield from one.hits_of(rows.filter(rows["RFENDTC"].is_null()), "--ENRF")


@rule(
    "TB-TIM-0013",
    "What did not occur has a start or end.",
    "leave --STRF and --ENRF empty",
    cdisc="CG0420 CG0421",
    section=_RELATIVE,
)
def nothing_happened_at_no_time(data: Data) -> Iterator[Hit]:
    """Where --OCCUR is N there is no --STRF and no --ENRF."""
    for one in data.datasets("--OCCUR", classes=(INTERVENTIONS, EVENTS)):
        for name in ("--STRF", "--ENRF"):
            if one.has(name):
                yield from one.hits((one.text("--OCCUR") == "N") & one.given(name), name, "--OCCUR")


@rule("TB-TIM-0014", "--TPT is there without --TPTNUM.", "add --TPTNUM", cdisc="CG0468", section=_POINTS)
def tpt_has_number(data: Data) -> Iterator[Hit]:
    """Named time points have numbers."""
    yield from shapes.present_without(data.datasets("--TPT"), "--TPT", "--TPTNUM")


@rule("TB-TIM-0015", "--TPTNUM is there without --TPT.", "add --TPT", cdisc="CG0091 CG0661", section=_POINTS)
def number_has_tpt(data: Data) -> Iterator[Hit]:
    """Numbered time points have names."""
    yield from shapes.present_without(data.datasets("--TPTNUM"), "--TPTNUM", "--TPT")


@rule("TB-TIM-0016", "--ELTM is there without --TPTREF.", "add --TPTREF", cdisc="CG0092", section=_POINTS)
def eltm_has_reference(data: Data) -> Iterator[Hit]:
    """A planned elapsed time comes with what it is counted from."""
    yield from shapes.present_without(data.datasets("--ELTM"), "--ELTM", "--TPTREF")


@rule(
    "TB-TIM-0017", "--RFTDTC is there without --TPTREF.", "add --TPTREF", cdisc="CG0090", fda="FB3701", section=_POINTS
)
def rftdtc_has_reference(data: Data) -> Iterator[Hit]:
    """The date of a time point reference comes with the reference."""
    yield from shapes.present_without(data.datasets("--RFTDTC"), "--RFTDTC", "--TPTREF")


@rule(
    "TB-TIM-0018",
    "--TPTREF is there without any time point.",
    "add --TPT and --TPTNUM, or take it out",
    cdisc="CG0093",
    section=_POINTS,
)
def reference_has_points(data: Data) -> Iterator[Hit]:
    """A time point reference comes with --ELTM, --TPTNUM or --TPT."""
    yield from shapes.present_without(data.datasets("--TPTREF"), "--TPTREF", "--ELTM", "--TPTNUM", "--TPT")


@rule(
    "TB-TIM-0019",
    "A time told from a reference has no --TPTREF.",
    "name the reference",
    cdisc="CG0008 CG0026",
    fda="FB3702 FB4403 FB4404 FB4405",
    section=_POINTS,
)
def points_say_from_what(data: Data) -> Iterator[Hit]:
    """A record with --ELTM, --RFTDTC, --STINT or --ENINT names the reference in --TPTREF."""
    for name in ("--ELTM", "--RFTDTC", "--STINT", "--ENINT"):
        having = [one for one in data.datasets() if one.has(name, "--TPTREF")]
        yield from shapes.given_without(having, name, "--TPTREF")


@rule(
    "TB-TIM-0020",
    "--TPT and --TPTNUM do not go one to one.",
    "give each time point of a visit one number",
    cdisc="CG0571 CG0572 CG0573",
    fda="FB0923 FB0924 FB0925",
    section=_POINTS,
)
def points_one_to_one(data: Data) -> Iterator[Hit]:
    """Within a visit and reference a time point has one number and a number one time point."""
    for one in data.datasets("--TPT", "--TPTNUM"):
        within = [name for name in ("VISITNUM", "--TPTREF") if one.has(name)]
        yield from shapes.not_one_to_one(one, "--TPT", "--TPTNUM", *within)


@rule("TB-TIM-0021", "A duration is negative.", "mend it", fda="FB4005 FB4006", section="FDA business rules 1.5")
def durations_are_positive(data: Data) -> Iterator[Hit]:
    """--DUR and --PDUR are not negative."""
    for name in ("--DUR", "--PDUR"):
        for one in data.datasets(classes=(INTERVENTIONS, EVENTS, FINDINGS, SPECIAL)):
            if one.has(name):
                yield from one.hits(one.text(name).str.starts_with("-P"), name)


@rule("TB-TIM-0022", "MIDSDTC is there without MIDS.", "add MIDS", cdisc="CG0503", section="SDTMIG 3.4, 7.3.3")
def milestone_date_has_name(data: Data) -> Iterator[Hit]:
    """The date of a milestone comes with its name."""
    yield from shapes.present_without(data.datasets("MIDSDTC"), "MIDSDTC", "MIDS")


@rule(
    "TB-TIM-0023",
    "What is ongoing at the reference time point has an end before it.",
    "leave --ENRTPT empty, or mend --ENDTC",
    section=_RELATIVE,
)
def ongoing_has_no_end(data: Data) -> Iterator[Hit]:
    """What is ONGOING or AFTER at a dated --ENTPT has no --ENDTC before that date."""
    for one in data.datasets("--ENRTPT", "--ENTPT", "--ENDTC"):
        rows = one.frame.filter(one.text("--ENRTPT").is_in(["ONGOING", "AFTER"]) & one.given("--ENDTC"))
        spans = moments.with_spans(rows, one.of("--ENDTC"), one.of("--ENTPT"))
        before = moments.surely_before(one.of("--ENDTC"), one.of("--ENTPT"))
        yield from one.hits_of(spans.filter(before), "--ENRTPT", "--ENDTC", "--ENTPT")


@rule(
    "TB-TIM-0024",
    "An end is told twice: by its date and as ongoing.",
    "leave --ENRTPT or --ENDTC empty",
    severity=Severity.WARNING,
    section=_RELATIVE,
)
def one_end_only(data: Data) -> Iterator[Hit]:
    """A record with a date known to the day in --ENDTC does not also say ONGOING."""
    for one in data.datasets("--ENRTPT", "--ENDTC"):
        whole = one.text("--ENDTC").str.len_chars() >= 10
        yield from one.hits((one.text("--ENRTPT") == "ONGOING") & whole, "--ENRTPT", "--ENDTC")


RULES = (
    sttpt_has_strtpt,
    strtpt_has_sttpt,
    entpt_has_enrtpt,
    enrtpt_has_entpt,
    strtpt_says_to_what,
    sttpt_says_how,
    entpt_says_how,
    enrtpt_says_to_what,
    strtpt_words,
    enrtpt_words,
    strf_has_reference,
    enrf_has_reference,
    nothing_happened_at_no_time,
    tpt_has_number,
    number_has_tpt,
    eltm_has_reference,
    rftdtc_has_reference,
    reference_has_points,
    points_say_from_what,
    points_one_to_one,
    durations_are_positive,
    milestone_date_has_name,
    ongoing_has_no_end,
    one_end_only,
)
