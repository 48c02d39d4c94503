"""The examples in docstrings are true: each is run."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import trialbridge

HOME = Path(trialbridge.__file__).parent
FOLDERS = [
    HOME,
    *(one for one in HOME.iterdir() if one.is_dir()),
]  # in a checkout some are links, which rglob passes by


def _with_examples() -> list[str]:
    """The modules whose source has an example."""
    files = {file for folder in FOLDERS for file in folder.rglob("*.py") if ">>> " in file.read_text(encoding="utf-8")}
    return sorted(".".join(("trialbridge", *file.relative_to(HOME).with_suffix("").parts)) for file in files)


@pytest.mark.parametrize("name", _with_examples())
def test_examples_are_true(name):
    """A reader would learn from a docstring what is not so."""
    found = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")), optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0


def test_every_package_is_looked_through():
    """The examples of a whole language would be passed by, because its folder is a link."""
    assert {one.split(".")[1] for one in _with_examples()} >= {
        "base",
        "converters",
        "fhir",
        "mappings",
        "registry",
        "sdtm",
    }
