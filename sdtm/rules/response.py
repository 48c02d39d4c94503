"""Response and radiotherapy: RS beside TU and TR, the irradiated lesion in PR, TU and SUPPTU.

What RECIST makes of the sizes is not here: see `trialbridge.oncology.rules`. Sources: SDTMIG 3.4, 6.1.5 (PR), 6.3.13
(TU, TR, RS) and 8.3; RECIST 1.1, 4.3.5 (new lesions); ECOG performance status, Oken et al. 1982.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from trialbridge.base.finding import Severity
from trialbridge.sdtm.rules import moments, shapes
from trialbridge.sdtm.rules.data import ROW, NotThereError
from trialbridge.sdtm.rules.declare import rule
from trialbridge.sdtm.rules.lesions import READER, identified, measured, read_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.sdtm.rules.data import Data, Dataset
    from trialbridge.sdtm.rules.declare import Hit

_RS, _PR = "SDTMIG 3.4, 6.3.13.3 (RS)", "SDTMIG 3.4, 6.1.5 (PR) and 6.3.13.1 (TU)"
_PROGRESSION = ("PD", "iUPD", "iCPD", "irPD")
_RADIOTHERAPY = "RADIATION|RADIOTHERAPY|BRACHYTHERAPY|RADIOSURGERY|SBRT"


def _recist(data: Data, *needs: str) -> Dataset:
    """RS with these variables. Raises NotThereError."""
    return data.dataset("RS", "USUBJID", "RSTESTCD", "RSSTRESC", *needs)


def _by_recist(rs: Dataset) -> pl.Expr:
    """Whether a record is of a version of RECIST; without RSCAT it is taken to be."""
    return rs.text("RSCAT").str.contains("RECIST") if rs.has("RSCAT") else pl.lit(value=True)


@rule(
    "TB-ONC-0020",
    "The evaluator of the response has assessed no lesion.",
    "mend RSEVAL or RSEVALID, or add the readings",
    section=f"{_RS}; SDTMIG 3.4, 6.3.13, on evaluators",
    domains="RS TR",
)
def responders_have_readings(data: Data) -> Iterator[Hit]:
    """An evaluator who tells a subject's response by RECIST has readings of that subject in TR."""
    rs, tr = _recist(data, "RSEVAL"), data.dataset("TR", "USUBJID", "TREVAL")
    readers = tr.frame.select("USUBJID", *read_by(tr)).unique()
    if readers.filter(pl.col("#eval") != "").is_empty():
        raise NotThereError("TR names no evaluator")
    told = rs.frame.filter(_by_recist(rs) & rs.given("RSEVAL") & rs.given("RSSTRESC")).with_columns(*read_by(rs))
    yield from rs.hits_of(told.join(readers, on=READER, how="anti"), "RSEVAL", "RSEVALID", "RSTESTCD")


@rule(
    "TB-ONC-0021",
    "The subject has two responses of a kind at a visit.",
    "keep one a visit and evaluator",
    section=_RS,
    domains="RS",
)
def one_response_a_visit(data: Data) -> Iterator[Hit]:
    """An evaluator tells each kind of response once a visit, by criterion and group of lesions."""
    rs = _recist(data, "VISITNUM")
    names = "USUBJID RSTESTCD RSCAT RSSCAT RSEVAL RSEVALID RSLNKID VISITNUM RSDTC RSMETHOD RSSPID".split()
    kinds = ["OVRLRESP", "TRGRESP", "NTRGRESP", "NEWLPROG", "RDIORESP"]
    mask = rs.text("RSTESTCD").is_in(kinds) & rs.given("VISITNUM")
    yield from rs.hits_of(shapes.repeated(rs, mask, *names), "RSTESTCD", "RSSTRESC")


def _new_lesions(data: Data) -> pl.DataFrame:
    """New lesions by reader and visit: not those that the evaluator calls equivocal or absent at that visit."""
    new = identified(data).filter((pl.col("#kind") == "NEW") & pl.col("#visit").is_not_null())
    if not data.has("TR", "USUBJID", "TRLNKID", "TRTESTCD", "TRSTRESC"):
        return new
    tr = data.dataset("TR")
    doubtful = tr.frame.filter(tr.text("TRSTRESC").is_in(["EQUIVOCAL", "ABSENT", "NE"])).select(ROW)
    states = measured(data).join(doubtful, on=ROW, how="semi")
    return new.join(states, on=[*READER, "#lesion", "#visit"], how="anti")


@rule(
    "TB-ONC-0022",
    "There is a new lesion but the overall response is not progression.",
    "mend the response, or call the lesion equivocal in TR",
    section=f"{_RS}; RECIST 1.0, table 2; RECIST 1.1, 4.3.5 and table 1",
    domains="RS TU",
)
def new_lesions_are_progression(data: Data) -> Iterator[Hit]:
    """At the visit at which an evaluator identifies a new lesion, surely new, the overall response is progression."""
    rs = _recist(data, "VISITNUM")
    new = _new_lesions(data).select(*READER, "#visit").unique()
    told = rs.frame.filter((pl.col("RSTESTCD") == "OVRLRESP") & _by_recist(rs) & rs.given("RSSTRESC"))
    told = told.with_columns(*read_by(rs), pl.col("VISITNUM").cast(pl.Float64).alias("#visit"))
    seen = told.join(new, on=[*READER, "#visit"], how="semi")
    yield from rs.hits_of(seen.filter(~pl.col("RSSTRESC").is_in(_PROGRESSION)), "RSSTRESC", "RSTESTCD")


@rule(
    "TB-ONC-0023",
    "RS tells a new lesion that TU does not have.",
    "identify the lesion in TU, or mend RS",
    section=f"{_RS}; RECIST 1.1, 4.3.5",
    domains="RS TU",
)
def told_new_lesions_are_identified(data: Data) -> Iterator[Hit]:
    """Where RS says that there is a new lesion (NEWLPROG), TU has one of the evaluator at that visit or before."""
    rs = _recist(data, "VISITNUM")
    new = identified(data).filter(pl.col("#kind") == "NEW").group_by(READER).agg(pl.col("#visit").min().alias("#since"))
    told = rs.frame.filter((pl.col("RSTESTCD") == "NEWLPROG") & pl.col("RSSTRESC").is_in(["UNEQUIVOCAL", "Y", "PD"]))
    told = told.with_columns(*read_by(rs)).join(new, on=READER, how="left")
    yield from rs.hits_of(
        told.filter(pl.col("#since").is_null() | (pl.col("#since") > pl.col("VISITNUM"))), "RSSTRESC", "RSTESTCD"
    )


@rule(
    "TB-ONC-0024",
    "The ECOG performance status is none of 0 to 5.",
    "write 0, 1, 2, 3, 4 or 5",
    section="SDTMIG 3.4, 6.3.13.3; Oken et al., Am J Clin Oncol 1982;5:649",
    domains="RS",
)
def ecog_is_a_grade(data: Data) -> Iterator[Hit]:
    """The ECOG performance status is a whole number from 0 to 5."""
    rs = _recist(data)
    ecog = rs.text("RSTESTCD").str.starts_with("ECOG1")
    yield from rs.hits(ecog & rs.given("RSSTRESC") & ~rs.text("RSSTRESC").is_in(list("012345")), "RSSTRESC", "RSTESTCD")


@rule(
    "TB-ONC-0025",
    "A response is told after progression.",
    "check the later response",
    severity=Severity.WARNING,
    section="RECIST 1.0, table 2; RECIST 1.1, 4.6",
    domains="RS",
)
def no_response_after_progression(data: Data) -> Iterator[Hit]:
    """After PD by RECIST 1.0 or 1.1 no evaluator tells CR or PR of the same subject."""
    rs = _recist(data, "RSDTC", "RSCAT")
    told = rs.frame.filter((pl.col("RSTESTCD") == "OVRLRESP") & pl.col("RSCAT").is_in(["RECIST 1.0", "RECIST 1.1"]))
    told = told.filter(rs.given("RSDTC")).with_columns(*read_by(rs))
    first = told.filter(pl.col("RSSTRESC") == "PD").group_by([*READER, "RSCAT"]).agg(pl.col("RSDTC").min().alias("#pd"))
    later = told.join(first, on=[*READER, "RSCAT"]).filter(pl.col("RSDTC") > pl.col("#pd"))
    yield from rs.hits_of(later.filter(pl.col("RSSTRESC").is_in(["CR", "PR"])), "RSSTRESC", "RSDTC")


def _radiotherapy(data: Data) -> tuple[Dataset, pl.DataFrame]:
    """PR and its rows of radiotherapy on study. Raises NotThereError."""
    pr = data.dataset("PR", "USUBJID", "PRTRT")
    words = pl.concat_str(
        [pr.text(name) for name in ("PRTRT", "PRDECOD", "PRCAT", "PRSCAT")], separator=" "
    ).str.to_uppercase()
    rows = pr.frame.filter(
        words.str.contains(_RADIOTHERAPY) & ~words.str.contains("PRIOR") & (pr.text("PROCCUR") != "N")
    )
    if data.has("DM", "RFICDTC") and pr.has("PRSTDTC"):
        dated = rows.join(data.subjects("RFICDTC"), on="USUBJID", how="left")
        spans = moments.with_spans(dated, "PRSTDTC", "RFICDTC")
        rows = spans.filter(~moments.surely_before("PRSTDTC", "RFICDTC").fill_null(value=False))
    if rows.is_empty():
        raise NotThereError("PR has no radiotherapy on study")
    return pr, rows


@rule(
    "TB-ONC-0030",
    "The irradiated lesion is not in TU.",
    "identify the lesion in TU, or mend PRLNKID",
    section=_PR,
    domains="PR TU",
)
def irradiated_lesions_are_identified(data: Data) -> Iterator[Hit]:
    """The lesion that PRLNKID names is one of the subject's in TU."""
    pr = data.dataset("PR", "USUBJID", "PRLNKID")
    tu = data.dataset("TU", "USUBJID", "TULNKID")
    known = tu.frame.select("USUBJID", pl.col("TULNKID").alias("PRLNKID")).unique()
    rows = pr.frame.filter(pr.given("PRLNKID")).join(known, on=["USUBJID", "PRLNKID"], how="anti")
    yield from pr.hits_of(rows, "PRLNKID", "PRTRT")


@rule(
    "TB-ONC-0031",
    "Radiotherapy on study says not which lesion was irradiated.",
    "give PRLNKID, or relate the records in RELREC",
    severity=Severity.WARNING,
    section=f"{_PR}; SDTMIG 3.4, 8.2",
    domains="PR TU RELREC",
)
def radiotherapy_names_its_lesion(data: Data) -> Iterator[Hit]:
    """Radiotherapy on study of a subject with lesions in TU names the lesion, by PRLNKID or a relation in RELREC."""
    pr, rows = _radiotherapy(data)
    lesions = identified(data).select("USUBJID").unique()
    rows = rows.filter(pr.missing("PRLNKID")).join(lesions, on="USUBJID", how="semi")
    if data.has("RELREC", "RDOMAIN", "IDVAR", "IDVARVAL", "USUBJID") and pr.has("PRSEQ"):
        related = data.dataset("RELREC").frame.filter((pl.col("RDOMAIN") == "PR") & (pl.col("IDVAR") == "PRSEQ"))
        known = related.select("USUBJID", pl.col("IDVARVAL").cast(pl.Float64, strict=False).alias("PRSEQ"))
        rows = rows.join(known, on=["USUBJID", "PRSEQ"], how="anti")
    yield from pr.hits_of(rows, "PRLNKID", "PRTRT")


def _flags(data: Data) -> pl.DataFrame:
    """What SUPPTU says of each lesion's irradiation on study (QNAM TUIRRST): TU's row, subject, link id, Y or N."""
    supp = data.dataset("SUPPTU", "USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QVAL")
    tu = data.dataset("TU", "USUBJID", "TUSEQ", "TULNKID")
    said = supp.frame.filter(pl.col("QNAM") == "TUIRRST")
    if said.is_empty():
        raise NotThereError("SUPPTU does not say which lesions were irradiated (TUIRRST)")
    by_number = said.filter(pl.col("IDVAR") == "TUSEQ").select(
        "USUBJID",
        pl.col("IDVARVAL").cast(pl.Float64, strict=False).alias("TUSEQ"),
        pl.col("QVAL").alias("#flag"),
        pl.col(ROW).alias("#supp"),
    )
    return tu.frame.select(ROW, "USUBJID", "TUSEQ", "TULNKID", *read_by(tu)).join(by_number, on=["USUBJID", "TUSEQ"])


@rule(
    "TB-ONC-0032",
    "PR says that the lesion was irradiated, SUPPTU says that it was not.",
    "mend PRLNKID or TUIRRST",
    section=_PR,
    domains="PR TU SUPPTU",
)
def flags_agree_with_pr(data: Data) -> Iterator[Hit]:
    """A lesion that radiotherapy on study names has TUIRRST = Y, where SUPPTU says it of lesions."""
    data.dataset("PR", "PRLNKID")
    pr, rows = _radiotherapy(data)
    denied = _flags(data).filter(pl.col("#flag") == "N").select("USUBJID", pl.col("TULNKID").alias("PRLNKID"))
    yield from pr.hits_of(rows.join(denied.unique(), on=["USUBJID", "PRLNKID"], how="semi"), "PRLNKID", "PRTRT")


@rule(
    "TB-ONC-0033",
    "SUPPTU says that a lesion was irradiated, PR has no radiotherapy on study.",
    "add the radiotherapy to PR, or mend TUIRRST",
    section=_PR,
    domains="PR SUPPTU",
)
def flagged_were_treated(data: Data) -> Iterator[Hit]:
    """A subject with a lesion of TUIRRST = Y has radiotherapy on study in PR."""
    supp = data.dataset("SUPPTU")
    _, rows = _radiotherapy(data)
    lost = _flags(data).filter(pl.col("#flag") == "Y").join(rows.select("USUBJID"), on="USUBJID", how="anti")
    found = supp.frame.join(lost.select(pl.col("#supp").alias(ROW)), on=ROW, how="semi")
    yield from supp.hits_of(found, "QVAL", "QNAM")


@rule(
    "TB-ONC-0034",
    "SUPPTU says irradiated of more lesions of an evaluator than PR names.",
    "mend TUIRRST, or add the radiotherapy",
    section=_PR,
    domains="PR TU SUPPTU",
)
def as_many_as_treated(data: Data) -> Iterator[Hit]:
    """No evaluator has more lesions of TUIRRST = Y than PR names lesions irradiated on study."""
    supp = data.dataset("SUPPTU")
    pr, rows = _radiotherapy(data)
    if not pr.has("PRLNKID"):
        raise NotThereError("PR has no PRLNKID")
    treated = rows.filter(pr.given("PRLNKID")).group_by("USUBJID").agg(pl.col("PRLNKID").n_unique().alias("#treated"))
    flagged = _flags(data).filter(pl.col("#flag") == "Y").join(treated, on="USUBJID")
    over = flagged.filter(pl.col("TULNKID").n_unique().over(READER) > pl.col("#treated"))
    yield from supp.hits_of(
        supp.frame.join(over.select(pl.col("#supp").alias(ROW)), on=ROW, how="semi"), "QVAL", "QNAM"
    )


@rule(
    "TB-ONC-0035",
    "The irradiated place is not that of the lesion.",
    "mend PRLOC, PRLAT or the lesion's place in TU",
    section=_PR,
    domains="PR TU",
)
def places_agree(data: Data) -> Iterator[Hit]:
    """PRLOC and PRLAT of radiotherapy that names a lesion are TULOC and TULAT of that lesion."""
    pr, tu = data.dataset("PR", "USUBJID", "PRLNKID", "PRLOC"), data.dataset("TU", "USUBJID", "TULNKID", "TULOC")
    places = tu.frame.filter(tu.given("TULOC")).select(
        "USUBJID", pl.col("TULNKID").alias("PRLNKID"), pl.col("TULOC").alias("#loc"), tu.text("TULAT").alias("#lat")
    )
    places = places.unique(["USUBJID", "PRLNKID"], keep="first", maintain_order=True)
    pairs = pr.frame.filter(pr.given("PRLOC")).join(places, on=["USUBJID", "PRLNKID"])
    other_side = (pr.text("PRLAT") != "") & (pl.col("#lat") != "") & (pr.text("PRLAT") != pl.col("#lat"))
    yield from pr.hits_of(pairs.filter((pl.col("PRLOC") != pl.col("#loc")) | other_side), "PRLOC", "PRLAT", "PRLNKID")


@rule(
    "TB-ONC-0036",
    "The dose is not that of its fractions.",
    "mend PRDOSE, PRFRACN or PRFRACD",
    section=f"{_PR}; SDTMIG 3.4, 8.4",
    domains="PR SUPPPR",
)
def doses_are_products(data: Data) -> Iterator[Hit]:
    """PRDOSE (Gy, or cGy) is PRFRACN fractions of PRFRACD Gy, where SUPPPR has both."""
    pr = data.dataset("PR", "USUBJID", "PRSEQ", "PRDOSE", "PRDOSU")
    supp = data.dataset("SUPPPR", "USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QVAL")
    told = supp.frame.filter(pl.col("QNAM").is_in(["PRFRACN", "PRFRACD"]) & (pl.col("IDVAR") == "PRSEQ"))
    told = told.select(
        "USUBJID",
        pl.col("IDVARVAL").cast(pl.Float64, strict=False).alias("PRSEQ"),
        "QNAM",
        pl.col("QVAL").cast(pl.Float64, strict=False),
    )
    both = [
        told.filter(pl.col("QNAM") == name).rename({"QVAL": f"#{name}"}).drop("QNAM") for name in ("PRFRACN", "PRFRACD")
    ]
    keys = ["USUBJID", "PRSEQ"]
    rows = pr.frame.join(both[0], on=keys).join(both[1], on=keys)
    gray = pl.col("PRDOSE") / pl.when(pl.col("PRDOSU") == "cGy").then(100.0).otherwise(1.0)
    wrong = (gray - pl.col("#PRFRACN") * pl.col("#PRFRACD")).abs() > 1e-6
    yield from pr.hits_of(rows.filter(wrong & pl.col("PRDOSU").is_in(["Gy", "cGy"])), "PRDOSE", "PRDOSU")


@rule(
    "TB-ONC-0037",
    "The lesion was irradiated before it was identified.",
    "mend PRSTDTC or TUDTC",
    severity=Severity.WARNING,
    section=_PR,
    domains="PR TU",
)
def identified_before_irradiation(data: Data) -> Iterator[Hit]:
    """Radiotherapy of a lesion on study does not begin before the day on which TU identifies the lesion."""
    pr, rows = _radiotherapy(data)
    if not pr.has("PRLNKID", "PRSTDTC"):
        raise NotThereError("PR has no PRLNKID or PRSTDTC")
    tu = data.dataset("TU", "USUBJID", "TULNKID", "TUDTC")
    seen = (
        tu.frame.filter(tu.given("TUDTC"))
        .group_by("USUBJID", pl.col("TULNKID").alias("PRLNKID"))
        .agg(pl.col("TUDTC").min())
    )
    kept = rows.select([name for name in rows.columns if not name.endswith(("#first", "#after", "#zoned"))])
    spans = moments.with_spans(kept.join(seen, on=["USUBJID", "PRLNKID"]), "PRSTDTC", "TUDTC")
    yield from pr.hits_of(spans.filter(moments.surely_before("PRSTDTC", "TUDTC")), "PRSTDTC", "PRLNKID")


RULES = (
    responders_have_readings,
    one_response_a_visit,
    new_lesions_are_progression,
    told_new_lesions_are_identified,
    ecog_is_a_grade,
    no_response_after_progression,
    irradiated_lesions_are_identified,
    radiotherapy_names_its_lesion,
    flags_agree_with_pr,
    flagged_were_treated,
    as_many_as_treated,
    places_agree,
    doses_are_products,
    identified_before_irradiation,
)
