"""Which elements hold an age that must go because the record they make in SDTM says so.

The tables lose what their row says; the resource of that row must lose the same, whichever of its elements tell it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.converters.generic import from_basic
from trialbridge.sdtm.deidentify_ages import cell_said, goes, qualifier_said, result_said, results

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from trialbridge.base.deidentify_ages import AgeRules
    from trialbridge.converters.context import Context
    from trialbridge.converters.to_sdtm import ToSdtm
    from trialbridge.fhir.located import Resource
    from trialbridge.mappings.kit import Row


def aged(
    resources: Iterable[Resource], before: ToSdtm, ctx: Context, rules: AgeRules, old: AbstractSet[str]
) -> frozenset[int]:
    """The id() of the Observations and components whose result goes, and of the carried variables that go with it.

    A row that travelled as it is goes whole (the id() of its Basic) where it is a qualifier's.
    """
    found: set[int] = set()
    for source in before.sources:
        home = source.primary if source.each is None else source.each
        row = source.record.row
        if _result_goes(source.mapping.domain, row, rules, old):
            found |= {id(home), *_carriers(home, results(source.mapping.domain), ctx)}
    for resource in resources:
        kept = from_basic(resource, ctx) if resource.get("resourceType") == "Basic" else None
        if kept is None:
            continue
        dataset, row = kept
        if "QNAM" in row:
            value = row.get("QVAL")
            said = qualifier_said(_text(row, "QNAM"), _text(row, "QLABEL"), value, rules)
            found |= {id(resource)} if goes(*said, value, row.get("USUBJID") in old) else set()
            continue
        gone = [*results(dataset[:2])] if _result_goes(dataset[:2], row, rules, old) else []
        gone += [name for name in row if _goes(row, name, rules, old)]
        found |= set(_carriers(resource, gone, ctx))
    return frozenset(found)


def _result_goes(domain: str, row: Row, rules: AgeRules, old: AbstractSet[str]) -> bool:
    values = [row.get(one) for one in results(domain) if row.get(one) is not None]
    return bool(values) and goes(*result_said(domain, row, rules), values, row.get("USUBJID") in old)


def _goes(row: Row, name: str, rules: AgeRules, old: AbstractSet[str]) -> bool:
    return goes(*cell_said(name, row[name], _text(row, "AGEU"), rules), row[name], row.get("USUBJID") in old)


def _text(row: Row, name: str) -> str | None:
    value: Any = row.get(name)
    return value if isinstance(value, str) else None


def _carriers(home: Resource, names: Iterable[str], ctx: Context) -> Iterator[int]:
    """The id() of the extensions that carry those variables."""
    wanted, url = set(names), ctx.url("x-sdtm-variable")
    for one in home.get("extension") or ():
        if isinstance(one, dict) and one.get("url") == url:
            inside = {part.get("url"): part for part in one.get("extension") or ()}
            if inside.get("name", {}).get("valueCode") in wanted:
                yield id(one)
