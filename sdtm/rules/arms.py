"""Arms and elements: DM beside TA, TE and TV.

Sources: SDTMIG 3.4, 5.2 (ARMCD, ACTARMCD, ARMNRS, ACTARMUD), 7.2 (TA, TE), 7.3.1 (TV); conformance rules 2.0; FDA 1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm.rules import shapes
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data
    from trialbridge.sdtm.rules.declare import Hit

_IG, _TA, _TE, _TV = "SDTMIG 3.4, 5.2", "SDTMIG 3.4, 7.2.1", "SDTMIG 3.4, 7.2.2", "SDTMIG 3.4, 7.3.1"
_FB = "FDA business rules 1.5"
_NO_ARMS = ("SCREEN FAILURE", "NOT ASSIGNED", "UNPLANNED TREATMENT", "NOT TREATED", "ASSIGNED, NOT TREATED")


@rule(
    "TB-ARM-0001",
    "ARMCD is empty and ARMNRS does not say why.",
    "give ARMNRS",
    cdisc="CG0517",
    section=_IG,
    domains="DM",
)
def no_arm_has_reason(data: Data) -> Iterator[Hit]:
    """A subject without ARMCD has ARMNRS."""
    dm = data.dataset("DM", "ARMCD", "ARMNRS")
    yield from dm.hits(dm.missing("ARMCD") & dm.missing("ARMNRS"), "ARMNRS", "ARMCD")


@rule(
    "TB-ARM-0002",
    "ACTARMCD is empty and ARMNRS does not say why.",
    "give ARMNRS",
    cdisc="CG0513",
    section=_IG,
    domains="DM",
)
def no_actual_arm_has_reason(data: Data) -> Iterator[Hit]:
    """A subject without ACTARMCD has ARMNRS."""
    dm = data.dataset("DM", "ACTARMCD", "ARMNRS")
    yield from dm.hits(dm.missing("ACTARMCD") & dm.missing("ARMNRS"), "ARMNRS", "ACTARMCD")


@rule(
    "TB-ARM-0003",
    "ARM or ACTARM is empty and ARMNRS does not say why.",
    "give ARMNRS",
    cdisc="CG0515 CG0519",
    section=_IG,
    domains="DM",
)
def no_arm_name_has_reason(data: Data) -> Iterator[Hit]:
    """A subject without ARM or ACTARM has ARMNRS."""
    dm = data.dataset("DM", "ARM", "ACTARM", "ARMNRS")
    yield from dm.hits((dm.missing("ARM") | dm.missing("ACTARM")) & dm.missing("ARMNRS"), "ARMNRS", "ARM", "ACTARM")


@rule(
    "TB-ARM-0004",
    "ARMNRS has a value although the subject has both arms.",
    "leave ARMNRS empty",
    cdisc="CG0520",
    section=_IG,
    domains="DM",
)
def arms_need_no_reason(data: Data) -> Iterator[Hit]:
    """A subject with ARMCD and ACTARMCD has no ARMNRS."""
    dm = data.dataset("DM", "ARMCD", "ACTARMCD", "ARMNRS")
    yield from dm.hits(dm.given("ARMCD") & dm.given("ACTARMCD") & dm.given("ARMNRS"), "ARMNRS", "ARMCD", "ACTARMCD")


@rule(
    "TB-ARM-0005",
    "ARM has a value but ARMCD has none.",
    "give both, or neither",
    cdisc="CG0521",
    section=_IG,
    domains="DM",
)
def arm_has_code(data: Data) -> Iterator[Hit]:
    """A planned arm has its code."""
    dm = data.dataset("DM", "ARM", "ARMCD")
    yield from dm.hits(dm.given("ARM") & dm.missing("ARMCD"), "ARM", "ARMCD")


@rule(
    "TB-ARM-0006",
    "ACTARM has a value but ACTARMCD has none.",
    "give both, or neither",
    cdisc="CG0522",
    section=_IG,
    domains="DM",
)
def actual_arm_has_code(data: Data) -> Iterator[Hit]:
    """An actual arm has its code."""
    dm = data.dataset("DM", "ACTARM", "ACTARMCD")
    yield from dm.hits(dm.given("ACTARM") & dm.missing("ACTARMCD"), "ACTARM", "ACTARMCD")


@rule(
    "TB-ARM-0007",
    "The arm is not in TA.",
    "write the arm as TA has it",
    cdisc="CG0512 CG0514 CG0516 CG0518",
    section=_IG,
    domains="DM TA",
)
def arms_are_in_ta(data: Data) -> Iterator[Hit]:
    """ARMCD and ACTARMCD are codes of TA, ARM and ACTARM its names."""
    dm, ta = data.dataset("DM"), data.dataset("TA", "ARMCD")
    for name, known in (("ARMCD", "ARMCD"), ("ACTARMCD", "ARMCD"), ("ARM", "ARM"), ("ACTARM", "ARM")):
        if dm.has(name) and ta.has(known):
            # Before SDTMIG 3.3 the reason stood in the arm itself.
            reasons = dm.text(name).str.to_uppercase().is_in([*_NO_ARMS, "SCRNFAIL", "NOTASSGN", "NOTTRT", "UNPLAN"])
            mask = ~reasons if data.version < "3.3" or not dm.has("ARMNRS") else None
            yield from shapes.not_among(dm, name, ta.frame[known], mask)


@rule(
    "TB-ARM-0008",
    "The arm's name says that there is none.",
    "leave ARM and ARMCD empty and say why in ARMNRS",
    cdisc="CG0570",
    section=_IG,
    domains="DM TA TV",
)
def arms_are_arms(data: Data) -> Iterator[Hit]:
    """ARM is not SCREEN FAILURE, NOT ASSIGNED, NOT TREATED or UNPLANNED TREATMENT: ARMNRS tells these."""
    for one in data.named(("DM", "TA", "TV"), "ARM"):
        yield from one.hits(one.text("ARM").str.to_uppercase().is_in(_NO_ARMS), "ARM")


@rule(
    "TB-ARM-0009",
    "A code of an arm, element or set is too long.",
    "shorten it",
    cdisc="CG0123 CG0149 CG0153 CG0297",
    section=f"{_TA}; {_IG}",
    domains="DM TA TV TX TE SE",
)
def codes_fit(data: Data) -> Iterator[Hit]:
    """ARMCD and ACTARMCD have at most 20 characters, ETCD and SETCD at most 8."""
    for one in data.named(("DM", "TA", "TV", "TX", "TE", "SE")):
        for variable, most in (("ARMCD", 20), ("ACTARMCD", 20), ("ETCD", 8), ("SETCD", 8)):
            if one.has(variable):
                yield from one.hits(one.text(variable).str.len_chars() > most, variable)


@rule(
    "TB-ARM-0010",
    "A code and its name do not go one to one.",
    "give each code one name",
    cdisc="CG0154",
    fda="FB0902 FB0903 FB0914",
    section=f"{_TA}; {_FB}",
    domains="DM TA TV TE SE",
)
def codes_one_to_one(data: Data) -> Iterator[Hit]:
    """ARMCD and ARM, ACTARMCD and ACTARM, ETCD and ELEMENT go one to one."""
    for one in data.named(("DM", "TA", "TV", "TE", "SE")):
        for code, long in (("ARMCD", "ARM"), ("ACTARMCD", "ACTARM"), ("ETCD", "ELEMENT")):
            if one.has(code, long):
                yield from shapes.not_one_to_one(one, long, code)


@rule(
    "TB-ARM-0011",
    "The actual arm is not the planned one.",
    "check that the subject was treated otherwise",
    severity=Severity.NOTE,
    fda="FB2501 FB2502",
    section=_FB,
    domains="DM",
)
def actual_is_planned(data: Data) -> Iterator[Hit]:
    """A subject treated otherwise than planned is looked at: ACTARMCD differs from ARMCD."""
    dm = data.dataset("DM", "ARMCD", "ACTARMCD")
    yield from dm.hits(
        dm.given("ARMCD") & dm.given("ACTARMCD") & (dm.col("ARMCD") != dm.col("ACTARMCD")), "ACTARMCD", "ARMCD"
    )


@rule(
    "TB-ARM-0012",
    "RFENDTC is missing although the subject has an arm.",
    "give the end of the reference period",
    cdisc="CG0529",
    section=_IG,
    domains="DM",
)
def assigned_have_reference_end(data: Data) -> Iterator[Hit]:
    """A subject with an arm has RFENDTC; a screen failure written as an arm has a rule of its own."""
    dm = data.dataset("DM", "ARM", "RFENDTC")
    none = dm.text("ARM").str.to_uppercase().is_in(_NO_ARMS)
    yield from dm.hits(dm.given("ARM") & ~none & dm.missing("RFENDTC"), "RFENDTC", "ARM")


@rule(
    "TB-ARM-0013",
    "RFENDTC has a value although ARMNRS says that there was no treatment as planned.",
    "leave RFENDTC empty, or mend ARMNRS",
    cdisc="CG0530",
    section=_IG,
    domains="DM",
)
def unassigned_have_no_reference_end(data: Data) -> Iterator[Hit]:
    """A subject of whom ARMNRS says screen failure or not assigned has no RFENDTC."""
    dm = data.dataset("DM", "ARMNRS", "RFENDTC")
    yield from dm.hits(
        dm.text("ARMNRS").is_in(["SCREEN FAILURE", "NOT ASSIGNED"]) & dm.given("RFENDTC"), "RFENDTC", "ARMNRS"
    )


@rule(
    "TB-ARM-0014",
    "ACTARMUD has a value although ARMNRS is not UNPLANNED TREATMENT.",
    "take it out, or mend ARMNRS",
    section=_IG,
    domains="DM",
)
def unplanned_is_described(data: Data) -> Iterator[Hit]:
    """ACTARMUD describes an unplanned treatment, and is given for no other."""
    dm = data.dataset("DM", "ACTARMUD", "ARMNRS")
    yield from dm.hits(dm.given("ACTARMUD") & (dm.text("ARMNRS") != "UNPLANNED TREATMENT"), "ACTARMUD", "ARMNRS")


@rule(
    "TB-ARM-0015",
    "The element is not in TE.",
    "write the element as TE has it",
    cdisc="CG0414",
    section=_TE,
    domains="TA SE TE",
)
def elements_are_in_te(data: Data) -> Iterator[Hit]:
    """ETCD in TA and SE is in TE; in SE it may be UNPLAN."""
    te = data.dataset("TE", "ETCD")
    for name in ("TA", "SE"):
        if data.has(name, "ETCD"):
            one = data.dataset(name)
            yield from shapes.not_among(one, "ETCD", te.frame["ETCD"], one.text("ETCD") != "UNPLAN")


@rule(
    "TB-ARM-0016",
    "The visit's arm is not in TA.",
    "write the arm as TA has it",
    cdisc="CG0293 CG0294",
    section=_TV,
    domains="TV TA",
)
def visit_arms_are_in_ta(data: Data) -> Iterator[Hit]:
    """ARMCD and ARM of a planned visit are in TA."""
    tv, ta = data.dataset("TV"), data.dataset("TA")
    for name in ("ARMCD", "ARM"):
        if tv.has(name) and ta.has(name):
            yield from shapes.not_among(tv, name, ta.frame[name])


@rule(
    "TB-ARM-0017",
    "TAETORD is no whole number.",
    "number the elements 1, 2, 3, ...",
    cdisc="CG0248",
    section=_TA,
    domains="TA",
)
def element_order_is_whole(data: Data) -> Iterator[Hit]:
    """TAETORD is a whole number."""
    ta = data.dataset("TA", "TAETORD")
    number = ta.col("TAETORD").cast(pl.Float64, strict=False)
    yield from ta.hits(ta.given("TAETORD") & (number.is_null() | (number != number.floor())), "TAETORD")


@rule(
    "TB-ARM-0018",
    "The element says not when it ends.",
    "give TEENRL or TEDUR",
    cdisc="CG0328 CG0329",
    section=_TE,
    domains="TE",
)
def elements_say_how_they_end(data: Data) -> Iterator[Hit]:
    """An element has a rule for its end or a duration."""
    te = data.dataset("TE")
    yield from te.hits(te.missing("TEENRL") & te.missing("TEDUR"), "TEENRL", "TEDUR")


@rule(
    "TB-ARM-0019",
    "Two elements have the same rules.",
    "use one element, or tell them apart",
    cdisc="CG0325",
    section=_TE,
    domains="TE",
)
def elements_differ(data: Data) -> Iterator[Hit]:
    """Elements differ in start rule, end rule or duration."""
    te = data.dataset("TE", "ETCD", "TESTRL")
    distinct = te.frame.unique("ETCD", keep="first", maintain_order=True)
    keys = [name for name in ("TESTRL", "TEENRL", "TEDUR") if te.has(name)]
    yield from te.hits_of(distinct.filter(pl.struct(keys).is_duplicated()), "ETCD", *keys)


@rule(
    "TB-ARM-0020",
    "A subject with an arm has no disposition.",
    "add the subject's records to DS",
    cdisc="CG0540",
    section="SDTMIG 3.4, 6.2.4",
    domains="DM DS",
)
def assigned_have_disposition(data: Data) -> Iterator[Hit]:
    """A subject who was assigned to an arm has a record in DS."""
    dm, ds = data.dataset("DM", "USUBJID", "ARMCD"), data.dataset("DS", "USUBJID")
    reasons = dm.text("ARMCD").is_in(["SCRNFAIL", "NOTASSGN"])
    assigned = dm.frame.filter(dm.given("ARMCD") & ~reasons)
    yield from dm.hits_of(assigned.join(ds.frame.select("USUBJID"), on="USUBJID", how="anti"), "ARMCD")


RULES = (
    no_arm_has_reason,
    no_actual_arm_has_reason,
    no_arm_name_has_reason,
    arms_need_no_reason,
    arm_has_code,
    actual_arm_has_code,
    arms_are_in_ta,
    arms_are_arms,
    codes_fit,
    codes_one_to_one,
    actual_is_planned,
    assigned_have_reference_end,
    unassigned_have_no_reference_end,
    unplanned_is_described,
    elements_are_in_te,
    visit_arms_are_in_ta,
    element_order_is_whole,
    elements_say_how_they_end,
    elements_differ,
    assigned_have_disposition,
)
