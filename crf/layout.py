"""The template's sheets: their columns in order, each with its kind and help; read from the bundled YAML."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import yaml


@dataclass(frozen=True, slots=True)
class Field:
    """One column: `kind` is id, text, number, whole, date, time, visit, lesion, codes (a codelist) or list."""

    name: str
    kind: str
    help: str
    codelist: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet with what it is about."""

    name: str
    about: str
    fields: tuple[Field, ...]


@lru_cache(maxsize=1)
def sheets() -> tuple[Sheet, ...]:
    """The sheets, in the workbook's order."""
    text = files("trialbridge.crf").joinpath("data", "template-forms.yaml").read_text(encoding="utf-8")
    return tuple(
        Sheet(one["sheet"], one["about"], tuple(_field(name, *its) for name, its in one["columns"].items()))
        for one in yaml.safe_load(text)
    )


def _field(name: str, kind: str | list[str], about: str) -> Field:
    if isinstance(kind, list):
        return Field(name, "list", about, values=tuple(kind))
    if kind.startswith("C") and kind[1:].isdigit():
        return Field(name, "codes", about, codelist=kind)
    return Field(name, kind, about)


def columns() -> dict[str, tuple[str, ...]]:
    """Each sheet's columns in their order."""
    return {one.name: tuple(field.name for field in one.fields) for one in sheets()}
