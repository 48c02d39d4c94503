"""Supplemental qualifiers that have a FHIR element of their own, with the label and origin they have by default.

A qualifier that a study labels otherwise travels whole with its record. Names: CDISC's list of supplemental
qualifiers (SDTMIG 3.4 appendix C1) where it has them, else ours.
"""

from __future__ import annotations

DEFAULTS: dict[str, tuple[str, str, str | None]] = {
    "PRFRACN": ("Number of Fractions", "CRF", None),
    "PRTRTINT": ("Treatment Intent", "CRF", None),
    "AERELRT": ("Relatedness to Radiotherapy", "CRF", "INVESTIGATOR"),
    "AERELIO": ("Relatedness to Immune Therapy", "CRF", "INVESTIGATOR"),
}
"""QNAM -> (QLABEL, QORIG, QEVAL)."""
