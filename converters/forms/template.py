"""The bundled template's study file, made a study's own by what the workbook (or the study) says of itself."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import yaml

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.crf.model import Form, form_of
from trialbridge.crf.reading.doubt import Doubt
from trialbridge.crf.reading.numbers import number
from trialbridge.mappings.spellings import number_text
from trialbridge.study_file.model import Identity, StudyFile
from trialbridge.study_file.sources import Subjects
from trialbridge.study_file.visits import Visit, Visits

if TYPE_CHECKING:
    from trialbridge.crf.model import Source
    from trialbridge.sdtm.table import Study

STUDY, PLANNED = "Study", "Planned visits"
IDENTIFIER, PREFIX, UNSCHEDULED = "Study identifier", "Prefix of USUBJID", "Name of unscheduled visits"
ITEMS = (IDENTIFIER, PREFIX, UNSCHEDULED)


@lru_cache(maxsize=1)
def bundled() -> StudyFile:
    """The study file as it is bundled."""
    text = files("trialbridge.crf").joinpath("data", "template-study.yaml").read_text(encoding="utf-8")
    return StudyFile.model_validate(yaml.safe_load(text))


def of_workbook(source: Source) -> StudyFile:
    """The study file of a filled template. Raises UnreadableInputError where its sheet Study names no study."""
    said: dict[str, str] = {}
    form = source.forms.get(STUDY)
    for record in form.records if form is not None else ():
        item, value = record.text("Item"), record.text("Value")
        if item and value:
            said[item.strip()] = value.strip()
    identifier = said.get(IDENTIFIER)
    if not identifier:
        where = Where(file=(form.file if form is not None else "") or None, dataset=STUDY)
        raise UnreadableInputError(
            f"The sheet {STUDY} does not give the {IDENTIFIER}.", where, "fill it, or give --study-file"
        )
    planned = source.forms.get(PLANNED)
    visits = [_visit(planned, at) for at in range(len(planned.records))] if planned is not None else []
    return _own(identifier, said.get(PREFIX), visits, said.get(UNSCHEDULED))


def _visit(form: Form, at: int) -> Visit:
    record = form.records[at]
    where = Where(file=form.file or None, dataset=form.name, row=record.row)
    numbers: list[float | None] = []
    for column in ("Number", "Day"):
        text = record.text(column)
        found = None if text is None else number(text, "point")
        if isinstance(found, Doubt):
            raise UnreadableInputError(f"{column} is no number.", where, "write VISITNUM and VISITDY as numbers")
        numbers.append(None if found is None else float(found))
    name = record.text("Visit")
    if numbers[0] is None or not name:
        raise UnreadableInputError("A planned visit has no number or no name.", where, "give both")
    return Visit(number=numbers[0], name=name, day=numbers[1])


def of_study(study: Study) -> StudyFile:
    """The template's study file for an SDTM study: its STUDYID, planned visits (TV) and how USUBJID begins.

    Raises UnreadableInputError where the study has no DM.
    """
    if "DM" not in study or not study["DM"].frame.height:
        raise UnreadableInputError("The study has no DM, so its subjects are not known.", fix="add DM")
    first = next(study["DM"].rows())
    identifier, usubjid, subject = (str(first.get(one) or "") for one in ("STUDYID", "USUBJID", "SUBJID"))
    prefix = usubjid.removesuffix(subject) if subject and usubjid.endswith(subject) else ""
    planned: dict[float, Visit] = {}
    for row in study["TV"].rows() if "TV" in study else ():
        if isinstance(row.get("VISITNUM"), float) and row.get("VISIT"):
            planned.setdefault(
                row["VISITNUM"], Visit(number=row["VISITNUM"], name=row["VISIT"], day=row.get("VISITDY"))
            )
    return _own(identifier, prefix, list(planned.values()), _unscheduled(study, set(planned)))


def _unscheduled(study: Study, planned: set[float]) -> str | None:
    """How unplanned visits are called, where their names differ in the number alone."""
    if "SV" not in study:
        return None
    names = {
        str(row["VISIT"]).replace(number_text(row["VISITNUM"]), "{number}")
        for row in study["SV"].rows()
        if row.get("VISIT") and isinstance(row.get("VISITNUM"), float) and row["VISITNUM"] not in planned
    }
    found = names.pop() if len(names) == 1 else None
    return found if found is not None and found.count("{number}") == 1 else None


def _own(identifier: str, prefix: str | None, planned: list[Visit], unscheduled: str | None) -> StudyFile:
    return bundled().model_copy(
        update={
            "study": Identity(id=identifier),
            "subjects": Subjects(prefix=prefix),
            "visits": Visits(planned=tuple(planned), unscheduled=unscheduled),
        }
    )


def study_form(file: StudyFile) -> Form:
    """The sheet Study."""
    prefix = file.subjects.prefix if file.subjects.prefix is not None else f"{file.study.id}-"
    values: list[str | None] = [file.study.id, prefix, file.visits.unscheduled]
    return form_of(STUDY, {"Item": list(ITEMS), "Value": values})
