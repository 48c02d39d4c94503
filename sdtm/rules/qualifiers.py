"""Qualifiers that want one another: place, category, dose, and what was asked for, occurred or was not done.

Sources: SDTMIG 3.4, 4.2.7 (categories), 4.5.7 (prespecified terms), 6.1 (interventions), 6.2 (events); conformance rules 2.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm.rules import shapes
from trialbridge.sdtm.rules.data import EVENTS, FINDINGS, INTERVENTIONS, NotThereError
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data, Dataset
    from trialbridge.sdtm.rules.declare import Hit

_PLACES, _CATEGORIES = "SDTM 2.0, 3.1.1 to 3.1.3", "SDTMIG 3.4, 4.2.7"
_ASKED, _DOSES = "SDTMIG 3.4, 4.5.7", "SDTMIG 3.4, 6.1"
_NOT_ASKED = ("AE", "DS", "DV", "EX")


def _asked(data: Data, *needs: str, but: tuple[str, ...] = _NOT_ASKED) -> list[Dataset]:
    """The datasets of events and interventions that may hold prespecified terms. Raises NotThereError."""
    return data.datasets(*needs, classes=(EVENTS, INTERVENTIONS), but=but)


@rule(
    "TB-QUA-0001",
    "A place is told closer without --LOC in the dataset.",
    "add --LOC",
    cdisc="CG0095 CG0115 CG0116",
    section=_PLACES,
)
def closer_places_have_loc(data: Data) -> Iterator[Hit]:
    """A dataset with --LAT, --DIR or --PORTOT has --LOC."""
    for name in ("--LAT", "--DIR", "--PORTOT"):
        yield from shapes.present_without(data.datasets(classes=(EVENTS, INTERVENTIONS, FINDINGS)), name, "--LOC")


@rule(
    "TB-QUA-0002",
    "--LAT, --DIR or --PORTOT has a value but --LOC has none.",
    "give --LOC",
    severity=Severity.WARNING,
    section=_PLACES,
)
def closer_places_say_of_what(data: Data) -> Iterator[Hit]:
    """A record that tells a place closer tells the place."""
    for name in ("--LAT", "--DIR", "--PORTOT"):
        having = [one for one in data.datasets() if one.has(name, "--LOC")]
        yield from shapes.given_without(having, name, "--LOC")


@rule("TB-QUA-0003", "--SCAT is the same as --CAT.", "leave one of them empty", cdisc="CG0027", section=_CATEGORIES)
def subcategory_differs(data: Data) -> Iterator[Hit]:
    """A subcategory is not the category once more."""
    for one in data.datasets("--CAT", "--SCAT"):
        yield from one.hits(one.given("--SCAT") & (one.col("--SCAT") == one.col("--CAT")), "--SCAT", "--CAT")


@rule("TB-QUA-0004", "--SCAT has a value but --CAT has none.", "give the category", cdisc="CG0429", section=_CATEGORIES)
def subcategory_has_category(data: Data) -> Iterator[Hit]:
    """A record with a subcategory has a category."""
    yield from shapes.given_without([one for one in data.datasets("--SCAT") if one.has("--CAT")], "--SCAT", "--CAT")
    if data.has("TI", "IESCAT", "IECAT"):
        yield from shapes.given_without([data.dataset("TI")], "IESCAT", "IECAT")


@rule("TB-QUA-0005", "--SCAT is there without --CAT.", "add --CAT", cdisc="CG0430", section=_CATEGORIES)
def subcategories_have_categories(data: Data) -> Iterator[Hit]:
    """A dataset with subcategories has categories."""
    yield from shapes.present_without(data.datasets("--SCAT"), "--SCAT", "--CAT")
    if data.has("TI", "IESCAT") and not data.has("TI", "IECAT"):
        yield data.dataset("TI").hit("IESCAT")


@rule(
    "TB-QUA-0006",
    "--CAT or --SCAT repeats --DECOD or --BODSYS.",
    "use a category that says something more",
    cdisc="CG0337 CG0338 CG0339 CG0340",
    section=_CATEGORIES,
)
def categories_say_more(data: Data) -> Iterator[Hit]:
    """In events --CAT and --SCAT are not the coded term or the body system once more."""
    events = data.datasets(classes=(EVENTS,))
    if not any(one.has("--CAT") or one.has("--SCAT") for one in events):
        raise NotThereError("no dataset of events has --CAT or --SCAT")
    for name in ("--CAT", "--SCAT"):
        for other in ("--DECOD", "--BODSYS"):
            yield from shapes.same(events, name, other)


@rule(
    "TB-QUA-0007",
    "--CAT or --SCAT repeats the domain.",
    "use a category that says something more",
    cdisc="CG0336 CG0350",
    section=_CATEGORIES,
)
def categories_are_not_the_domain(data: Data) -> Iterator[Hit]:
    """--CAT is not the domain's code, --SCAT not the dataset's label."""
    for one in data.datasets():
        if one.has("--CAT", "DOMAIN"):
            yield from one.hits(one.given("--CAT") & (one.col("--CAT") == one.col("DOMAIN")), "--CAT")
        label = (one.table.label or (one.standard.label if one.standard else "")).upper()
        if one.has("--SCAT") and label:
            yield from one.hits(one.given("--SCAT") & (one.text("--SCAT").str.to_uppercase() == label), "--SCAT")


@rule(
    "TB-QUA-0008", "--STAT is there without --PRESP.", "add --PRESP, or take --STAT out", cdisc="CG0056", section=_ASKED
)
def status_is_of_what_was_asked(data: Data) -> Iterator[Hit]:
    """In events and interventions, what was not done is told only of what was asked for."""
    yield from shapes.present_without(_asked(data, "--STAT", but=("DS", "DV", "EX")), "--STAT", "--PRESP")


@rule(
    "TB-QUA-0009",
    "--REASND is there without --PRESP.",
    "add --PRESP, or take --REASND out",
    cdisc="CG0053",
    section=_ASKED,
)
def reason_is_of_what_was_asked(data: Data) -> Iterator[Hit]:
    """In events and interventions, why something was not done is told only of what was asked for."""
    yield from shapes.present_without(_asked(data, "--REASND", but=("DS", "DV", "EX")), "--REASND", "--PRESP")


@rule(
    "TB-QUA-0010",
    "--OCCUR is there without --PRESP.",
    "add --PRESP, or take --OCCUR out",
    cdisc="CG0088",
    section=_ASKED,
)
def occurrence_is_of_what_was_asked(data: Data) -> Iterator[Hit]:
    """Whether something occurred is told only of what was asked for."""
    yield from shapes.present_without(_asked(data, "--OCCUR"), "--OCCUR", "--PRESP")


@rule(
    "TB-QUA-0011",
    "--OCCUR has a value but --PRESP is not Y.",
    "write Y in --PRESP, or leave --OCCUR empty",
    cdisc="CG0087 CG0089",
    section=_ASKED,
)
def occurred_was_asked(data: Data) -> Iterator[Hit]:
    """Whether something occurred is told only in records of what was asked for."""
    for one in _asked(data, "--OCCUR", "--PRESP"):
        yield from one.hits(one.given("--OCCUR") & (one.text("--PRESP") != "Y"), "--OCCUR", "--PRESP")


@rule(
    "TB-QUA-0012",
    "What was asked for has neither --OCCUR nor --STAT = NOT DONE.",
    "say whether it occurred",
    cdisc="CG0081 CG0086 CG0404",
    section=_ASKED,
)
def asked_is_answered(data: Data) -> Iterator[Hit]:
    """A record of what was asked for says whether it occurred, or that it was not asked after all."""
    for one in _asked(data, "--PRESP", "--OCCUR"):
        open_ = (one.text("--PRESP") == "Y") & one.missing("--OCCUR") & (one.text("--STAT") != "NOT DONE")
        yield from one.hits(open_, "--OCCUR", "--PRESP", "--STAT")


@rule(
    "TB-QUA-0013",
    "Both --DOSE and --DOSTXT have a value.",
    "keep the number in --DOSE, other words in --DOSTXT",
    cdisc="CG0110 CG0111",
    section=_DOSES,
)
def one_dose(data: Data) -> Iterator[Hit]:
    """A dose is a number in --DOSE or words in --DOSTXT, not both."""
    for one in data.datasets("--DOSE", "--DOSTXT", classes=(INTERVENTIONS,)):
        yield from one.hits(one.given("--DOSE") & one.given("--DOSTXT"), "--DOSE", "--DOSTXT")


@rule("TB-QUA-0014", "--DOSTXT is a number.", "write it in --DOSE", cdisc="CG0112", section=_DOSES)
def dose_text_is_text(data: Data) -> Iterator[Hit]:
    """--DOSTXT holds what is no number (200-400)."""
    for one in data.datasets("--DOSTXT", classes=(INTERVENTIONS,)):
        yield from one.hits(one.text("--DOSTXT").str.contains(r"^[0-9]+(\.[0-9]+)?$"), "--DOSTXT")


@rule("TB-QUA-0015", "A dose has no unit.", "give --DOSU", cdisc="CG0114", section=_DOSES)
def doses_have_units(data: Data) -> Iterator[Hit]:
    """A dose in --DOSE, --DOSTXT or --DOSTOT has its unit in --DOSU."""
    for one in data.datasets(classes=(INTERVENTIONS,)):
        given = [one.given(name) for name in ("--DOSE", "--DOSTXT", "--DOSTOT") if one.has(name)]
        if given:
            yield from one.hits(pl.any_horizontal(given) & one.missing("--DOSU"), "--DOSU", "--DOSE", "--DOSTXT")


@rule(
    "TB-QUA-0016",
    "A dose or amount is negative.",
    "mend it",
    fda="FB4002 FB4003 FB4004",
    section="FDA business rules 1.5",
)
def doses_are_positive(data: Data) -> Iterator[Hit]:
    """--DOSE, --DOSTOT and --VAMT are not negative."""
    for name in ("--DOSE", "--DOSTOT", "--VAMT"):
        yield from shapes.negative(data.datasets(classes=(INTERVENTIONS,)), name)


@rule(
    "TB-QUA-0017",
    "What is said of a vehicle does not agree.",
    "give --TRTV with --VAMT and --VAMTU",
    cdisc="CG0106 CG0108 CG0423",
    section=_DOSES,
)
def vehicle_is_named(data: Data) -> Iterator[Hit]:
    """An amount of vehicle, or its unit, is told only with the vehicle in --TRTV."""
    having = [one for one in data.datasets(classes=(INTERVENTIONS,)) if one.has("--VAMT") or one.has("--VAMTU")]
    if not having:
        raise NotThereError("no dataset has --VAMT or --VAMTU")
    for name in ("--VAMT", "--VAMTU"):
        yield from shapes.given_without(having, name, "--TRTV")


@rule(
    "TB-QUA-0018",
    "Placebo has a dose other than 0.",
    "write 0 in EXDOSE",
    cdisc="CG0102",
    section="SDTMIG 3.4, 6.1.3.1",
    domains="EX",
)
def placebo_has_no_dose(data: Data) -> Iterator[Hit]:
    """Where EXTRT is PLACEBO, EXDOSE is 0."""
    ex = data.dataset("EX", "EXTRT", "EXDOSE")
    if ex.frame.schema["EXDOSE"].is_numeric():
        yield from ex.hits((ex.text("EXTRT") == "PLACEBO") & (ex.col("EXDOSE") != 0), "EXDOSE", "EXTRT")


@rule(
    "TB-QUA-0019",
    "What was not given has a dose.",
    "leave ECDOSE empty",
    cdisc="CG0100 CG0101 CG0462",
    section="SDTMIG 3.4, 6.1.3.2",
    domains="EC",
)
def not_given_has_no_dose(data: Data) -> Iterator[Hit]:
    """Where ECOCCUR is N there is no dose; else there is one above 0, or words for it, or ECSTAT says it is not known."""
    ec = data.dataset("EC", "ECDOSE")
    if not ec.frame.schema["ECDOSE"].is_numeric():
        return
    refused = ec.text("ECOCCUR") == "N"
    yield from ec.hits(refused & ec.given("ECDOSE"), "ECDOSE", "ECOCCUR")
    open_ = ~refused & ec.missing("ECSTAT") & ec.missing("ECDOSTXT")
    yield from ec.hits(open_ & (ec.missing("ECDOSE") | (ec.col("ECDOSE") <= 0)), "ECDOSE", "ECDOSTXT")


@rule(
    "TB-QUA-0020",
    "EX has the vehicle's amount although there is EC.",
    "keep it in EC",
    cdisc="CG0105 CG0107",
    section="SDTMIG 3.4, 6.1.3",
    domains="EX EC",
)
def vehicle_is_in_ec(data: Data) -> Iterator[Hit]:
    """Where exposure as collected is in EC, EX has no EXVAMT or EXVAMTU."""
    data.dataset("EC")
    yield from shapes.present([data.dataset("EX")], "EXVAMT", "EXVAMTU")


@rule(
    "TB-QUA-0021",
    "A class code and its name do not go one to one.",
    "give each class one code",
    fda="FB0905",
    section="FDA business rules 1.5",
    domains="AG CM SU",
)
def classes_one_to_one(data: Data) -> Iterator[Hit]:
    """A class of medication has one code and a code one class."""
    for one in data.datasets("--CLAS", "--CLASCD", only=("AG", "CM", "SU")):
        yield from shapes.not_one_to_one(one, "--CLAS", "--CLASCD")


RULES = (
    closer_places_have_loc,
    closer_places_say_of_what,
    subcategory_differs,
    subcategory_has_category,
    subcategories_have_categories,
    categories_say_more,
    categories_are_not_the_domain,
    status_is_of_what_was_asked,
    reason_is_of_what_was_asked,
    occurrence_is_of_what_was_asked,
    occurred_was_asked,
    asked_is_answered,
    one_dose,
    dose_text_is_text,
    doses_have_units,
    doses_are_positive,
    vehicle_is_named,
    placebo_has_no_dose,
    not_given_has_no_dose,
    vehicle_is_in_ec,
    classes_one_to_one,
)
