"""Fixtures for the registry: the files in `data` (origin: data/ORIGIN.md), and a way to change a record in one place."""

from __future__ import annotations

import gzip
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

DATA = Path(__file__).parent / "data"
DELETE = object()


def change(content, changes):
    """A copy of a record with values set at paths (`a.b[0].c`); DELETE removes."""
    changed = json.loads(json.dumps(content, default=float))
    for path, value in changes.items():
        parts = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path)]
        here = changed
        for part in parts[:-1]:
            here = here.setdefault(part, {}) if isinstance(here, dict) else here[part]
        if value is DELETE:
            del here[parts[-1]]
        elif isinstance(here, list) and parts[-1] == len(here):
            here.append(value)
        else:
            here[parts[-1]] = value
    return changed


@pytest.fixture
def delete():
    """What `changed` takes to remove a value."""
    return DELETE


@pytest.fixture
def changed():
    """The function `change`."""
    return change


@pytest.fixture
def data():
    """The folder of test files."""
    return DATA


@pytest.fixture
def made_up():
    """The made-up trial with results, as plain JSON."""
    return json.loads((DATA / "made-up.json").read_text())


@pytest.fixture
def driving():
    """NCT03406468's public record without persons."""
    return json.loads((DATA / "NCT03406468.json").read_text(), parse_float=Decimal)


@pytest.fixture
def large():
    """NCT02552212's public record with results, without persons."""
    return json.loads(gzip.decompress((DATA / "NCT02552212.json.gz").read_bytes()), parse_float=Decimal)


@pytest.fixture(scope="session")
def valid():
    """A function that checks bytes of XML against one of the schemas and gives its errors.

    libxml2 checks neither that xs:ID values are unique nor that an xs:IDREF points to one, so that is done here.
    """

    def errors(xml, schema):
        checker = etree.XMLSchema(etree.parse(DATA / schema))
        root = etree.fromstring(xml)
        checker.validate(root)
        ids = root.xpath("//@id")
        points = root.xpath("//@reportingGroupId|//reportingGroupId/text()|//outcomeReportingGroupId/text()")
        found = [f"line {one.line}: {one.message}" for one in checker.error_log]
        found += [f"id {one} is not unique" for one in ids if ids.count(one) > 1]
        return found + [f"no element has the id {one}" for one in points if one not in ids]

    return errors
