"""A one-form study for the dirt tests: what a cell becomes, and what is asked about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openpyxl
import yaml

from trialbridge.converters.forms.to_sdtm import FromForms, to_sdtm
from trialbridge.crf import files
from trialbridge.study_file.load import load

if TYPE_CHECKING:
    from pathlib import Path


class Outcome:
    """The rows made, and the questions asked, of one form."""

    def __init__(self, done: FromForms) -> None:
        self.done = done

    def values(self, domain, variable):
        """A variable's values, in the order of the rows; None where it was left out."""
        if domain not in self.done.study:
            return []
        frame = self.done.study[domain].frame
        return frame[variable].to_list() if variable in frame.columns else [None] * frame.height

    @property
    def asked(self):
        """The questions: kind, column, proposal."""
        return [(str(one.kind), one.column, one.proposal) for one in self.done.questions]

    @property
    def findings(self):
        """The ids of the findings."""
        return [one.id for one in self.done.findings]


def convert(folder: Path, source: Path, domains, *, decisions=None, **sections) -> Outcome:
    """A file converted by a study file of these sections."""
    path = folder / "study.yaml"
    sources = sections.pop("sources", {"form": {"table": source.stem if source.suffix == ".csv" else "Form"}})
    whole = {"study": {"id": "S"}, "sources": sources, **sections, "domains": domains}
    path.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    return Outcome(to_sdtm(files.read([source]), load(path), decisions))


def one_cell(folder, text, domain, variable, line, *, typed=None, **reading) -> Outcome:
    """One subject with one cell: in CSV as text, or in a workbook as the typed value."""
    if typed is None:
        source = folder / "form.csv"
        source.write_text(f'Subject,Value\n01,"{text}"\n', encoding="utf-8")
    else:
        source = book(folder, [["Subject", "Value"], ["01", typed]])
    block = {"domain": domain, "from": "form", "variables": {variable: line}}
    return convert(folder, source, [block], reading=reading)


def book(folder, rows, change=None):
    """A workbook with one sheet, Form; `change` is called with the sheet before it is saved."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "Form"
    for row in rows:
        sheet.append(row)
    if change:
        change(sheet)
    path = folder / "book.xlsx"
    made.save(path)
    return path
