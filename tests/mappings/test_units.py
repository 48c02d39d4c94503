"""Units and countries by well-kept libraries: UCUM by ucumvert, ISO 3166-1 by iso3166.

Expected codes are UCUM's own (tables of UCUM 2.2); the terms are those of CDISC's UNIT codelist.
"""

from __future__ import annotations

import pytest
from ucumvert import get_ucum_parser

from trialbridge.mappings.dm import COUNTRY
from trialbridge.mappings.units import FALSE_FRIENDS, PAIRS, PLAIN, ucum_of, unit_of
from trialbridge.sdtm import terminology

UNITS = [one.submission_value for one in terminology.default().codelist("C71620").terms]


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        ("mmHg", "mm[Hg]"),
        ("10^9/L", "10*9/L"),
        ("10^6/kg", "10*6/kg"),
        ("C", "Cel"),
        ("LB", "[lb_av]"),
        ("ug/dL", "ug/dL"),
        ("umol/kg/min", "umol/kg/min"),
        ("IU/L", "[IU]/L"),
        ("mEq/L", "meq/L"),
        ("mL/min/1.73 m2", "mL/min/{1.73_m2}"),
        ("TABLET", None),
        ("AU/mL", None),  # allergy units; UCUM's AU is the astronomical unit
        ("nonsense", None),
        ("mcg", None),
    ],
)
def test_units_are_ucums(unit, code):
    """A unit would be sent as the code of another one, or without a code that it has."""
    assert ucum_of(unit) == code
    if code is not None:
        assert unit_of(code) == unit


def test_every_code_is_one():
    """A code would be written that no UCUM reader knows."""
    parser = get_ucum_parser()
    for unit in UNITS:
        code = ucum_of(unit)
        if code is not None:
            parser.parse(code)
    assert sum(ucum_of(unit) is not None for unit in UNITS) > 350


def test_codes_invert():
    """Two units would share a code, and one come back as the other."""
    codes = [code for unit in UNITS if (code := ucum_of(unit)) is not None]
    assert len(codes) == len(set(codes))
    assert [unit_of(code) for code in codes] == [unit for unit in UNITS if ucum_of(unit) is not None]


def test_the_tables_are_cdiscs_terms():
    """A table would name a unit that CDISC does not have, and so never be used."""
    assert set(PAIRS) | PLAIN | FALSE_FRIENDS <= set(UNITS)


@pytest.mark.parametrize(
    ("given", "country"),
    [
        ("NL", "NLD"),
        ("NLD", "NLD"),
        ("Netherlands", "NLD"),
        ("528", "NLD"),
        ("Belgium", "BEL"),
        ("Atlantis", "Atlantis"),
    ],
)
def test_countries_are_alpha_3(given, country):
    """COUNTRY would hold what SDTM does not allow, or an unknown name be lost."""
    assert COUNTRY.to_sdtm(given, None) == country
