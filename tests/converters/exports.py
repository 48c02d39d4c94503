"""Exports for tests: resources laid down as NDJSON, in any order; resources changed as a server might send them."""

from __future__ import annotations

import json
import random

from trialbridge.fhir.files import write
from trialbridge.fhir.jsontext import encode


def laid(resources, folder, *, shuffled=False):
    """Resources as NDJSON files, in any order if wanted."""
    listed = list(resources)
    if shuffled:
        random.Random(7).shuffle(listed)  # noqa: S311 - seeded
    write(listed, folder, "ndjson", "R4")
    return sorted(folder.glob("*.ndjson"))


def changed(resource, chance):
    """A resource as a server might send it: something left out, doubled, empty, wrong, or new.

    It still names its subject: what belongs to nobody is read apart from the subjects' resources, by intent.
    """
    owner = {"resourceType", "id", "subject", "patient", "individual"}
    changed = json.loads(encode(resource))
    places = []

    def walk(element):
        for key, value in element.items() if isinstance(element, dict) else enumerate(element):
            if element is changed and key in owner:
                continue
            places.append((element, key))
            if isinstance(value, dict | list):
                walk(value)

    walk(changed)
    element, key = chance.choice(places)
    value = element[key]
    match chance.randrange(14):
        case 0:
            del element[key]
        case 1:
            element[key] = chance.choice(["", "x", "2019", 7, 1.5, True, None, [], {}, [{}], {"text": "|"}])
        case 2 if isinstance(element, list):
            element.append(value)
        case 3 if isinstance(element, list):
            element.insert(0, chance.choice([{"url": "x"}, {"system": "x", "value": "a|b|c|3"}, "text", None]))
        case 4 if isinstance(value, str):
            element[key] = value + chance.choice([" ", '"', "\\", "|", "|9", "é", "\n", "9"])
        case 5:
            changed["status"] = chance.choice(["entered-in-error", "cancelled", "unknown", 3])
        case 6:
            changed["contained"] = [{"resourceType": "Encounter", "id": "in"}]
            changed["encounter"] = {"reference": "#in"}
        case 7 if isinstance(value, str):
            changed[f"_{chance.choice(list(changed))}"] = {"extension": [{"url": "u", "valueString": "v"}]}
        case 8:
            changed.pop(chance.choice([one for one in changed if one not in owner] or ["meta"]), None)
        case 9:
            changed = {key: changed[key] for key in reversed(changed)}
        case 10 if isinstance(value, str) and "|" in value:
            element[key] = value.rpartition("|")[0] + chance.choice(["|x", "|7", "|07", "|", "|1|2", ""])
        case 11 if "subject" in changed:
            changed["subject"] = (
                chance.choice([{"display": "x"}, {"type": "Patient"}, {"id": "x"}]) | changed["subject"]
            )
        case 12:
            changed["modifierExtension"] = [{"url": "http://example.org/x", "valueBoolean": True}]
        case _:
            changed["id"] = changed.get("id", "x")[:3]  # several of one id, perhaps
    return changed
