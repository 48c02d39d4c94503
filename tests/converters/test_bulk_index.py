"""The index of an export: lines entered one by one come out by group, each group in their order."""

from __future__ import annotations

import random

import numpy as np
import pytest

from trialbridge.converters.bulk import index as bulk_index
from trialbridge.converters.bulk.index import Entries, grouped


def _entered(path, lines):
    entries = Entries(path)
    for file, number, start, length, owner in lines:
        entries.number.append(number)
        entries.start.append(start)
        entries.length.append(length)
        entries.owner.append(owner)
        entries.fill(file)
        entries.lay()
    return entries


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_lines_come_out_by_group_in_their_order(tmp_path, monkeypatch, at_once):
    """A subject's line would be read with another shard, or visits before the encounter they hang on."""
    monkeypatch.setattr(bulk_index, "AT_ONCE", at_once)
    draw = random.Random(3)  # noqa: S311 - made-up lines
    lines = [(at // 40, at, at << 33, draw.randrange(1 << 30), draw.randrange(-2, 6)) for at in range(200)]
    groups = np.array([2, 1, 2, 4, 1, 1, 5, 0])  # of the owners 0 to 5, then -2 and -1; 3 has none
    counts = np.array([sum(one[4] % 8 == owner for one in lines) for owner in range(8)])
    found = grouped(_entered(tmp_path / "lines", lines), groups, counts, tmp_path / "groups")
    assert len(found) == 6
    for number, one in enumerate(found):
        mine = [line[:4] for line in lines if groups[line[4]] == number]
        told = zip(one.file.tolist(), one.number.tolist(), one.start.tolist(), one.length.tolist(), strict=True)
        assert list(told) == mine
        assert len(one) == len(mine)


def test_an_export_of_no_lines(tmp_path):
    """An empty export would be an error of the index."""
    found = grouped(Entries(tmp_path / "lines"), np.array([0, 0]), np.array([0, 0]), tmp_path / "groups")
    assert [len(one) for one in found] == [0]


def test_a_second_pass_forgets_the_first(tmp_path):
    """Lines of an earlier run in the same folder would be read with these."""
    for count in (5, 2):
        entries = _entered(tmp_path / "lines", [(0, at, at, 1, 0) for at in range(count)])
        assert sum(len(one) for one in entries.blocks()) == count
