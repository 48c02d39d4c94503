"""Tumors: what TU identifies and TR measures, by lesion and evaluator.

Sources: SDTMIG 3.4, 6.3.13 (TU, TR, RS); RECIST 1.0, Therasse et al., J Natl Cancer Inst 2000;92:205; RECIST 1.1,
Eisenhauer et al., Eur J Cancer 2009;45:228, 3.1 and 4.2; codelists TUIDRS (C123650) and TRTESTCD (C96779).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm.rules.data import ROW, NotThereError
from trialbridge.sdtm.rules.declare import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data, Dataset
    from trialbridge.sdtm.rules.declare import Hit

_TU, _TR = "SDTMIG 3.4, 6.3.13.1 (TU)", "SDTMIG 3.4, 6.3.13.2 (TR)"
SIZES = ("LDIAM", "LPERP", "DIAMETER")
"""Tests of TR that are sizes of a lesion, in mm."""
# Tests of one lesion, as opposed to those of all (sums, percentages) of codelist TRTESTCD.
OF_A_LESION = (
    *SIZES,
    "AREA",
    "PPD",
    "VOLUME",
    "VDIAM",
    "TUMSTATE",
    "LNSTATE",
    "LESTHICK",
    "SUVMAX",
    "SUVMEAN",
    "SUVPEAK",
)
_IDENTIFIED = ("TUMIDENT", "LESIDENT")
LIMITS = {"RECIST 1.0": (10, 5), "RECIST 1.1": (5, 2), "iRECIST": (5, 2)}
"""Most target lesions in all and in an organ: Therasse 2000, baseline documentation; Eisenhauer 2009, 3.1.1; Seymour 2017."""
READER = ["USUBJID", "#eval", "#evalid"]


def read_by(one: Dataset) -> list[pl.Expr]:
    """Whose reading a record is: --EVAL and --EVALID as text, empty where missing."""
    return [one.text("--EVAL").alias("#eval"), one.text("--EVALID").alias("#evalid")]


def identified(data: Data) -> pl.DataFrame:
    """The lesions of TU: subject, link id, evaluator, kind (`TARGET`, `NON-TARGET`, `NEW`), place, visit, row.

    Raises NotThereError.
    """
    tu = data.dataset("TU", "USUBJID", "TULNKID")
    said = tu.text("TUSTRESC") if tu.has("TUSTRESC") else tu.text("TUORRES")
    kind = (
        pl.when(said.str.starts_with("TARGET"))
        .then(pl.lit("TARGET"))
        .when(said.str.starts_with("NON-TARGET"))
        .then(pl.lit("NON-TARGET"))
        .when(said.str.starts_with("NEW"))
        .then(pl.lit("NEW"))
        .otherwise(pl.lit(""))
    )
    rows = tu.frame.filter(tu.given("TULNKID") & (tu.text("TUTESTCD").is_in([*_IDENTIFIED, ""])))
    return rows.select(
        ROW,
        "USUBJID",
        pl.col("TULNKID").alias("#lesion"),
        *read_by(tu),
        kind.alias("#kind"),
        tu.text("TULOC").alias("#loc"),
        (tu.col("VISITNUM") if tu.has("VISITNUM") else pl.lit(None, dtype=pl.Float64)).cast(pl.Float64).alias("#visit"),
        tu.text("TUDTC").alias("#date"),
    )


def _divided(data: Data) -> pl.DataFrame:
    """Subject and link id of lesions that split or merged, and of those that they came from (`T1` of `T1.1`)."""
    tu = data.dataset("TU", "USUBJID", "TULNKID")
    rows = tu.frame.filter(tu.text("TUTESTCD").is_in(["TUSPLIT", "TUMERGE"]) & tu.given("TULNKID"))
    ids = rows.select("USUBJID", pl.col("TULNKID").alias("#lesion"))
    roots = ids.with_columns(pl.col("#lesion").str.replace(r"[.\-/][0-9A-Za-z]+$", ""))
    return pl.concat([ids, roots]).unique()


def measured(data: Data) -> pl.DataFrame:
    """TR's records of single lesions: subject, link id, evaluator, test, size, visit, date, row. Raises NotThereError."""
    tr = data.dataset("TR", "USUBJID", "TRLNKID", "TRTESTCD")
    rows = tr.frame.filter(tr.given("TRLNKID"))
    return rows.select(
        ROW,
        "USUBJID",
        pl.col("TRLNKID").alias("#lesion"),
        *read_by(tr),
        pl.col("TRTESTCD").alias("#test"),
        tr.col("TRSTRESN").cast(pl.Float64, strict=False).alias("#size"),
        (tr.col("VISITNUM") if tr.has("VISITNUM") else pl.lit(None, dtype=pl.Float64)).cast(pl.Float64).alias("#visit"),
        tr.text("TRDTC").str.slice(0, 10).alias("#day"),
        ((tr.text("TRLOBXFL") == "Y") | (tr.text("TRBLFL") == "Y")).alias("#baseline"),
        tr.text("TRGRPID").alias("#group"),
    )


def _targets(data: Data) -> pl.DataFrame:
    """The target lesions that neither split nor merged."""
    lesions = identified(data).filter(pl.col("#kind") == "TARGET")
    return lesions.join(_divided(data), on=["USUBJID", "#lesion"], how="anti")


@rule(
    "TB-ONC-0001",
    "TRLNKID is not in TU.",
    "identify the lesion in TU, or mend TRLNKID",
    section=f"{_TR}; {_TU}",
    domains="TR TU",
)
def measured_lesions_are_identified(data: Data) -> Iterator[Hit]:
    """Every lesion that TR speaks of is identified in TU, by the same subject and link id."""
    tr, tu = data.dataset("TR", "USUBJID", "TRLNKID"), data.dataset("TU", "USUBJID", "TULNKID")
    known = tu.frame.select("USUBJID", pl.col("TULNKID").alias("TRLNKID")).unique()
    rows = tr.frame.filter(tr.given("TRLNKID")).join(known, on=["USUBJID", "TRLNKID"], how="anti")
    yield from tr.hits_of(rows, "TRLNKID", "TRTESTCD")


@rule("TB-ONC-0002", "The measurement says not of which lesion it is.", "give TRLNKID", section=_TR, domains="TR")
def measurements_name_their_lesion(data: Data) -> Iterator[Hit]:
    """A record of TR of a single lesion (a diameter, a state) has TRLNKID; sums have none."""
    tr = data.dataset("TR", "TRTESTCD")
    yield from tr.hits(tr.text("TRTESTCD").is_in(OF_A_LESION) & tr.missing("TRLNKID"), "TRLNKID", "TRTESTCD")


@rule("TB-ONC-0003", "The lesion has no link id.", "give TULNKID", section=_TU, domains="TU")
def lesions_have_link_ids(data: Data) -> Iterator[Hit]:
    """A lesion identified in TU has TULNKID, so that its measurements can be found."""
    tu = data.dataset("TU", "TUTESTCD")
    yield from tu.hits(tu.text("TUTESTCD").is_in(_IDENTIFIED) & tu.missing("TULNKID"), "TULNKID", "TUTESTCD")


@rule(
    "TB-ONC-0004",
    "The lesion is identified twice.",
    "keep one record a lesion and evaluator",
    section=_TU,
    domains="TU",
)
def lesions_are_identified_once(data: Data) -> Iterator[Hit]:
    """An evaluator identifies a lesion once; a later record of the same TULNKID tells a split or a merger."""
    tu = data.dataset("TU", "USUBJID", "TULNKID")
    lesions = identified(data)
    twice = lesions.filter(pl.struct("USUBJID", "#lesion", "#eval", "#evalid").is_duplicated())
    yield from tu.hits_of(tu.frame.join(twice.select(ROW), on=ROW, how="semi"), "TULNKID", "TUORRES")


@rule(
    "TB-ONC-0005",
    "The evaluator of the measurement did not identify the lesion.",
    "mend TREVAL, TREVALID or TRLNKID",
    section=f"{_TR}; {_TU}",
    domains="TR TU",
)
def evaluators_measure_their_lesions(data: Data) -> Iterator[Hit]:
    """A lesion is measured by the evaluator who identified it; TU without evaluator speaks for all."""
    tr = data.dataset("TR", "USUBJID", "TRLNKID", "TREVAL")
    lesions = identified(data)
    known = lesions.select("USUBJID", "#lesion").unique()
    anyone = lesions.filter(pl.col("#eval") == "").select("USUBJID", "#lesion").unique()
    rows = measured(data).join(known, on=["USUBJID", "#lesion"], how="semi")
    rows = rows.join(anyone, on=["USUBJID", "#lesion"], how="anti")
    rows = rows.join(lesions.select(*READER, "#lesion").unique(), on=[*READER, "#lesion"], how="anti")
    yield from tr.hits_of(tr.frame.join(rows.select(ROW), on=ROW, how="semi"), "TREVAL", "TREVALID", "TRLNKID")


@rule(
    "TB-ONC-0006",
    "The target lesion has no size at baseline.",
    "give its size at the visit it was identified",
    section=f"{_TU}; RECIST 1.1, 3.1 and 4.3.1",
    domains="TU TR",
)
def targets_have_a_baseline(data: Data) -> Iterator[Hit]:
    """A target lesion has a size in TR at the visit that TU identifies it, or flagged as baseline, by its evaluator."""
    tu, readings = data.dataset("TU", "USUBJID", "TULNKID"), measured(data)
    sizes = readings.filter(pl.col("#test").is_in(SIZES) & pl.col("#size").is_not_null())
    pairs = _targets(data).join(sizes, on=["USUBJID", "#lesion"], suffix="#tr")
    mine = (pl.col("#eval") == "") | (
        (pl.col("#eval") == pl.col("#eval#tr")) & (pl.col("#evalid") == pl.col("#evalid#tr"))
    )
    at = (
        pl.col("#baseline")
        | (pl.col("#visit") == pl.col("#visit#tr"))
        | (pl.col("#date").str.slice(0, 10) == pl.col("#day"))
    )
    found = pairs.filter(mine & at.fill_null(value=False)).select(ROW).unique()
    lost = _targets(data).join(found, on=ROW, how="anti")
    yield from tu.hits_of(tu.frame.join(lost.select(ROW), on=ROW, how="semi"), "TULNKID", "TUORRES")


@rule(
    "TB-ONC-0007",
    "The target lesion is not assessed at a visit where others were.",
    "add its size, or --STAT = NOT DONE with the reason",
    section=f"{_TR}; RECIST 1.1, 4.3.1 and 4.3.2",
    domains="TU TR",
)
def targets_are_followed(data: Data) -> Iterator[Hit]:
    """At each visit at which an evaluator assessed a target lesion, every target lesion identified by then has a record."""
    tu = data.dataset("TU", "USUBJID", "TULNKID")
    readings = measured(data).filter(pl.col("#visit").is_not_null())
    lesions = _targets(data).filter(pl.col("#visit").is_not_null())
    keyed = [*READER, "#lesion"]
    of_targets = readings.join(lesions.select(keyed), on=keyed, how="semi")
    visits = of_targets.select(*READER, pl.col("#visit").alias("#at")).unique()
    due = lesions.join(visits, on=READER).filter(pl.col("#at") >= pl.col("#visit"))
    done = of_targets.select(*keyed, pl.col("#visit").alias("#at")).unique()
    missed = due.join(done, on=[*keyed, "#at"], how="anti")
    # A lesion without any reading at baseline has a rule of its own.
    later = missed.filter(pl.col("#at") > pl.col("#visit"))
    rows = tu.frame.join(later.select(ROW, pl.col("#at").alias("TR.VISITNUM")), on=ROW, how="inner")
    yield from tu.hits_of(rows, "TULNKID", "TR.VISITNUM")


def versions(data: Data) -> pl.DataFrame:
    """The criteria of each subject by RSCAT: subject, `RECIST 1.1`. Raises NotThereError if RS names none we know."""
    rs = data.dataset("RS", "USUBJID", "RSCAT")
    named = rs.frame.filter(pl.col("RSCAT").is_in(list(LIMITS))).select("USUBJID", pl.col("RSCAT").alias("#version"))
    if named.is_empty():
        raise NotThereError(f"RSCAT names none of {', '.join(LIMITS)}")
    return named.unique("USUBJID", keep="first", maintain_order=True)


@rule(
    "TB-ONC-0008",
    "There are more target lesions than the criteria allow.",
    "follow the others as non-target lesions",
    severity=Severity.WARNING,
    section="RECIST 1.0 (10); RECIST 1.1, 3.1.1, and iRECIST (5)",
    domains="TU RS",
)
def targets_within_limit(data: Data) -> Iterator[Hit]:
    """An evaluator chooses at most ten target lesions by RECIST 1.0, five by RECIST 1.1 and iRECIST."""
    tu = data.dataset("TU", "USUBJID", "TULNKID")
    most = pl.col("#version").replace_strict({name: total for name, (total, _) in LIMITS.items()})
    lesions = _targets(data).unique([*READER, "#lesion"], keep="first", maintain_order=True)
    over = lesions.join(versions(data), on="USUBJID").filter(pl.len().over(READER) > most)
    yield from tu.hits_of(tu.frame.join(over.select(ROW), on=ROW, how="semi"), "TULNKID", "TUORRES")


@rule(
    "TB-ONC-0009",
    "There are more target lesions in an organ than the criteria allow.",
    "follow the others as non-target lesions",
    severity=Severity.WARNING,
    section="RECIST 1.0 (5); RECIST 1.1, 3.1.1, and iRECIST (2; all nodes are one organ)",
    domains="TU RS",
)
def targets_within_limit_by_organ(data: Data) -> Iterator[Hit]:
    """In an organ there are at most five target lesions by RECIST 1.0, two by RECIST 1.1 and iRECIST."""
    tu = data.dataset("TU", "USUBJID", "TULNKID", "TULOC")
    most = pl.col("#version").replace_strict({name: organ for name, (_, organ) in LIMITS.items()})
    lesions = _targets(data).unique([*READER, "#lesion"], keep="first", maintain_order=True)
    lesions = lesions.filter(pl.col("#loc") != "").join(versions(data), on="USUBJID")
    node = pl.col("#loc").str.contains("LYMPH NODE") & (pl.col("#version") != "RECIST 1.0")
    # Lobes and segments are parts of their organ: LUNG LOBE is LUNG.
    organ = pl.col("#loc").str.replace(r"[ ,]+(LOBE|SEGMENT|RIGHT|LEFT).*$", "")
    lesions = lesions.with_columns(pl.when(node).then(pl.lit("LYMPH NODE")).otherwise(organ).alias("#organ"))
    over = lesions.filter(pl.len().over(*READER, "#organ") > most)
    yield from tu.hits_of(tu.frame.join(over.select(ROW), on=ROW, how="semi"), "TULNKID", "TULOC")


@rule(
    "TB-ONC-0011",
    "The method is not that of the baseline.",
    "use one method for a lesion, or say why it changed",
    severity=Severity.WARNING,
    section="RECIST 1.0 and 1.1, 3.2 (methods of assessment)",
    domains="TR",
)
def method_is_unchanged(data: Data) -> Iterator[Hit]:
    """A lesion is assessed by the method by which it was first."""
    tr = data.dataset("TR", "USUBJID", "TRLNKID", "TRMETHOD", "TRDTC")
    rows = tr.frame.filter(tr.given("TRLNKID") & tr.given("TRMETHOD") & tr.given("TRDTC")).with_columns(*read_by(tr))
    first = pl.col("TRMETHOD").sort_by("TRDTC", ROW).first().over(*READER, "TRLNKID")
    yield from tr.hits_of(rows.filter(pl.col("TRMETHOD") != first), "TRMETHOD", "TRLNKID")


@rule(
    "TB-ONC-0012",
    "TRGRPID is not the kind that TU gives the lesion.",
    "mend TRGRPID, or TUORRES",
    section=f"{_TR}; {_TU}",
    domains="TR TU",
)
def groups_are_kinds(data: Data) -> Iterator[Hit]:
    """Where TRGRPID says TARGET, NON-TARGET or NEW, TU says the same of the lesion."""
    tr = data.dataset("TR", "USUBJID", "TRLNKID", "TRGRPID")
    kinds = identified(data).filter(pl.col("#kind") != "").select("USUBJID", "#lesion", "#kind").unique()
    kinds = kinds.group_by("USUBJID", "#lesion").agg(pl.col("#kind"))
    pairs = measured(data).join(kinds, on=["USUBJID", "#lesion"])
    odd = pairs.filter(
        pl.col("#group").is_in(["TARGET", "NON-TARGET", "NEW"]) & ~pl.col("#group").is_in(pl.col("#kind"))
    )
    yield from tr.hits_of(tr.frame.join(odd.select(ROW), on=ROW, how="semi"), "TRGRPID", "TRLNKID")


@rule(
    "TB-ONC-0015",
    "A lesion seen at baseline is called new.",
    "call it a target or non-target lesion, or mend the visit",
    section=f"{_TU}; RECIST 1.1, 4.3.5",
    domains="TU",
)
def new_lesions_are_new(data: Data) -> Iterator[Hit]:
    """A new lesion is identified after the visit at which the evaluator identified the target and non-target lesions."""
    tu = data.dataset("TU", "USUBJID", "TULNKID", "VISITNUM")
    lesions = identified(data)
    base = (
        lesions.filter(pl.col("#kind").is_in(["TARGET", "NON-TARGET"]))
        .group_by(READER)
        .agg(pl.col("#visit").min().alias("#base"))
    )
    early = lesions.filter(pl.col("#kind") == "NEW").join(base, on=READER).filter(pl.col("#visit") <= pl.col("#base"))
    yield from tu.hits_of(tu.frame.join(early.select(ROW), on=ROW, how="semi"), "TULNKID", "VISITNUM")


RULES = (
    measured_lesions_are_identified,
    measurements_name_their_lesion,
    lesions_have_link_ids,
    lesions_are_identified_once,
    evaluators_measure_their_lesions,
    targets_have_a_baseline,
    targets_are_followed,
    targets_within_limit,
    targets_within_limit_by_organ,
    method_is_unchanged,
    groups_are_kinds,
    new_lesions_are_new,
)
