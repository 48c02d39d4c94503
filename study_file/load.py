"""Read a `study.yaml`: YAML by its safe loader, checked by the model, each error with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from trialbridge.base.errors import UnreadableInputError
from trialbridge.base.finding import Where
from trialbridge.study_file import workbook
from trialbridge.study_file.model import StudyFile

if TYPE_CHECKING:
    from pathlib import Path

Place = tuple[str | int, ...]


def load(file: Path) -> StudyFile:
    """The study file. Raises UnreadableInputError that names every wrong place with its line."""
    if file.suffix.lower() == ".xlsx":
        return _from_workbook(file)
    text = file.read_text(encoding="utf-8-sig")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = Where(file=str(file), line=mark.line + 1 if mark else None)
        problem = getattr(error, "problem", None) or "the text does not parse"
        raise UnreadableInputError(f"This is no YAML: {problem}.", where, "mend the line") from error
    found, wrong = _validated(data)
    if found is not None and not wrong:
        return found
    lines: dict[Place, int] = {}
    _lines(root, (), lines)
    placed = sorted(((_line(place, lines), _path(place), what) for place, what in wrong), key=lambda one: one[0])
    told = "; ".join(f"line {line}, {path}: {what}" for line, path, what in placed)
    raise UnreadableInputError(
        f"The study file is not right: {told}.",
        Where(file=str(file), line=placed[0][0]),
        "mend these places; docs/study-file.md describes each section",
    )


def _validated(data: Any) -> tuple[StudyFile | None, list[tuple[Place, str]]]:
    """The model, and each wrong place with what is wrong."""
    try:
        found = StudyFile.model_validate(data if data is not None else {})
    except ValidationError as error:
        return None, [(one["loc"], one["msg"]) for one in error.errors(include_url=False, include_input=False)]
    return found, list(found.misnamed())


def _from_workbook(file: Path) -> StudyFile:
    """A study file kept as a workbook; mistakes are told with their sheet and row."""
    given = workbook.read(file)
    found, wrong = _validated(given.data)
    if found is not None and not wrong:
        return found
    told = []
    for place, what in wrong:
        at = place
        while at and at not in given.places:
            at = at[:-1]
        told.append(f"{given.places.get(at, 'study')}, {_path(place)}: {what}")
    raise UnreadableInputError(
        f"The study file is not right: {'; '.join(told)}.",
        Where(file=str(file)),
        "mend these rows; docs/study-file.md describes each section",
    )


def _lines(node: yaml.Node | None, place: Place, found: dict[Place, int]) -> None:
    """The line (from 1) of every place in the document."""
    if node is None:
        return
    found.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            at = (*place, str(key.value))
            found[at] = key.start_mark.line + 1
            _lines(value, at, found)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _lines(value, (*place, number), found)


def _line(place: Any, lines: dict[Place, int]) -> int:
    """The line of a place, or of the innermost place around it that the file has."""
    at: Place = tuple(place)
    while at and at not in lines:
        at = at[:-1]
    return lines.get(at, 1)


def _path(place: Any) -> str:
    """`domains[2].variable`, as a person would write it."""
    text = ""
    for one in place:
        text += f"[{one}]" if isinstance(one, int) else f".{one}" if text else str(one)
    return text or "the whole file"
