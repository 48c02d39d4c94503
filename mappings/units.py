"""Units: CDISC's UNIT terms and UCUM codes.

A table where they differ; elsewhere a CDISC term that UCUM takes as it is (mg/dL), as the library ucumvert tells, save
those that mean another thing there (CDISC's C is degree Celsius, UCUM's the coulomb). Ten to the nth is written 10*n,
UCUM's preferred form. Source: SDTM CT UNIT (C71620); UCUM 2.2, sections 1 to 3.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from trialbridge.mappings.kit import Spelling
from trialbridge.sdtm import terminology

PAIRS = {
    "mmHg": "mm[Hg]",
    "beats/min": "{beats}/min",
    "breaths/min": "{breaths}/min",
    "C": "Cel",
    "F": "[degF]",
    "HOURS": "h",
    "DAYS": "d",
    "WEEKS": "wk",
    "MONTHS": "mo",
    "YEARS": "a",
    "LB": "[lb_av]",
    "oz": "[oz_av]",
    "in": "[in_i]",
    "ft": "[ft_i]",
    "cm H2O": "cm[H2O]",
    "IU": "[IU]",
    "IU/L": "[IU]/L",
    "IU/mL": "[IU]/mL",
    "IU/dL": "[IU]/dL",
    "IU/kg": "[IU]/kg",
    "IU/day": "[IU]/d",
    "mIU/L": "m[IU]/L",
    "mEq": "meq",
    "mEq/L": "meq/L",
    "mEq/dL": "meq/dL",
    "mOsm/kg": "mosm/kg",
    "mOsm/L": "mosm/L",
    "g/day": "g/d",
    "mg/day": "mg/d",
    "ug/day": "ug/d",
    "mL/day": "mL/d",
    "mmol/day": "mmol/d",
    "mg/kg/day": "mg/kg/d",
    "mg/m2/day": "mg/m2/d",
    "ug/kg/day": "ug/kg/d",
    "mL/min/1.73 m2": "mL/min/{1.73_m2}",
    "copies/mL": "{copies}/mL",
    "Joule": "J",
    "Watt": "W",
    "Newton": "N",
    "kDa": "ku",
    "/HPF": "/[HPF]",
    "/LPF": "/[LPF]",
    "CFU/mL": "[CFU]/mL",
    "CFU/g": "[CFU]/g",
    "ppm": "[ppm]",
    "psi": "[psi]",
    "RATIO": "{ratio}",
}
PLAIN = frozenset(
    "% mm cm m mm2 cm2 g mg ug ng kg mL L uL g/L g/dL mg/dL mg/L ug/L ug/dL ng/dL ng/L U/L U/mL mol/L mmol/L umol/L nmol/L "
    "pmol/L mmol kg/m2 mg/kg mg/m2 mL/min Gy cGy h/wk 10^9/L 10^6/L 10^12/L s min fL pg kPa Bq MBq".split()
)
"""The commonest terms that UCUM takes as they are, known without asking the library (a test asks it)."""
FALSE_FRIENDS = frozenset({"C", "F", "AU/mL", "EU", "ft2", "ft3", "mph", "PA", "Mrad"})
"""CDISC terms that are UCUM codes of something else."""
_TERMS = {code: unit for unit, code in PAIRS.items()}
CODELIST = "C71620"


@lru_cache(maxsize=4096)
def is_ucum(code: str) -> bool:
    """Whether UCUM has the code. The library is loaded when first asked, for it takes its time."""
    try:
        _parser().parse(code)
    except Exception:  # noqa: BLE001 - lark raises several kinds for one thing
        return False
    return True


@lru_cache(maxsize=1)
def _parser() -> Any:
    from ucumvert import get_ucum_parser  # noqa: PLC0415 - half a second

    return get_ucum_parser()


@lru_cache(maxsize=4096)
def ucum_of(unit: str) -> str | None:
    """The UCUM code of a CDISC unit term; None where UCUM has none, or the text is no term of CDISC's."""
    if unit in PAIRS:
        return PAIRS[unit]
    code = unit.replace("10^", "10*")
    if unit in PLAIN:
        return code
    if unit in FALSE_FRIENDS or terminology.default().codelist(CODELIST).by_value(unit) is None:
        return None
    return code if is_ucum(code) else None


@lru_cache(maxsize=4096)
def unit_of(code: str) -> str | None:
    """The CDISC unit term of a UCUM code; None where CDISC has none."""
    if code in _TERMS:
        return _TERMS[code]
    unit = code.replace("10*", "10^")
    return unit if ucum_of(unit) == code else None


UNIT = Spelling(
    "unit: CDISC UNIT term and UCUM code",
    lambda code, _ctx: unit_of(code) if isinstance(code, str) else None,
    lambda unit, _ctx: ucum_of(unit) if isinstance(unit, str) else None,
    pairs=PAIRS,
)
