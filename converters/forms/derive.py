"""What only SDTM holds, computed when all rows are there, as the guide says; never in place of what was collected.

--SEQ (SDTMIG 3.4, 4.1.5): a subject's rows numbered in the order made, or by the variables of `order` first.
--DY (4.4.4), VISIT and VISITDY (7.3.1), EPOCH (the element the start date lies in; of records without a date,
that of their visit), --TEST of --TESTCD by the terminology. Partial dates give what they surely give, else nothing.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError
from trialbridge.converters.carry import Qualifier
from trialbridge.converters.forms.timing import Facts, timed, value_of
from trialbridge.mappings.spellings import number_text
from trialbridge.sdtm import metadata, terminology
from trialbridge.sdtm.date_order import compare, earliest, latest
from trialbridge.study_file.condition import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialbridge.converters.forms.lines import FormLine
    from trialbridge.converters.forms.questions import Questions
    from trialbridge.converters.forms.rows import Made, Rows
    from trialbridge.mappings.kit import Row
    from trialbridge.study_file.model import StudyFile


def derive(rows: Rows, study: StudyFile, questions: Questions, version: str) -> None:
    """Fill the rows in place."""
    _own(rows, {"test name": _test_name, "number": _number, "range indicator": _range_indicator})
    _visits(rows, study)
    _extremes(rows)
    for name, made in rows.by_domain.items():
        _test_names(name, made, version)
        _numbered(name, made, study, version)
    _sequences(rows)
    facts = Facts(rows, study, questions)
    for name, found in rows.by_domain.items():
        timed(name, found, facts, version)
    _own(
        rows,
        {"study day": facts.study_day, "epoch": facts.epoch, "treatment emergent": facts.emergent, "age": facts.age},
    )
    _last_before_exposure(rows)


def _own(rows: Rows, makers: dict[str, Callable[[Made, FormLine], Any]]) -> None:
    """The variables that a line derives from its own row."""
    for made in rows:
        for line in made.later:
            maker = makers.get(str(line.line.derive))
            if maker is not None:
                put(made, line, maker(made, line))


def put(made: Made, line: FormLine, value: Any) -> None:
    """Give a row a derived value; a supplemental qualifier with its label."""
    if value is None:
        return
    made.derived[line.variable] = str(line.line.derive or line.line.word)
    if line.variable.startswith("SUPP."):
        name = line.variable.removeprefix("SUPP.")
        made.qualifiers.append(
            Qualifier(name, str(value), line.line.label or name, line.line.origin, line.line.evaluator)
        )
    made.row[line.variable] = value


# --- from the row itself ----------------------------------------------------------------------------------------------


def _test_name(made: Made, line: FormLine) -> str | None:
    code = value_of(made, line, 0, "TESTCD")
    return _name_of(made.domain.domain, code) if isinstance(code, str) else None


def _name_of(domain: str, code: str, version: str = metadata.LATEST) -> str | None:
    """The --TEST of a --TESTCD, where one of the variable's codelists at hand has it."""
    try:
        lists = metadata.variable(f"{domain[:2]}TESTCD", version, domain).codelists
    except UnknownNameError:
        return None
    known = terminology.default()
    for one in lists:
        if one in known:
            try:
                found = known.decode(one, code)
            except UnknownNameError:
                continue
            if found is not None:
                return found
    return None


def _test_names(domain: str, made: list[Made], version: str) -> None:
    code, name = f"{domain[:2]}TESTCD", f"{domain[:2]}TEST"
    for one in made:
        if isinstance(one.row.get(code), str) and one.row.get(name) is None:
            found = _name_of(domain, one.row[code], version)
            if found is not None:
                one.row[name] = found
                one.derived[name] = "the terminology's name of the code"


def _decimal(value: Any) -> Decimal | None:
    try:
        found = Decimal(repr(value) if isinstance(value, float) else str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _number(made: Made, line: FormLine) -> float | None:
    """The number of a text result; a limit or a word has none."""
    value = value_of(made, line, 0, "STRESC")
    found = _decimal(value) if value is not None else None
    return None if found is None else float(found)


def _range_indicator(made: Made, line: FormLine) -> str | None:
    """LOW, NORMAL or HIGH of a result and its reference range, both as collected (SDTMIG 3.4, LBNRIND)."""
    result, low, high = (
        _decimal(value_of(made, line, at, name)) for at, name in enumerate(("ORRES", "ORNRLO", "ORNRHI"))
    )
    if result is None or (low is None and high is None):
        return None
    if low is not None and result < low:
        return "LOW"
    if high is not None and result > high:
        return "HIGH"
    return "NORMAL"


# --- from the study ---------------------------------------------------------------------------------------------------


def _visits(rows: Rows, study: StudyFile) -> None:
    planned = {one.number: one for one in study.visits.planned}
    for name, found in rows.by_domain.items():
        if name == "TV":
            continue
        for made in found:
            number = made.row.get("VISITNUM")
            if not isinstance(number, float):
                continue
            visit = planned.get(number)
            title = visit.name if visit else None
            if visit is None and study.visits.unscheduled is not None:
                title = study.visits.unscheduled.replace("{number}", number_text(number))
            for variable, value in (("VISIT", title), ("VISITDY", visit.day if visit else None)):
                if value is not None and made.row.get(variable) is None:
                    made.row[variable] = value
                    made.derived[variable] = "the visits of the study file"


def _extremes(rows: Rows) -> None:
    """`earliest` and `latest` of variables of other datasets (`EX.EXSTDTC`), or of the row's own."""
    pick = {"earliest": earliest, "latest": latest}
    index: dict[tuple[str, str | None], dict[Any, list[str]]] = {}
    for made in list(rows):
        for line in made.later:
            chosen = pick.get(str(line.line.derive))
            if chosen is None:
                continue
            dates: list[str] = []
            for name in line.line.of:
                domain, dot, variable = name.partition(".")
                if not dot:
                    dates.extend(one for one in (made.row.get(name),) if isinstance(one, str))
                    continue
                key = (name, line.line.where)
                if key not in index:
                    index[key] = _dates_of(rows.by_domain.get(domain, []), variable, line.line.where)
                dates.extend(index[key].get(made.row.get("USUBJID"), []))
            put(made, line, chosen(dates))


def _dates_of(made: list[Made], variable: str, where: str | None) -> dict[Any, list[str]]:
    """A dataset's dates by subject, of the rows for which a condition on their variables holds."""
    holds = parse(where) if where is not None else None
    found: dict[Any, list[str]] = defaultdict(list)
    for one in made:
        if isinstance(one.row.get(variable), str) and (holds is None or holds(partial(_text_of, one.row))):
            found[one.row.get("USUBJID")].append(one.row[variable])
    return found


def _text_of(row: Row, name: str) -> str | None:
    value = row.get(name)
    return number_text(value) if isinstance(value, float) else value


def _numbered(domain: str, made: list[Made], study: StudyFile, version: str) -> None:
    """--SEQ where the guide has one and none was collected; the numbers given stay, others follow in order."""
    name = f"{domain[:2]}SEQ"
    try:
        if name not in metadata.domain(domain, version) or domain.startswith("SUPP"):
            return
    except UnknownNameError:
        pass
    order = next((one.order for one in study.domains if one.domain == domain and one.order), ())
    by_subject: dict[Any, list[Made]] = defaultdict(list)
    for one in made:
        by_subject[one.row.get("USUBJID")].append(one)
    for its in by_subject.values():
        its.sort(key=lambda one: tuple(_sortable(one.row.get(variable)) for variable in order))
        taken = {one.row.get(name) for one in its}
        number = 0.0
        for one in its:
            if one.row.get(name) is None:
                number += 1
                while number in taken:
                    number += 1
                one.row[name] = number
                one.derived[name] = "numbered within the subject"


def _sortable(value: Any) -> tuple[int, float, str]:
    if isinstance(value, float):
        return (1, value, "")
    return (2, 0.0, str(value)) if value is not None else (0, 0.0, "")


def _sequences(rows: Rows) -> None:
    """`sequence_of`: the --SEQ of the row that the same record made in another dataset."""
    for made in list(rows):
        for line in made.later:
            domain = line.line.sequence_of
            if domain is None or made.view is None:
                continue
            its = [
                one.row.get(f"{domain[:2]}SEQ")
                for one in rows.by_domain.get(domain, [])
                if one.view is not None and one.view.record is made.view.record and one.view.source == made.view.source
            ]
            if len(its) == 1 and isinstance(its[0], float):
                text = line.variable == "IDVARVAL"
                made.row[line.variable] = number_text(its[0]) if text else its[0]
                made.derived[line.variable] = f"--SEQ of the record's row in {domain}"


def _last_before_exposure(rows: Rows) -> None:
    """--LOBXFL: Y on the last result with a value on or before RFXSTDTC, for each subject, test and what sets them apart.

    Source: SDTMIG 3.4, the --LOBXFL of each findings domain: the last non-missing value before the first exposure. `of` names the variables
    that set tests apart beside --TESTCD (TRLNKID, TREVAL).
    """
    exposed = {
        one.row.get("USUBJID"): one.row["RFXSTDTC"]
        for one in rows.by_domain.get("DM", [])
        if isinstance(one.row.get("RFXSTDTC"), str)
    }
    best: dict[tuple[Any, ...], tuple[str, Made, FormLine]] = {}
    for made in rows:
        prefix = made.domain.domain[:2]
        for line in made.later:
            if line.line.derive != "last before exposure":
                continue
            first = exposed.get(made.row.get("USUBJID"))
            date = made.row.get(f"{prefix}DTC")
            if first is None or not isinstance(date, str) or made.row.get(f"{prefix}ORRES") is None:
                continue
            if compare(date[:10], first[:10]) not in (-1, 0):
                continue
            key = (
                prefix,
                made.row.get("USUBJID"),
                made.row.get(f"{prefix}TESTCD"),
                *(made.row.get(x) for x in line.line.of),
            )
            if key not in best or compare(best[key][0], date) == -1:
                best[key] = (date, made, line)
    for _, made, line in best.values():
        put(made, line, "Y")
