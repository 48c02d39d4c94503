"""An explanation, readable: the guide's metadata, each line with both spellings, terms and codelists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import Console

    from trialbridge.dictionary import Explanation, LineEntry, Pair, TermEntry, VariableEntry

_PAIRS = 40  # shown of a line; --json has all
_ARROWS = {"both": "<->", "to_fhir": "->", "to_sdtm": "<-"}
_CORE = {"Req": "required", "Exp": "expected", "Perm": "permissible"}


def show(found: Explanation, console: Console) -> None:
    """Print it."""
    for variable in found.variables:
        console.print(_variable(variable), soft_wrap=True)
    for line in found.lines:
        for text in _line(line):
            console.print(text, soft_wrap=True)
    for other in found.others:
        note = escape(" · ".join(part for part in (other.note, other.source) if part))
        console.print(
            f"[bold]{escape(other.name)}[/] {other.what} ({escape(other.mapping)}){': ' + note if note else ''}"
        )
    if found.variables and not (found.lines or any(one.what == "derived" for one in found.others)):
        console.print("  The dictionary has no line for it: it travels whole in the sdtm-variable extension.")
    for term in found.terms:
        console.print(_term(term, found.package), soft_wrap=True)


def _variable(one: VariableEntry) -> str:
    about = [f"{one.type}, {_CORE.get(one.core, one.core)}", one.role, one.format]
    about += [f"codelist {', '.join(one.codelists)}"] if one.codelists else []
    return (
        f"[bold]{one.dataset}.{one.name}[/] {escape(one.label)} ({escape('; '.join(part for part in about if part))})"
    )


def _line(one: LineEntry) -> list[str]:
    releases = "" if len(one.releases) > 1 else f" [{one.releases[0]} only]"
    named = one.mapping if one.mapping != one.dataset else ""
    head = f"[bold]{one.dataset}.{one.variable}[/] {_ARROWS[one.direction]} [cyan]{escape(one.path)}[/]"
    texts = [head + escape(releases) + (f" [dim]({escape(named)})[/]" if named else "")]
    texts += [f"  read from [cyan]{escape(path)}[/] too" for path in one.also]
    texts.append(f"  spelling: {escape(one.spelling)}")
    texts += [f"    {escape(_pair(pair))}" for pair in one.pairs[:_PAIRS]]
    if len(one.pairs) > _PAIRS:
        texts.append(f"    … and {len(one.pairs) - _PAIRS:,} more (--json has all)")
    texts += [f"  %{escape(name)} is {escape(value)}" for name, value in one.names]
    for label, text in (("loses", one.loses), ("note", one.note), ("source", one.source)):
        if text:
            texts.append(f"  {label}: {escape(text)}")
    return texts


def _pair(pair: Pair) -> str:
    value = "always" if pair.value == "*" else pair.value
    display = f" {pair.display}" if pair.display else ""
    system = f" ({pair.system})" if pair.system else ""
    return f"{value} <-> {pair.code}{display}{system}"


def _term(one: TermEntry, package: str) -> str:
    of = f"codelist {one.codelist_name} ({one.codelist}), {'extensible' if one.extensible else 'not extensible'}"
    if not one.code:
        return f"[bold]{escape(one.codelist_name)}[/] {escape(one.preferred_term)}: {of}, {one.terms} terms, {package}"
    synonyms = f"; also {', '.join(one.synonyms)}" if one.synonyms else ""
    return f"[bold]{escape(one.value)}[/] {one.code} {escape(one.preferred_term + synonyms)}: {of}, {package}"
