"""What several tests of the converters start from."""

from __future__ import annotations

import importlib.util
from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from trialbridge.converters.bulk_fhir import group as bulk_fhir_group
from trialbridge.converters.bulk_fhir import lines as bulk_fhir_lines
from trialbridge.converters.bulk_fhir.lines import as_lines
from trialbridge.converters.bulk_fhir.plan import plan
from trialbridge.converters.by_element import Dataset
from trialbridge.converters.by_element.memory import Memory
from trialbridge.converters.by_element.rows import UnfitError
from trialbridge.converters.dictionary import DICTIONARY
from trialbridge.fhir.ids import BASE
from trialbridge.sdtm import files
from trialbridge.sdtm.table import study

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction"


@pytest.fixture(scope="session")
def example_of():
    """Gives the example's study with so many of its subjects, the rows of nobody with them."""
    whole = files.read(EXAMPLE / "sdtm")

    def of(count):
        mine = pl.col("USUBJID").is_null() | pl.col("USUBJID").is_in(
            whole["DM"].frame["USUBJID"].sort()[:count].implode()
        )
        kept = [replace(one, frame=one.frame.filter(mine)) if "USUBJID" in one.frame.columns else one for one in whole]
        return study(kept, version=whole.version, ct=whole.ct)

    return of


def _beside(name):
    """A module by its place: pytest's importlib mode puts nothing on sys.path."""
    found = importlib.util.spec_from_file_location(f"converters_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


_EXPORTS = _beside("exports")


@pytest.fixture(scope="session")
def laid():
    """Lays down resources as NDJSON files."""
    return _EXPORTS.laid


@pytest.fixture(scope="session")
def changed():
    """Changes a resource as a server might send it."""
    return _EXPORTS.changed


@pytest.fixture(scope="session")
def both_ways():
    """Compares each group of a study made by elements with the same made row by row; tells how many rows went either way."""
    return _both_ways


def _both_ways(of, release, at_once, dictionary=DICTIONARY):
    """Compare each group made by elements with the same made row by row; how many rows went either way."""
    made = Counter()

    class Counting(Dataset):
        """A dataset that says how its rows were made."""

        def write(self):
            super().write()
            made["row by row"] += len(self.written)
            made["by element"] += self.columns.height - len(self.written)

    found = plan(of, BASE, release, dictionary, at_once)
    memory = Memory(dictionary, release, BASE)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bulk_fhir_lines, "Dataset", Counting)
        for group in found.cut.groups():
            expected = bulk_fhir_group.convert(found.setting, group, dictionary)
            tried = _tried(found.setting, group, memory, made)
            if tried is None:
                continue
            told, lines = tried
            assert [(one.kind, one.count) for one in lines] == [
                (one.kind, one.count) for one in as_lines(expected.resources)
            ]
            for one, other in zip(lines, as_lines(expected.resources), strict=True):
                assert one.text.split(b"\n") == other.text.split(b"\n")
            assert told == replace(expected, resources=[])
    return made


def _tried(setting, group, memory, made):
    """A group by elements, with references by templates or without; None where it does not fit."""
    for links in (True, False):
        try:
            context = setting.context(memory.dictionary)
            found = bulk_fhir_lines.by_elements(setting, group, context, memory, links=links)
        except UnfitError:
            memory.clear()
            made["without templates" if links else "groups"] += 1
            continue
        memory.forget()
        return found
    return None
