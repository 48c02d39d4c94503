"""A dataset with its supplemental qualifiers as columns, as `records.joined` attaches them to its rows."""

from __future__ import annotations

from collections import Counter
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

import numpy as np

from trialbridge.converters.by_element.rows import Columns, UnfitError
from trialbridge.converters.carry import Qualifier
from trialbridge.converters.records import SUPP, Record, filled
from trialbridge.mappings.spellings import number_text

if TYPE_CHECKING:
    from trialbridge.converters.by_element.rows import Column
    from trialbridge.sdtm.table import Table


def with_qualifiers(one: Table, supp: Table | None) -> tuple[Columns, list[Record]]:
    """A dataset with its qualifiers as columns, and the rows of SUPP-- that stay loose; as `records.joined` has it."""
    plain = Columns(one.frame)
    if supp is None:
        return plain, []
    domain = supp.name[4:6]
    homes: dict[Any, int | None] = {}
    texts = [None if cell is None else number_text(cell) for cell in plain.column(f"{domain}SEQ")[1]]
    sequences = [texts[code] for code in plain.column(f"{domain}SEQ")[0].tolist()]
    for at, key in enumerate(zip(plain.cells("USUBJID"), sequences, strict=True)):
        homes[key] = None if key in homes else at
    fits = set(supp.frame.columns) <= set(SUPP)
    nothing: list[Any] = [None] * supp.frame.height
    of = {name: supp.frame[name].to_list() if name in supp.frame.columns else nothing for name in SUPP}
    wanted = f"{domain}SEQ"
    keys: list[Any] = [
        (usubjid, value) if variable == wanted and of_domain == domain else ()
        for usubjid, value, variable, of_domain in zip(
            of["USUBJID"], of["IDVARVAL"], of["IDVAR"], of["RDOMAIN"], strict=True
        )
    ]
    times = Counter(zip(keys, of["QNAM"], strict=True))
    studies = plain.cells("STUDYID")
    loose: list[Record] = []
    found: dict[str, tuple[dict[Any, int], list[tuple[int, int]]]] = {}
    last: dict[int, str] = {}
    before: dict[str, set[str]] = {}
    its = zip(of["QNAM"], of["STUDYID"], of["QVAL"], of["QLABEL"], of["QORIG"], of["QEVAL"], strict=True)
    for number, (key, (name, study, *told)) in enumerate(zip(keys, its, strict=True)):
        home = homes.get(key) if fits and times[key, name] == 1 else None
        if home is None or name is None or study != studies[home] or not isinstance(told[0], str):
            loose.append(Record(supp.name, number + 1, filled(supp.frame.row(number, named=True))))
            continue
        after = before.setdefault(name, set())
        if home in last:
            after.add(last[home])
        last[home] = name
        codes, cells = found.setdefault(name, ({}, []))
        cells.append((home, codes.setdefault(tuple(told), len(codes))))
    further: dict[str, Column] = {}
    qualified: dict[str, Column] = {}
    for name in _in_one_order(before):
        codes, cells = found[name]
        column = np.full(one.frame.height, len(codes), dtype=np.int64)
        for home, code in cells:
            column[home] = code
        further[f"SUPP.{name}"] = (column, [*(one[0] for one in codes), None])
        qualifiers = [Qualifier(name, *one) for one in codes]
        qualified[f"=SUPP.{name}"] = (column, [*qualifiers, None])
    columns = Columns(one.frame, further)
    for name, column_of in qualified.items():
        columns.put(name, column_of)
    return columns, loose


def _in_one_order(before: dict[str, set[str]]) -> list[str]:
    """Qualifiers in an order that all records have them in; `before` has what stands right before each."""
    try:
        return list(TopologicalSorter(before).static_order())
    except CycleError:
        raise UnfitError("qualifiers in several orders") from None
