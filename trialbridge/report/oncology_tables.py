"""Responses, best responses, remission rates and agreement as JSON, CSV and XLSX: the files of `trialbridge recist`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from trialbridge.base.errors import UnknownNameError
from trialbridge.fhir.jsontext import pretty
from trialbridge.oncology import agreement, groups
from trialbridge.oncology.recist import assess
from trialbridge.sdtm.files.xlsx_write import write_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trialbridge.oncology.groups import RemissionRate
    from trialbridge.oncology.outcomes import Outcome
    from trialbridge.oncology.recist import Assessment, Best, Choices, Response
    from trialbridge.oncology.survival_kaplan_meier import KaplanMeier
    from trialbridge.sdtm.table import Study

JSON_FILE, XLSX_FILE = "recist.json", "recist.xlsx"
_RATES: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("RSEVAL", "RSEVALID", "GROUP"), pl.String),
    **dict.fromkeys(("N", "ASSESSED", "REMISSIONS", "RATE", "LOW", "HIGH", "LEVEL"), pl.Float64),
    "EXPLANATION": pl.String,
}


@dataclass(frozen=True, slots=True)
class Tables:
    """An assessment with what belongs to it; `agreement` as `agreement.against` gives it, None where not asked for."""

    done: Assessment
    rates: tuple[RemissionRate, ...]
    agreement: pl.DataFrame | None

    @property
    def disagreements(self) -> pl.DataFrame:
        """The reported rows that are not what was computed."""
        if self.agreement is None:
            return pl.DataFrame()
        return self.agreement.filter(pl.col("AGREES").eq(other=False))

    @property
    def compared(self) -> int:
        """How many reported rows were compared."""
        return 0 if self.agreement is None else self.agreement.filter(pl.col("AGREES").is_not_null()).height


def tables(
    study: Study,
    criteria: str,
    *,
    choices: Choices,
    by_group: bool,
    against_rs: bool,
    day: int = 91,
    window: int = 28,
) -> Tables:
    """All of a study. Raises UnknownNameError: no TR, or RS is to be compared and has nothing of these criteria."""
    done = assess(study, criteria, by_group=by_group, choices=choices)
    ends = groups.end_of_radiotherapy(study)
    rates = tuple(groups.remission_rates(done, ends, day=day, window=window)) if ends else ()
    compared = None
    if against_rs:
        if "RS" not in study:
            raise UnknownNameError("There is no RS to compare with.", fix="add RS, or leave --against out")
        compared = agreement.against(done, study["RS"])
        if not compared.filter(pl.col("AGREES").is_not_null()).height:
            message = f"RS has no responses by {done.criteria.label} (RSCAT) to compare with."
            raise UnknownNameError(message, fix="name the criteria RS was made by")
    return Tables(done, rates, compared)


def as_dict(found: Tables) -> dict[str, Any]:
    """Plain JSON. Sums in mm with the digits collected; texts that are missing are null."""
    done = found.done
    value: dict[str, Any] = {
        "criteria": done.criteria.label,
        "choices": asdict(done.choices),
        "responses": [_response(one) for one in done.responses],
        "bestResponses": [_best(one) for one in done.best],
        "remissionRates": [_rate(one) for one in found.rates],
        "findings": [one.as_dict() for one in done.findings],
    }
    if found.agreement is not None:
        disagree = found.disagreements.height
        value["agreement"] = {
            "compared": found.compared,
            "agree": found.compared - disagree,
            "disagree": disagree,
            "notReported": found.agreement["AGREES"].null_count(),
            "rows": [_agreement(row) for row in found.agreement.iter_rows(named=True)],
        }
    return value


def write(found: Tables, folder: Path) -> list[Path]:
    """recist.json, recist.xlsx and a CSV a table into a folder. Raises DoesNotFitError."""
    made = [folder / JSON_FILE, folder / XLSX_FILE]
    made[0].write_bytes(pretty(as_dict(found)))
    sheets = frames(found)
    write_workbook(sheets, made[1])
    for name, frame in sheets.items():
        made.append(folder / f"{name}.csv")
        frame.write_csv(made[-1])
    return made


def write_one(found: Tables, file: Path) -> None:
    """One file by its ending: .json, .xlsx, or .csv with the responses. Raises UnknownNameError, DoesNotFitError."""
    if file.suffix.lower() == ".json":
        file.write_bytes(pretty(as_dict(found)))
    elif file.suffix.lower() == ".xlsx":
        write_workbook(frames(found), file)
    else:
        frames(found)["responses"].write_csv(file)


def frames(found: Tables) -> dict[str, pl.DataFrame]:
    """The tables by name: text and Float64 columns alone, yes and no as Y and N."""
    rates = [(one.eval or None, one.evalid or None, one.group, *_numbers(one), one.text) for one in found.rates]
    made = {
        "responses": found.done.as_frame(),
        "best": found.done.best_frame(),
        "remission": pl.DataFrame(rates, schema=_RATES, orient="row"),
    }
    if found.agreement is not None:
        made["agreement"] = found.agreement
    return {name: frame.with_columns(_yes_no(frame)) for name, frame in made.items()}


def _numbers(one: RemissionRate) -> tuple[float, ...]:
    return (float(one.n), float(one.assessed), float(one.remissions), one.rate, one.low, one.high, one.level)


def _yes_no(frame: pl.DataFrame) -> list[pl.Expr]:
    return [
        pl.col(name).replace_strict({True: "Y", False: "N"}, return_dtype=pl.String)
        for name, kind in frame.schema.items()
        if kind == pl.Boolean
    ]


def _visitnum(value: float | None) -> float | int | None:
    return int(value) if value is not None and value.is_integer() else value


def _response(one: Response) -> dict[str, Any]:
    return {
        "USUBJID": one.usubjid,
        "RSEVAL": one.eval or None,
        "RSEVALID": one.evalid or None,
        "GROUP": one.group,
        "VISITNUM": _visitnum(one.visitnum),
        "VISIT": one.visit or None,
        "RSDTC": one.date or None,
        "RSTESTCD": one.testcd,
        "RSORRES": one.response,
        "sum": one.sum,
        "baseline": one.baseline,
        "nadir": one.nadir,
        "explanation": one.explanation,
    }


def _best(one: Best) -> dict[str, Any]:
    return {
        "USUBJID": one.usubjid,
        "RSEVAL": one.eval or None,
        "RSEVALID": one.evalid or None,
        "GROUP": one.group,
        "RSDTC": one.date or None,
        "RSTESTCD": "BESTRESP",
        "RSORRES": one.response,
        "confirmed": one.confirmed,
        "progressionDate": one.progression_date or None,
        "explanation": one.explanation,
    }


def _rate(one: RemissionRate) -> dict[str, Any]:
    return {
        "RSEVAL": one.eval or None,
        "RSEVALID": one.evalid or None,
        "GROUP": one.group,
        "n": one.n,
        "assessed": one.assessed,
        "remissions": one.remissions,
        "rate": one.rate,
        "low": one.low,
        "high": one.high,
        "level": one.level,
        "explanation": one.text,
    }


def _agreement(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("USUBJID", "RSEVAL", "RSEVALID", "GROUP")},
        "VISITNUM": _visitnum(row["VISITNUM"]),
        **{name: row[name] for name in ("VISIT", "RSDTC", "RSTESTCD")},
        "reported": row["REPORTED"],
        "computed": row["COMPUTED"],
        "agrees": row["AGREES"],
        "explanation": row["EXPLANATION"],
    }


def curve_frame(curve: KaplanMeier) -> pl.DataFrame:
    """The Kaplan-Meier curve, one row a time: DAY, SURVIVAL, LOW and HIGH as fractions, ATRISK, EVENTS, CENSORED."""
    columns = {
        "DAY": curve.times,
        "SURVIVAL": curve.survival,
        "LOW": curve.low,
        "HIGH": curve.high,
        "ATRISK": curve.at_risk,
        "EVENTS": curve.events,
        "CENSORED": curve.censored,
    }
    return pl.DataFrame([pl.Series(name, values, pl.Float64) for name, values in columns.items()])


def outcomes_frame(measures: Iterable[Outcome]) -> pl.DataFrame:
    """The outcome tables, one row a number: KEY, OUTCOME, GROUP, N, ROW, CATEGORY, VALUE, LOW, HIGH, UNIT, TEXT."""
    rows = []
    for one in measures:
        groups_of = {group.id: group for group in one.groups}
        for row in one.rows:
            for value in row.values:
                group = groups_of[value.group]
                place = (one.key, one.title, group.title, float(group.participants), row.title, row.category)
                rows.append((*place, value.number, value.low, value.high, one.unit, value.text))
    return pl.DataFrame(rows, schema=_OUTCOMES, orient="row")


_OUTCOMES: dict[str, type[pl.DataType]] = {
    "KEY": pl.String,
    "OUTCOME": pl.String,
    "GROUP": pl.String,
    "N": pl.Float64,
    **dict.fromkeys(("ROW", "CATEGORY"), pl.String),
    **dict.fromkeys(("VALUE", "LOW", "HIGH"), pl.Float64),
    **dict.fromkeys(("UNIT", "TEXT"), pl.String),
}
