"""What of FHIR is ours: identifiers, record identifiers and carried variables, as de-identification leaves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialbridge.base.deidentify import Action, Person, Tally
from trialbridge.fhir.deidentify import Surroundings
from trialbridge.fhir.located import name_of
from trialbridge.mappings.spellings import record_id, record_parts
from trialbridge.sdtm.deidentify import SdtmRules, cell
from trialbridge.sdtm.deidentify_ages import OF_BIRTH, cell_said, goes, qualifier_said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.base.pseudonyms import Key
    from trialbridge.converters.context import Context
    from trialbridge.converters.deidentify.rules import RuleSet
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.releases import Release


def surroundings(
    key: Key,
    rules: RuleSet,
    ctx: Context,
    people: Mapping[str, Person],
    old: set[str],
    ages: frozenset[int],
    tally: Tally,
    release: Release,
) -> Surroundings:
    """What the FHIR walk asks: new references, new identifiers, and what becomes of our own extensions.

    `old` are the subjects over the limit; `ages` has the id() of elements and of carried values that are ages to go.
    """
    fhir, sdtm = rules.for_fhir(), rules.for_sdtm()
    standing = fhir.study_resources - {"Practitioner"}

    def reference(text: str) -> str:
        target = ctx.resolve({"reference": text}) if "://" in text else None
        if target is not None and "id" in target:  # by its address, a resource that is here under its id
            text = name_of(target)
        kind, _, own = text.partition("/")
        if text.startswith("#") or kind in standing:
            return text
        if own and kind.isalpha():
            name = f"{kind}/{own.partition('/')[0]}"
            return f"{kind}/{key.uuid('id', name)}"
        return f"urn:uuid:{key.uuid('reference', text)}"

    def identifier(system: str, value: str, whose: Person | None) -> str | None:
        name = system.rpartition("/sid/")[2] if system.startswith(f"{ctx.base}/sid/") else ""
        action = fhir.identifiers.get(name) if name else None
        if action is None and whose is None:
            return value
        if action is Action.KEEP:
            return value
        return _own_identifier(name, value, whose, key, people) if action is Action.PSEUDONYM else None

    def variable(one: Resource, top: Resource, whose: Person | None) -> Resource | None:
        if id(one) in ages or _tells_age(one, whose, sdtm, old):
            tally.add(f"extension {one['url']}", "age")
            return _emptied(one)
        return _carried(one, top, whose, sdtm, people, key)

    special = {
        ctx.url("x-sdtm-variable"): variable,
        ctx.url("x-sdtm-dtc"): _literal_date,
        ctx.url("x-sdtm-record"): lambda one, _top, whose: _record(one, whose, people),
        **{ctx.url(f"x-{name}"): _as_it_is for name in ("sdtm-orres", "sdtm-package", "meddra-level", "armcd")},
    }
    return Surroundings(fhir, release, tally, reference, identifier, special, old, ages)


def _own_identifier(name: str, value: str, whose: Person | None, key: Key, people: Mapping[str, Person]) -> str | None:
    """The pseudonym of an identifier in one of our systems."""
    if name == "usubjid":
        return people[value].pseudonym if value in people else None
    if name == "subjid":
        return whose.pseudonym.rpartition("-")[2] if whose else None
    if name == "sdtm-record":
        return _record_value(value, whose, people)
    return key.code({"spid": "SPID", "refid": "REFID", "invid": "INVID"}.get(name, name), value)


def _record_value(value: str, whose: Person | None, people: Mapping[str, Person]) -> str | None:
    parts = record_parts(value)
    if parts is None:
        return None
    studyid, dataset, usubjid, last = parts
    known = people.get(usubjid)
    if dataset == "DM" and whose is not None:
        last = whose.pseudonym.rpartition("-")[2]
    return record_id(studyid, dataset, known.pseudonym if known else usubjid and None, last)


def _record(one: Resource, whose: Person | None, people: Mapping[str, Person]) -> Resource | None:
    given = one.get("valueIdentifier") or {}
    value = _record_value(str(given.get("value")), whose, people)
    return None if value is None else {**one, "valueIdentifier": {**given, "value": value}}


def _literal_date(one: Resource, _top: Resource, whose: Person | None) -> Resource | None:
    text = one.get("valueString")
    if whose is None or not isinstance(text, str):
        return dict(one)
    moved = whose.moved(text)
    return None if moved is None else {**one, "valueString": moved}


def _as_it_is(one: Resource, _top: Resource, _whose: Person | None) -> Resource:
    return dict(one)


def _tells_age(one: Resource, whose: Person | None, rules: SdtmRules, old: set[str]) -> bool:
    """Whether a carried variable or qualifier is an age that must go, or tells the birth of a subject who is too old."""
    inside = {part.get("url"): part for part in one.get("extension") or ()}
    name = str(inside.get("name", {}).get("valueCode"))
    value = next((part for key, part in inside.get("value", {}).items() if key.startswith("value")), None)
    if whose is None or value is None:
        return False
    too_old = whose.usubjid in old
    if inside.get("supplemental", {}).get("valueBoolean"):
        return goes(
            *qualifier_said(name, inside.get("label", {}).get("valueString"), value, rules.ages), value, too_old
        )
    if name in OF_BIRTH:
        return too_old
    return goes(*cell_said(name, value, None, rules.ages), value, too_old)


def _emptied(one: Resource) -> Resource:
    """A carried variable that is blank now."""
    return {**one, "extension": [dict(part) for part in one.get("extension") or () if part.get("url") != "value"]}


def _carried(
    one: Resource,
    top: Resource,
    whose: Person | None,
    rules: SdtmRules,
    people: Mapping[str, Person],
    key: Key,
) -> Resource:
    """A carried variable by the SDTM rule of its name; a qualifier's value as QVAL is treated."""
    if whose is None and _dataset(top) in rules.study_datasets:
        return dict(one)
    inside = [dict(part) for part in one.get("extension") or ()]
    parts = {part.get("url"): part for part in inside}
    name = str(parts.get("name", {}).get("valueCode"))
    value = parts.get("value")
    if value is None:
        return dict(one)
    if "valueString" in value:
        variable = "QVAL" if parts.get("supplemental", {}).get("valueBoolean") else name
        action = rules.action(variable[:2], variable)
        new = cell(variable, value["valueString"], whose.usubjid if whose else None, action, people, key.code)
        if new is None:
            inside.remove(value)
        else:
            value["valueString"] = new
    return {**one, "extension": inside}


def _dataset(basic: Resource) -> str | None:
    """The dataset a Basic resource carries a row of."""
    codings = (basic.get("code") or {}).get("coding") or ()
    return next((str(one.get("code")) for one in codings), None)
