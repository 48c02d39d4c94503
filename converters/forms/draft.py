"""A draft of the study file from what a source shows: names, labels, codings, values. Each guess with reason and confidence.

What is guessed stands as lines with a note; what is not stands as comments, so that nothing of the source is left out.
The draft is valid: it converts as it stands, and is to be read by someone who knows the forms.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import UnknownNameError
from trialbridge.converters.forms import codes as forms_codes
from trialbridge.converters.forms import guesses as forms_guesses
from trialbridge.converters.forms.guesses import Guess
from trialbridge.crf.profile import Profile, profiles
from trialbridge.crf.reading.doubt import Doubt
from trialbridge.crf.reading.texts import plain
from trialbridge.sdtm import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialbridge.crf.model import Column, Form, Source

LEAST = 0.5
"""Guesses below this confidence stand as comments."""


@dataclass(slots=True)
class Drafted:
    """A form on the way: its domain, the guesses by column, tests, and columns nobody knows."""

    form: Form
    profiles: list[Profile]
    domain: str | None
    why: str
    subject: str | None
    visit: str | None
    guesses: list[tuple[Profile, Guess]] = field(default_factory=list)
    tests: list[tuple[Profile, str, str]] = field(default_factory=list)
    unknown: list[Profile] = field(default_factory=list)


def draft(source: Source, study: str) -> str:
    """The text of a study file for a source."""
    forms = [_drafted(one) for one in source]
    codes: dict[str, dict[str, str]] = {}
    blocks = [line for one in forms for line in _block(one, codes)]
    subject = next((one.subject for one in forms if one.subject), "Subject")
    lines = ["# A draft by `trialbridge init`: read every line. Each guess has its confidence (0 to 1) and its reason."]
    lines += [f"study: {{id: {_q(study)}}}", *_reading(forms)]
    lines += [f"subjects: {{column: {_q(subject)}}}  # {_subject_reason(forms, subject)}", "sources:"]
    for one in forms:
        keys, why = _keys(one)
        said = f", keys: [{', '.join(_q(key) for key in keys)}]" if keys else ""
        own = f", subject: {_q(one.subject)}" if one.subject and one.subject != subject else ""
        lines.append(
            f"  {_name(one.form.name)}: {{table: {_q(one.form.name)}{said}{own}}}{f'  # {why}' if why else ''}"
        )
    if codes:
        lines.append("codes:")
        for name, table in codes.items():
            pairs = ", ".join(f"{_q(value)}: {_q(text)}" for value, text in table.items())
            lines.append(f"  {name}: {{{pairs}}}")
    lines += [*_visits(forms), "domains:", *blocks]
    return "\n".join(lines) + "\n"


def _drafted(form: Form) -> Drafted:
    found = profiles(form)
    domain = forms_guesses.domain_of(form.name)
    by_columns = _by_names(found)
    subject = next((one.column.name for one in found if forms_guesses.SUBJECT.search(one.column.name)), None)
    visit = next((one.column.name for one in found if forms_guesses.VISIT.search(one.column.name)), None)
    made = Drafted(form, found, None, "", subject, visit)
    if by_columns is not None:
        made.domain, made.why = by_columns, "its columns have the names of the domain's variables"
    elif domain is not None:
        made.domain, made.why = domain[0], f"its name holds {domain[1]!r}"
    for one in found:
        if one.column.name in (subject, visit) or forms_guesses.PASSED.search(one.column.name):
            continue
        _column(made, one)
    return made


def _by_names(found: list[Profile]) -> str | None:
    """The domain whose variables (or CDASH's dates of them) most columns are named after, at least three."""
    counts: dict[str, int] = {}
    for one in found:
        name = _cdash(one.column.name)
        for domain in metadata.domains():
            if len(domain.name) == 2 and name in domain and name.startswith(domain.name):
                counts[domain.name] = counts.get(domain.name, 0) + 1
    best = max(counts, key=lambda name: counts[name], default=None)
    return best if best is not None and counts[best] >= 3 else None


def _cdash(name: str) -> str:
    """A column's name as SDTM would have it: AESTDAT is AESTDTC (CDASH 2.0)."""
    upper = re.sub(r"[^A-Z0-9]", "", name.upper())
    return re.sub(r"DAT$", "DTC", upper)


def _column(made: Drafted, one: Profile) -> None:
    if made.domain is None or one.type == "empty":
        made.unknown.append(one)
        return
    test = _test(made.domain, one.column)
    if test is not None and one.type in ("number", "code", "text"):
        made.tests.append((one, *test))
        return
    guess = _guess(made.domain, one)
    taken = {its.variable for _, its in made.guesses}
    if guess is None or guess.variable in taken:
        made.unknown.append(one)
    else:
        made.guesses.append((one, guess))


def _test(domain: str, column: Column) -> tuple[str, str] | None:
    for pattern, code, unit in forms_guesses.TESTS.get(domain, ()):
        if any(re.search(pattern, plain(text)) for text in (column.name, column.label) if text):
            found = re.search(r"[(\[]([^)\]]+)[)\]]", f"{column.label} {column.name}")
            return code, found[1] if found else unit
    return None


def _guess(domain: str, one: Profile) -> Guess | None:
    """The best guess, its confidence weighed by the values."""
    name = _cdash(one.column.name)
    try:
        known = name in metadata.domain(domain)
    except UnknownNameError:
        known = False
    if known and not name.endswith("SEQ"):
        word = "date" if name.endswith("DTC") else "assign_ct" if forms_codes.codelist_of(domain, name) else "assign"
        guess: Guess | None = Guess(name, word, 0.95, f"its name is that of {name}")
    else:
        guess = forms_guesses.variable_of(domain, one.column.name, one.column.label)
        if guess is None and one.type == "date" and domain in forms_guesses.COLLECTED:
            guess = Guess(
                forms_guesses.COLLECTED[domain], "date", 0.6, "it holds dates, and the form has a date of collection"
            )
    if guess is None:
        return None
    fits = one.type == "date" if guess.word == "date" else one.type != "date"
    if fits:
        return Guess(
            guess.variable, guess.word, min(guess.confidence + 0.05, 1.0), f"{guess.reason}; its values are {one.type}s"
        )
    return Guess(guess.variable, guess.word, guess.confidence - 0.4, f"{guess.reason}; but its values are {one.type}s")


# --- the text ---------------------------------------------------------------------------------------------------------


def _block(one: Drafted, codes: dict[str, dict[str, str]]) -> Iterator[str]:
    if one.domain is None:
        yield f"  # {one.form.name}: its name does not tell the domain; not mapped:"
        yield from (f"  #{line[5:]}" for line in _unmapped(one.profiles))
        return
    if not (one.guesses or one.tests or (one.domain == "DM" and one.subject)):
        yield f"  # {one.form.name}: {one.domain}, as {one.why}; no column is known; not mapped:"
        yield from (f"  #{line[5:]}" for line in _unmapped(one.profiles))
        return
    yield f"  - domain: {one.domain}  # {one.why}"
    yield f"    from: {_name(one.form.name)}"
    yield "    variables:"
    if one.domain == "DM" and one.subject:
        yield f"      SUBJID: {_q(one.subject)}"
    if one.visit and "VISITNUM" in metadata.domain(one.domain):
        yield f"      VISITNUM: {{assign_ct: {_q(one.visit)}, codes: VISITS}}"
    for profile, guess in one.guesses:
        line = _line(one, profile, guess, codes)
        mark = "" if guess.confidence >= LEAST else "# "
        yield f"      {mark}{guess.variable}: {line}  # {guess.confidence:.2f}: {guess.reason}"
    if one.tests:
        yield "    each:"
        for profile, code, unit in one.tests:
            column = profile.column.name
            prefix = one.domain
            said = f"{prefix}TESTCD: {_constant(code)}, {prefix}ORRES: {_q(column)}"
            said += f", {prefix}ORRESU: {_constant(unit)}" if unit else ""
            when = json.dumps(f"[{column}] is given", ensure_ascii=False)
            yield f"      - {{when: {when}, variables: {{{said}}}}}  # 0.80: its name is {column!r}"
    yield from _unmapped(one.unknown)


def _unmapped(found: list[Profile]) -> Iterator[str]:
    for profile in found:
        what = f"{profile.type}, {profile.filled} filled, {profile.distinct} different"
        label = f" ({profile.column.label})" if profile.column.label not in ("", profile.column.name) else ""
        yield f"      # not mapped: {profile.column.name}{label}: {what}"


def _line(one: Drafted, profile: Profile, guess: Guess, codes: dict[str, dict[str, str]]) -> str:
    column = _q(profile.column.name)
    if guess.word == "date":
        return f"{{date: {column}}}"
    if guess.word == "assign_ct":
        domain = str(one.domain)
        table = _table(domain, guess.variable, profile)
        if table:
            name = f"{domain}_{guess.variable.removeprefix('SUPP.')}"
            codes[name] = table
            return f"{{assign_ct: {column}, codes: {name}}}"
        if forms_codes.codelist_of(domain, guess.variable) is None:
            return f"{{assign: {column}}}"
        return f"{{assign_ct: {column}}}"
    if guess.variable.startswith("SUPP."):
        return f"{{assign: {column}, label: {_q(profile.column.label or profile.column.name)}}}"
    return f"{{assign: {column}}}"


def _table(domain: str, variable: str, profile: Profile) -> dict[str, str]:
    """A code table where the source's texts are not the codelist's own: value -> text; empty where none is needed."""
    code = forms_codes.codelist_of(domain, variable)
    if code is None or profile.distinct > 40:
        return {}
    known = forms_codes.of_codelist(code)
    texts = dict.fromkeys([*profile.column.codes, *(text for text, _ in profile.frequent)])
    table: dict[str, str] = {}
    needed = False
    for text in texts:
        if text in profile.missing or text.startswith("-"):
            continue
        label = profile.column.codes.get(text, text)
        value = known.value(label)
        if isinstance(value, Doubt):
            word = forms_guesses.WORDS.get(plain(label)) or {"ja": "Y", "yes": "Y", "nee": "N", "no": "N"}.get(
                plain(label)
            )
            value = word if word is not None and word in known.write else value
        if isinstance(value, Doubt):
            continue
        needed = needed or isinstance(known.value(text), Doubt) or known.value(text) != value
        table.setdefault(value, text)
    return table if needed else {}


def _reading(forms: list[Drafted]) -> Iterator[str]:
    """The centre's habits, where dates and numbers tell them."""
    every = [one for form in forms for one in form.profiles]
    orders = [one.order for one in every if one.order is not None]
    commas = [one.comma for one in every if one.comma is not None]
    missing = sorted({text for one in every for text in one.missing})
    missing += sorted(
        {
            code
            for one in every
            for code, label in one.column.codes.items()
            if plain(label) in ("unknown", "no information", "not done", "onbekend")
        }
    )
    said = []
    if orders:
        said.append(f"dates: {max(set(orders), key=orders.count)}")
    if commas:
        said.append(f"decimal: {'comma' if sum(commas) * 2 > len(commas) else 'point'}")
    if missing:
        said.append(f"missing: [{', '.join(_q(one) for one in dict.fromkeys(missing))}]")
    if said:
        yield f"reading: {{{', '.join(said)}}}  # as {len(orders)} date and {len(commas)} number columns tell"


def _subject_reason(forms: list[Drafted], subject: str) -> str:
    having = sum(one.subject == subject for one in forms)
    return f"{having} of {len(forms)} tables have it"


def _keys(one: Drafted) -> tuple[tuple[str, ...], str]:
    """The fewest of the usual key columns that tell all records apart."""
    usual = [one.subject, one.visit]
    usual += [each.column.name for each in one.profiles if re.search(r"repeat_instance|RepeatKey$", each.column.name)]
    usual += [
        each.column.name
        for each in one.profiles
        if re.search(r"lesion|laesie|^(no|nr|number)\.?$", plain(each.column.name))
    ]
    columns = [name for name in dict.fromkeys(usual) if name is not None]
    for size in range(1, len(columns) + 1):
        keys = columns[:size]
        seen = {tuple(record.text(name) for name in keys) for record in one.form.records}
        if one.form.records and len(seen) == len(one.form.records):
            return tuple(keys), "they tell all its records apart"
    return (), "no key columns tell its records apart"


def _visits(forms: list[Drafted]) -> Iterator[str]:
    """The visits' names as they stand, numbered in the order met: the numbers are to be looked at."""
    names: dict[str, None] = {}
    for one in forms:
        if one.visit is not None:
            names.update(dict.fromkeys(text for record in one.form.records if (text := record.text(one.visit))))
    if not names:
        return
    yield "visits:"
    yield "  planned:  # numbered as they were met: give the protocol's numbers and days"
    for number, name in enumerate(names, 1):
        yield f"    - {{number: {number}, name: {_q(name)}}}"


def _name(form: str) -> str:
    """A form's name as a key of the study file."""
    return re.sub(r"\W+", "_", form).strip("_").lower() or "form"


def _constant(value: str) -> str:
    """A hardcoded text, in short: a text in single quotes within YAML's own."""
    return json.dumps(f"'{value}'", ensure_ascii=False)


def _q(text: Any) -> str:
    """A text as YAML has it: quoted where it must be."""
    given = str(text)
    plain_text = re.fullmatch(r"[A-Za-z_][\w ./]*", given)
    return (
        given
        if plain_text and plain(given) not in ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
        else json.dumps(given, ensure_ascii=False)
    )
