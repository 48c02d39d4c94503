"""Makes faulty resources from valid ones: 354 mutants of 15 kinds from mCODE's examples, always the same ones.

Each mutant breaks one thing that the definitions forbid. The maker reads the published snapshots as plain JSON and
nothing of the validator: it must not know how that works. Kinds and numbers are those of an earlier comparison of
validators, so that the table in docs/profiles.md can be read beside it.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass

SEED = 20260806
PER_KIND = 25
FEWER = {"required mCODE binding": 4}
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"


@dataclass(frozen=True)
class Mutant:
    """A faulty resource: its kind, the example it was made of, what was done to it."""

    kind: str
    source: str
    change: str
    resource: dict


def mutants(examples, profiles, types):
    """The mutants of `examples` (name -> resource); `profiles` and `types` are StructureDefinitions by URL and by type.

    Candidates of a kind are collected in order of the examples, then drawn at random with a fixed seed.
    """
    dice = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    made = []
    for kind, make in KINDS.items():
        candidates = []
        for name, resource in sorted(examples.items()):
            profile = _profile(resource, profiles)
            if profile is None:
                continue
            for change, mutated in make(resource, profile, types[resource["resourceType"]]):
                candidates.append(Mutant(kind, name, change, mutated))
        made += dice.sample(candidates, min(FEWER.get(kind, PER_KIND), len(candidates)))
    return made


def _profile(resource, profiles):
    """The mCODE profile an example claims."""
    claimed = resource.get("meta", {}).get("profile", ())
    return next((profiles[url] for url in claimed if url.startswith(MCODE) and url in profiles), None)


def _elements(definition):
    return definition["snapshot"]["element"]


def _of(definition, path):
    """The elements of a path that are no slices."""
    return next((one for one in _elements(definition) if one["id"] == path), None)


def _changed(resource, change):
    """A copy with a change made to it in place."""
    made = copy.deepcopy(resource)
    change(made)
    return made


def _top(definition):
    """The elements right below the root, without slices: (JSON name or stem, element)."""
    kind = definition["type"]
    for one in _elements(definition)[1:]:
        if one["id"].count(".") == 1 and ":" not in one["id"]:
            yield one["id"].removeprefix(f"{kind}."), one


def _keys(resource, name):
    """The JSON keys under which an element stands."""
    if name.endswith("[x]"):
        stem = name[:-3]
        return [key for key in resource if key.startswith(stem) and key[len(stem) :][:1].isupper()]
    return [name] if name in resource else []


def _without(resource, *keys):
    return {key: value for key, value in resource.items() if key not in keys and key.removeprefix("_") not in keys}


# --- the kinds --------------------------------------------------------------------------------------------------------


def remove_base_required(resource, _profile, base):
    """An element that FHIR itself requires."""
    for name, element in _top(base):
        keys = _keys(resource, name)
        if element["min"] > 0 and keys:
            yield f"without {name}", _without(resource, *keys)


def remove_profile_required(resource, profile, base):
    """An element that only the profile requires."""
    loose = {name for name, element in _top(base) if element["min"] == 0}
    for name, element in _top(profile):
        keys = _keys(resource, name)
        if element["min"] > 0 and name in loose and keys:
            yield f"without {name}", _without(resource, *keys)


def wrong_pattern(resource, profile, _base):
    """Another code than the profile's pattern."""
    for name, element in _top(profile):
        pattern = element.get("patternCodeableConcept") or element.get("fixedCodeableConcept")
        for key in _keys(resource, name) if pattern else ():
            if isinstance(resource[key], dict) and "coding" in resource[key]:
                wrong = [{**one, "code": "424242"} for one in resource[key]["coding"]]
                yield f"{key} of another code", {**resource, key: {**resource[key], "coding": wrong}}


def string_for_object(resource, _profile, base):
    """Text where an object or array stands."""
    for name, _ in _top(base):
        for key in _keys(resource, name):
            if isinstance(resource[key], (dict, list)) and key not in {"meta", "text"}:
                yield f"{key} as text", {**resource, key: "text"}


def forbidden_type(resource, profile, base):
    """A type of a choice that FHIR allows and the profile does not."""
    samples = {"string": "text", "integer": 7, "boolean": True, "time": "12:00:00"}
    for name, element in _top(profile):
        if not name.endswith("[x]") or element["max"] == "0":
            continue
        allowed = {one["code"] for one in element["type"]}
        wider = {one["code"] for one in _of(base, element["id"])["type"]}
        for code, value in samples.items():
            keys = _keys(resource, name)
            if code in wider - allowed and keys:
                key = name[:-3] + code[0].upper() + code[1:]
                yield f"{keys[0]} as {key}", {**_without(resource, *keys), key: value}


def unknown_top(resource, _profile, _base):
    """An element at the top that no type has."""
    yield "colour", {**resource, "colour": "red"}


def unknown_nested(resource, _profile, base):
    """An element further down that no type has."""
    for name, _ in _top(base):
        for key in _keys(resource, name):
            value = resource[key]
            if key in {"text", "contained", "extension"}:
                continue
            if isinstance(value, dict):
                yield f"{key}.colour", {**resource, key: {**value, "colour": "red"}}
            elif isinstance(value, list) and isinstance(value[0], dict):
                yield f"{key}[0].colour", {**resource, key: [{**value[0], "colour": "red"}, *value[1:]]}


def base_invariant(resource, _profile, _base):
    """An invariant of FHIR itself."""
    kind = resource["resourceType"]
    if kind == "Observation" and _keys(resource, "value[x]"):
        yield "obs-6", {**resource, "dataAbsentReason": {"text": "unknown"}}
    if kind == "Observation" and "valueQuantity" in resource and "code" in resource["valueQuantity"]:
        yield "qty-3", {**resource, "valueQuantity": _without(resource["valueQuantity"], "system")}
    if kind == "Observation":
        yield "obs-3", {**resource, "referenceRange": [{"type": {"text": "normal"}}]}
    period = {"start": "2020-05-02", "end": "2020-05-01"}
    if kind == "Procedure":
        yield "per-1", {**_without(resource, *_keys(resource, "performed[x]")), "performedPeriod": period}
    if kind == "Patient":
        yield "pat-1", {**resource, "contact": [{"gender": "female"}]}
    if kind == "Condition":
        yield "con-1", {**resource, "stage": [{"type": {"text": "clinical"}}]}
        yield "con-4", {**resource, "abatementDateTime": "2020-01-01", "clinicalStatus": _clinical("active")}
    if kind == "MedicationAdministration":
        yield "mad-1", {**resource, "dosage": {"text": "one"}}
    for key in ("subject", "patient"):
        if key in resource:
            yield "ref-1", {**resource, key: {"reference": "#nowhere"}}
    extension = {"url": "https://example.org/x"}
    yield "ext-1", {**resource, "extension": [*resource.get("extension", ()), extension]}
    yield "dom-3", {**resource, "contained": [{"resourceType": "Organization", "id": "lonely", "name": "x"}]}


def _clinical(code):
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    return {"coding": [{"system": system, "code": code}]}


def profile_invariant(resource, profile, _base):
    """An invariant that the profile adds."""
    keys = {one["key"] for element in _elements(profile) for one in element.get("constraint", ())}
    values = _keys(resource, "value[x]")
    if keys & {"us-core-1", "vs-1"} and "effectiveDateTime" in resource:
        yield "us-core-1", {**resource, "effectiveDateTime": "2019-05"}
    if keys & {"us-core-2", "vs-2"} and values and not {"component", "hasMember"} & resource.keys():
        yield "us-core-2", _without(resource, *values)
    if "us-core-6" in keys and resource.get("name"):
        yield "us-core-6", {**resource, "name": [{"use": "official"}]}
    if "us-core-7" in keys and resource.get("status") in {"completed", "in-progress"}:
        yield "us-core-7", _without(resource, *_keys(resource, "performed[x]"))
    if "us-core-21" in keys and resource.get("intent") == "order":
        yield "us-core-21", _without(resource, "requester")
    if "must-have-focus-or-specimen-invariant" in keys:
        yield "must-have-focus-or-specimen", _without(resource, "focus", "specimen")
    if "mcode-description-or-id-required" in keys:
        yield "mcode-description-or-id-required", _without(resource, "description", "identifier")
    if "termination-reason-invariant" in keys and resource.get("status") == "completed":
        reason = {"coding": [{"system": "http://snomed.info/sct", "code": "182992009"}]}
        many = resource["resourceType"] == "MedicationAdministration"
        yield "termination-reason-invariant", {**resource, "statusReason": [reason] if many else reason}
    if "us-core-3" in keys and "valueQuantity" in resource:
        yield "us-core-3", {**resource, "valueQuantity": {**resource["valueQuantity"], "system": "https://example.org"}}


def core_binding(resource, _profile, base):
    """A code outside a value set that FHIR requires."""
    for name, element in _top(base):
        binding = element.get("binding", {})
        for key in _keys(resource, name):
            if binding.get("strength") == "required" and isinstance(resource[key], str) and key != "language":
                yield f"{key} outside", {**resource, key: "bogus"}


def mcode_binding(resource, profile, _base):
    """A code outside a value set that mCODE requires and that lists its codes."""
    name = profile["id"]
    wrong = {"coding": [{"system": "http://snomed.info/sct", "code": "424242"}]}
    if name == "mcode-tumor-size":
        for number, one in enumerate(resource.get("component", ())):
            if "valueQuantity" in one:
                worse = {**one, "valueQuantity": {**one["valueQuantity"], "unit": "ft", "code": "[ft_i]"}}
                components = [*resource["component"][:number], worse, *resource["component"][number + 1 :]]
                yield f"component[{number}] in feet", {**resource, "component": components}
    if name == "mcode-rhabdomyosarcoma-risk-assessment" and "valueCodeableConcept" in resource:
        yield "value outside", {**resource, "valueCodeableConcept": wrong}
    if name == "mcode-lymphoma-stage" and "method" in resource:
        yield "method outside", {**resource, "method": wrong}


def slice_missing(resource, profile, _base):
    """Every member of a slice that must be there."""
    for path, slice_element, members in _sliced(resource, profile):
        if slice_element["min"] > 0 and members:
            rest = [one for number, one in enumerate(resource[path]) if number not in members]
            made = {**resource, path: rest} if rest else _without(resource, path)
            yield f"{path}:{slice_element['sliceName']} taken away", made


def slice_too_many(resource, profile, _base):
    """One member more than a slice may have."""
    for path, slice_element, members in _sliced(resource, profile):
        if slice_element["max"] == "1" and members:
            twice = [*resource[path], copy.deepcopy(resource[path][members[0]])]
            yield f"{path}:{slice_element['sliceName']} twice", {**resource, path: twice}


def _sliced(resource, profile):
    """Slices of lists right below the root with the members that fall into them, by url or by a pattern or fixed value."""
    kind = profile["type"]
    for one in _elements(profile):
        if one["id"].count(".") != 1 or "sliceName" not in one or "[x]" in one["id"] or "/" in one["sliceName"]:
            continue
        path = one["path"].removeprefix(f"{kind}.")
        listed = resource.get(path)
        if isinstance(listed, list):
            yield path, one, [number for number, each in enumerate(listed) if _falls(each, one, profile)]


def _falls(value, slice_element, profile):
    if slice_element["path"].endswith("xtension"):
        return any(value.get("url") in one.get("profile", ()) for one in slice_element.get("type", ()))
    own = [one for one in _elements(profile) if one["id"].startswith(slice_element["id"])]
    for one in own:
        given = next((one[key] for key in one if key.startswith(("pattern", "fixed"))), None)
        if given is None:
            continue
        names = one["id"].removeprefix(slice_element["id"]).strip(".").split(".")
        return _has(value, [name for name in names if name], given)
    return False


def _has(value, names, given):
    if names:
        inner = value.get(names[0], ()) if isinstance(value, dict) else ()
        return any(_has(one, names[1:], given) for one in (inner if isinstance(inner, list) else [inner]))
    if isinstance(given, dict):
        return isinstance(value, dict) and all(key in value and _has(value[key], [], one) for key, one in given.items())
    if isinstance(given, list):
        return isinstance(value, list) and all(any(_has(each, [], one) for each in value) for one in given)
    return value == given


def wrong_reference(resource, _profile, base):
    """A reference to a resource of a type that FHIR does not allow there."""
    for name, element in _top(base):
        targets = [url for one in element.get("type", ()) for url in one.get("targetProfile", ())]
        if not targets or any(url.endswith(("/Resource", "/SearchParameter")) for url in targets):
            continue
        wrong = {"reference": "SearchParameter/example"}
        for key in _keys(resource, name):
            value = resource[key]
            if isinstance(value, dict) and "reference" in value:
                yield f"{key} elsewhere", {**resource, key: wrong}
            elif isinstance(value, list) and "reference" in value[0]:
                yield f"{key}[0] elsewhere", {**resource, key: [wrong, *value[1:]]}


def bad_date(resource, _profile, base):
    """A date that does not exist."""
    for name, element in _top(base):
        if {one["code"] for one in element.get("type", ())} & {"date", "dateTime", "instant"}:
            for key in _keys(resource, name):
                if isinstance(resource[key], str) and resource[key][:4].isdigit():
                    yield f"{key} 2019-13-45", {**resource, key: "2019-13-45"}


KINDS = {
    "remove base-required": remove_base_required,
    "remove profile-required": remove_profile_required,
    "wrong pattern code": wrong_pattern,
    "string for object": string_for_object,
    "type of a choice that the profile forbids": forbidden_type,
    "unknown top element": unknown_top,
    "unknown nested element": unknown_nested,
    "base invariant broken": base_invariant,
    "profile invariant broken": profile_invariant,
    "required core binding": core_binding,
    "required mCODE binding": mcode_binding,
    "slice missing": slice_missing,
    "slice too many": slice_too_many,
    "reference to wrong type": wrong_reference,
    "bad date": bad_date,
}
