"""`trialbridge template`: the workbook of case report forms, empty or filled from a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.commands.shell import CLEAN, Shell, guarded
from trialbridge.converters.forms import template as forms_template
from trialbridge.converters.forms.from_sdtm import ToForms, to_forms
from trialbridge.crf import layout
from trialbridge.crf.files import workbook
from trialbridge.crf.model import Column, Form, Source
from trialbridge.sdtm import terminology

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trialbridge.sdtm.table import Study


def run(output: Path, *, study: str | None, as_json: bool = False, quiet: bool = False, no_color: bool = False) -> int:
    """Write the empty template; `study` is its STUDYID, where it is known."""
    shell = Shell(as_json, quiet, no_color)

    def make() -> int:
        write(empty(study), output)
        if shell.as_json:
            shell.json({"written": str(output), "sheets": len(layout.sheets())})
        elif shell.speaks:
            shell.out.print(f"Written: {output} ({len(layout.sheets())} sheets)")
        return CLEAN

    return guarded(shell, make)


def codelists() -> dict[str, tuple[bool, Sequence[str]]]:
    """The drop-downs' terms, from the terminology in use."""
    known = terminology.default()
    codes = {field.codelist for sheet in layout.sheets() for field in sheet.fields if field.codelist}
    return {
        code: (known.codelist(code).extensible, sorted(term.submission_value for term in known.codelist(code)))
        for code in sorted(codes)
    }


def empty(study: str | None) -> Source:
    """The template's forms without records, but for the items of the sheet Study."""
    forms = {
        sheet.name: Form(sheet.name, tuple(Column(one.name, one.name) for one in sheet.fields), (), label=sheet.about)
        for sheet in layout.sheets()
    }
    items = forms_template.ITEMS
    values: list[str | None] = [study, f"{study}-" if study else None, "UNSCHEDULED {number}"]
    filled = workbook_form(dict(zip(items, values, strict=True)))
    return Source("forms", {**forms, filled.name: filled}, about={"template": True})


def workbook_form(values: dict[str, str | None]) -> Form:
    """The sheet Study with these items."""
    from trialbridge.crf.model import form_of  # noqa: PLC0415 - one use

    return form_of(forms_template.STUDY, {"Item": list(values), "Value": list(values.values())})


def filled(study: Study) -> ToForms:
    """A study on the template's forms."""
    file = forms_template.of_study(study)
    done = to_forms(study, file, layout.columns())
    form = forms_template.study_form(file)
    forms = {**done.source.forms, form.name: form}
    ordered = {one.name: forms[one.name] for one in layout.sheets()}
    done.source = Source("forms", ordered, about={"template": True})
    return done


def write(source: Source, path: Path) -> None:
    """Forms of the template as a workbook."""
    workbook.write(source, path, layout.sheets(), codelists())
