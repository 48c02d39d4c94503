"""The SDTM package a study came in: its standard, and each dataset's label and variables, kept on the ResearchStudy.

Columns without a value, their order, labels and lengths belong to the data a sponsor delivered; they come home by the
`sdtm-package` extension. Arms are kept in the study too, for R4's arms know no code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.mappings.dm import arm_id
from trialbridge.sdtm.table import Variable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialbridge.converters.context import Context
    from trialbridge.mappings.kit import Resource
    from trialbridge.sdtm.table import Study, Table


@dataclass(frozen=True, slots=True)
class Declared:
    """A dataset as its package declared it."""

    name: str
    label: str
    variables: tuple[Variable, ...]
    columns: frozenset[str] = field(init=False, compare=False)
    """The names of its variables."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", frozenset(one.name for one in self.variables))


@dataclass(frozen=True, slots=True)
class Package:
    """A package: standard, version, CT package, and its datasets by name."""

    standard: str
    version: str
    ct: str
    datasets: dict[str, Declared]


def package_extension(study: Study, url: str) -> Resource:
    """The `sdtm-package` extension that describes a study's tables."""
    inside: list[Resource] = [
        {"url": "standard", "valueString": study.standard},
        {"url": "version", "valueString": study.version},
    ]
    if study.ct:
        inside.append({"url": "ct", "valueString": study.ct})
    inside.extend({"url": "dataset", "extension": list(_dataset(table))} for table in study)
    return {"url": url, "extension": inside}


def _dataset(table: Table) -> Iterable[Resource]:
    yield {"url": "name", "valueString": table.name}
    if table.label:
        yield {"url": "label", "valueString": table.label}
    for variable in table.variables:
        inside: list[Resource] = [
            {"url": "name", "valueString": variable.name},
            {"url": "type", "valueCode": variable.type},
        ]
        if variable.label:
            inside.append({"url": "label", "valueString": variable.label})
        if variable.length is not None:
            inside.append({"url": "length", "valuePositiveInt": variable.length})
        yield {"url": "variable", "extension": inside}


def package_of(study: Resource, url: str) -> Package | None:
    """The package that a ResearchStudy describes, or None."""
    for one in study.get("extension") or ():
        if isinstance(one, dict) and one.get("url") == url:
            parts = one.get("extension") or ()
            described = [part.get("extension") or () for part in parts if part.get("url") == "dataset"]
            datasets = [_declared(part) for part in described if "name" in _plain(part)]
            about = _plain(parts)
            return Package(
                str(about.get("standard", "SDTMIG")),
                str(about.get("version", "3.4")),
                str(about.get("ct", "")),
                {dataset.name: dataset for dataset in datasets},
            )
    return None


def _declared(parts: Iterable[Resource]) -> Declared:
    about = _plain(parts)
    variables = []
    for part in parts:
        if part.get("url") == "variable":
            of = _plain(part.get("extension") or ())
            if "name" not in of:
                continue
            variables.append(
                Variable(
                    str(of["name"]),
                    str(of.get("label", "")),
                    "Num" if of.get("type") == "Num" else "Char",
                    of.get("length"),
                )
            )
    return Declared(str(about["name"]), str(about.get("label", "")), tuple(variables))


def _plain(parts: Iterable[Resource]) -> dict[str, Any]:
    """Value by url of the simple extensions among `parts`."""
    return {part["url"]: value for part in parts for key, value in part.items() if key.startswith("value")}


def add_arms(study: Resource, studyid: str, ctx: Context) -> None:
    """Write the arms that DM's rows named into the study."""
    arms = {name: code for (of, name), code in ctx.facts("arm").items() if of == studyid}
    made = []
    for name, code in sorted(arms.items()):
        arm: Resource = {} if code is None else {"extension": [{"url": ctx.url("x-armcd"), "valueString": code}]}
        if ctx.release == "R5":
            arm["linkId"] = arm_id(name)
        made.append({**arm, "name": name})
    if made:
        study["arm" if ctx.release == "R4" else "comparisonGroup"] = made


def learn_arms(study: Resource, studyid: str, ctx: Context) -> None:
    """Read the arms of a study: name to ARMCD, and the comparison group's link to its name."""
    for arm in [*(study.get("arm") or ()), *(study.get("comparisonGroup") or ())]:
        name = arm.get("name")
        codes = [one.get("valueString") for one in arm.get("extension") or () if one.get("url") == ctx.url("x-armcd")]
        ctx.learn("arm", studyid, name, value=codes[0] if codes else None)
        if arm.get("linkId"):
            ctx.learn("arm name", arm["linkId"], value=name)
