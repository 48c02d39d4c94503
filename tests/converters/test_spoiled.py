"""Studies spoiled at random come home cell by cell: in memory, by groups of subjects, and from a bulk export.

Each seed empties and overwrites cells, doubles, shuffles and drops rows, columns and datasets of five subjects of the
example. The expectation is the spoiled study itself.
"""

from __future__ import annotations

import random
from dataclasses import replace

import polars as pl
import pytest

from trialbridge.converters import bulk, bulk_fhir
from trialbridge.converters.compare import compare_studies
from trialbridge.converters.study import to_fhir, to_sdtm
from trialbridge.sdtm.table import study

TEXTS = [" lead", "trail ", "ü€漢", "a|b", "|", "a\\b", 'q"q', "<a>&", "2020", "2020-13-01", "2020-01-01T25:00", "Y"]
TEXTS += ["UNK", "0", "-1", "1e5", "line\nbreak", "null", "NOT DONE", "CM", "%", "S" * 250, "\u3000", "\u200b"]
NUMBERS = [0.0, -0.0, 1e-10, 1.5, 12345678901234.5, -3.25, 1 / 3]


def _cell(values, kind, chance):
    """What stands in a cell instead."""
    dice = chance.random()
    if dice < 0.35:
        return None
    if kind == pl.Float64:
        return chance.choice(NUMBERS)
    return chance.choice(TEXTS if dice < 0.8 else values)


def _spoiled(one, chance):
    """A table with some of its cells, rows or columns changed."""
    frame = one.frame
    for _ in range(chance.randint(0, 6) if frame.height else 0):
        name = chance.choice(frame.columns)
        cells = frame[name].to_list()
        cells[chance.randrange(frame.height)] = _cell(cells, frame.schema[name], chance)
        frame = frame.with_columns(pl.Series(name, cells, dtype=frame.schema[name]))
    dice = chance.random()
    if dice < 0.08 and frame.height:
        frame = frame.sample(fraction=1.0, shuffle=True, seed=chance.randrange(99))
    elif dice < 0.14:
        frame = pl.concat([frame, frame.head(1)])
    elif dice < 0.2 and frame.width > 5:
        gone = chance.choice(frame.columns[3:])
        return replace(one, frame=frame.drop(gone), variables=tuple(v for v in one.variables if v.name != gone))
    elif dice < 0.24:
        frame = frame.head(0)
    return replace(one, frame=frame)


def _by_name(resources):
    return {(one["resourceType"], str(one.get("id"))): one for one in resources}


@pytest.mark.once
@pytest.mark.parametrize("release", ["R4", "R5"])
@pytest.mark.parametrize("seed", [2, 10, 13, 22, 45, 91])  # each once lost a cell or ended in an error in R4
def test_a_spoiled_study_comes_home(example_of, tmp_path, laid, seed, release):
    """Data as nobody thought of would come home changed, and no finding would say so."""
    chance = random.Random(seed)  # noqa: S311 - seeded
    few = example_of(5)
    tables = [_spoiled(one, chance) if chance.random() < 0.5 else one for one in few if chance.random() > 0.04]
    given = study(tables, version=few.version, ct=few.ct)
    done = to_fhir(given, release=release)
    assert compare_studies(given, to_sdtm(done.resources, release=release).study).differences == ()
    by_groups: list[dict[str, object]] = []
    bulk_fhir.to_fhir(given, by_groups.extend, release=release, at_once=2)
    assert _by_name(by_groups) == _by_name(done.resources)
    files = laid(done.resources, tmp_path)
    with bulk.to_sdtm(files, release=release, mode="mapped", shard_bytes=60_000) as told:
        assert compare_studies(given, told.study()).differences == ()
