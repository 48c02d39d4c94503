"""The names of its interventions at each arm, which API v2 repeats there and the XML formats do not."""

from __future__ import annotations

from typing import Any

from trialbridge.registry.content import items, put, text, texts
from trialbridge.registry.enums import enumeration


def name_interventions(protocol: dict[str, Any]) -> None:
    """Give each arm the names of its interventions (`Radiation: Radiotherapy`), from the arms the interventions name."""
    shown = enumeration("InterventionType").writes["public"]
    for arm in items(protocol, "armsInterventionsModule.armGroups"):
        names = [
            f"{shown.get(text(one, 'type'), text(one, 'type'))}: {text(one, 'name')}"
            for one in items(protocol, "armsInterventionsModule.interventions")
            if text(arm, "label") in texts(one, "armGroupLabels")
        ]
        if names and isinstance(arm, dict):
            put(arm, "interventionNames", names)
