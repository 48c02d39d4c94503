"""Rules that need the response engine: RS beside what RECIST makes of TU and TR. The same contract as `sdtm.rules`.

A reported response is a judgement and may differ for a reason: these findings are looked at, with the engine's own
explanation among the cells. The version of the criteria is RSCAT's; where RS names none, nothing is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.oncology import agreement, recist
from trialbridge.oncology.recist_criteria import CRITERIA
from trialbridge.sdtm.rules.data import ROW, NotThereError
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.base.rule import Rule
    from trialbridge.oncology.recist import Assessment
    from trialbridge.sdtm.rules.data import Data
    from trialbridge.sdtm.rules.declare import Hit

_PLACE = ("USUBJID", "RSEVAL", "RSEVALID", "VISITNUM", "RSDTC", "RSTESTCD")


def _versions(data: Data) -> list[str]:
    """The versions of RECIST that RSCAT names. Raises NotThereError."""
    named = {text.upper() for text in data.dataset("RS", "USUBJID", "RSTESTCD", "RSCAT").frame["RSCAT"].drop_nulls()}
    found = [version for version, one in CRITERIA.items() if one.label.upper() in named]
    if not found:
        raise NotThereError("RSCAT names no version of RECIST")
    return found


def _assessed(data: Data, version: str) -> Assessment:
    """One assessment serves all rules of a run."""
    made: Assessment = data.once(f"recist {version}", lambda: recist.assess(data.study, version, by_group=True))
    return made


def _hits(data: Data, compared: pl.DataFrame, version: str) -> Iterator[Hit]:
    """A hit for each row of RS that does not agree, the computed response and the reason among its cells."""
    rs = data.dataset("RS")
    label = CRITERIA[version].label.upper()
    wrong = compared.filter(~pl.col("AGREES") & pl.col("REPORTED").is_not_null())
    keys = [name for name in _PLACE if rs.has(name)]
    rows = rs.frame.filter(rs.text("RSCAT").str.to_uppercase() == label)
    # The agreement speaks of the group of lesions; RS says it in RSSCAT.
    group = (
        pl.when(rs.text("RSSCAT").str.to_uppercase().str.starts_with("NON"))
        .then(pl.lit("NON-IRRADIATED"))
        .when(rs.text("RSSCAT").str.to_uppercase().str.contains("IRRADIATED"))
        .then(pl.lit("IRRADIATED"))
        .otherwise(pl.lit("ALL"))
    )
    wanted = wrong.select(*keys, pl.col("GROUP").alias("#group"), "REPORTED", "COMPUTED", "EXPLANATION")
    joined = rows.with_columns(group.alias("#group")).join(wanted, on=[*keys, "#group"], nulls_equal=True)
    yield from rs.hits_of(joined.unique(ROW, keep="first"), "RSSTRESC", "RSTESTCD", "COMPUTED", "EXPLANATION")


@rule(
    "TB-ONC-0101",
    "The reported response is not what the lesions in TR give.",
    "check the response and the sizes; document why they differ",
    severity=Severity.WARNING,
    section="RECIST 1.0 (Therasse 2000), RECIST 1.1 (Eisenhauer 2009), iRECIST (Seymour 2017); docs/recist.md",
    domains="RS TR TU",
)
def responses_follow_from_lesions(data: Data) -> Iterator[Hit]:
    """TRGRESP, NTRGRESP, NEWLPROG, OVRLRESP and BESTRESP are what the named version of RECIST makes of TU and TR."""
    data.dataset("TR", "USUBJID", "TRTESTCD")
    data.dataset("TU", "USUBJID", "TULNKID")
    for version in _versions(data):
        assessed = _assessed(data, version)
        yield from _hits(data, agreement.against(assessed, data.study["RS"]), version)


@rule(
    "TB-ONC-0102",
    "The overall response does not follow from its components.",
    "mend the overall response, or a component",
    section="RECIST 1.0, table 2; RECIST 1.1, tables 1 and 2",
    domains="RS",
)
def overall_follows_from_components(data: Data) -> Iterator[Hit]:
    """OVRLRESP is what the criteria's table makes of TRGRESP, NTRGRESP and NEWLPROG at the same visit (1.0 and 1.1)."""
    for version in _versions(data):
        if not CRITERIA[version].immune:
            yield from _hits(data, agreement.components(data.study["RS"], version), version)


@rule(
    "TB-ONC-0103",
    "A target lesion is too small at baseline to be one.",
    "follow it as a non-target lesion",
    severity=Severity.WARNING,
    section="RECIST 1.0, measurability at baseline (10 mm); RECIST 1.1, 3.1.1 and 4.2 (10 mm, nodes 15 mm)",
    domains="TU TR RS",
)
def targets_are_large_enough(data: Data) -> Iterator[Hit]:
    """A target lesion is at baseline at least as large as the named version of RECIST asks."""
    tu = data.dataset("TU", "USUBJID", "TULNKID")
    data.dataset("TR", "USUBJID", "TRTESTCD")
    for version in _versions(data):
        small = [
            (one.where.subject, one.message.split(" ", 1)[0])
            for one in _assessed(data, version).findings
            if one.id == "TB-RECIST-010"
        ]
        named = pl.DataFrame(small, {"USUBJID": pl.String, "TULNKID": pl.String}, orient="row").unique()
        yield from tu.hits_of(tu.frame.join(named, on=["USUBJID", "TULNKID"], how="semi"), "TULNKID", "TUORRES")


RULES: tuple[Rule, ...] = (
    responses_follow_from_lesions,
    overall_follows_from_components,
    targets_are_large_enough,
)
