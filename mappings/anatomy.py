"""Where a lesion or a procedure is, and how it was seen: location, laterality, direction, method.

CDISC terms (LOC C74456, LAT C99073, DIR C99074, METHOD C85492) and the SNOMED CT codes of mCODE's value sets.
MIDLINE is a laterality in mCODE but a direction in CDISC: it goes by its CDISC home.
"""

from __future__ import annotations

from trialbridge.mappings.concepts import in_codelist, member_of
from trialbridge.mappings.names import SCT, coding

_PLACES = {
    "LUNG": ("39607008", "Lung structure"),
    "LUNG LOBE": ("31094006", "Structure of lobe of lung"),
    "LIVER": ("10200004", "Liver structure"),
    "ADRENAL GLAND": ("23451007", "Adrenal structure"),
    "MEDIASTINAL LYMPH NODE": ("62683002", "Mediastinal lymph node structure"),
    "LYMPH NODE": ("59441001", "Structure of lymph node"),
    "MEDIASTINUM": ("72410000", "Mediastinal structure"),
    "CHEST WALL": ("78904004", "Chest wall structure"),
    "BRAIN": ("12738006", "Brain structure"),
    "BONE": ("119186007", "Bone part"),
    "RIB": ("113197003", "Bone structure of rib"),
    "THORACIC VERTEBRA": ("35769007", "Bone structure of thoracic vertebra"),
    "LUMBAR VERTEBRA": ("73903008", "Bone structure of lumbar vertebra"),
    "SUPRACLAVICULAR LYMPH NODE": ("76838003", "Supraclavicular lymph node structure"),
    "BRONCHUS": ("955009", "Bronchial structure"),
}
_SIDES = {
    "LEFT": ("7771000", "Left"),
    "RIGHT": ("24028007", "Right"),
    "BILATERAL": ("51440002", "Right and left"),
}
_DIRECTIONS = {
    "UPPER": ("261183002", "Upper"),
    "LOWER": ("261122009", "Lower"),
    "SUPERIOR": ("264217000", "Superior"),
    "INFERIOR": ("261089000", "Inferior"),
    "CENTRAL": ("26216008", "Central"),
    "PERIPHERAL": ("14414005", "Peripheral"),
    "PROXIMAL": ("40415009", "Proximal"),
    "DISTAL": ("46053002", "Distal"),
    "MIDDLE": ("260528009", "Middle"),
    "ANTERIOR": ("255549009", "Anterior"),
    "POSTERIOR": ("255551008", "Posterior"),
    "MEDIAL": ("255561001", "Medial"),
    "LATERAL": ("49370004", "Lateral"),
    "MIDLINE": ("399488007", "Midline"),
}
_METHODS = {
    "CT SCAN": ("77477000", "Computed tomography"),
    "MRI": ("113091000", "Magnetic resonance imaging"),
    "PET SCAN": ("82918005", "Positron emission tomography"),
    "ULTRASOUND": ("16310003", "Ultrasonography"),
    "X-RAY": ("363680008", "Radiographic imaging procedure"),
    "PHYSICAL EXAMINATION": ("5880005", "Physical examination"),
    "CONTRAST ENHANCED CT SCAN": ("77477000", "Computed tomography"),
}


def _sct(table: dict[str, tuple[str, str]]) -> dict[str, tuple[dict[str, str], ...]]:
    return {value: (coding(SCT, code, display),) for value, (code, display) in table.items()}


LOCATION = in_codelist("anatomical location", "C74456", further=_sct(_PLACES))
METHOD = in_codelist(
    "method",
    "C85492",
    further=_sct(_METHODS),
    loses="SNOMED CT alone does not tell CONTRAST ENHANCED CT SCAN from CT SCAN",
)
LATERALITY = member_of("laterality", "C99073", further=_sct(_SIDES), only_further=True)
DIRECTION = member_of("direction", "C99074", further=_sct(_DIRECTIONS), only_further=True)
# mCODE binds both extensions with strength required to SNOMED CT codes, and counts the midline as a side.
SIDE = in_codelist("laterality", "C99073", further=_sct(_SIDES), only_further=True)
TOWARD = in_codelist(
    "direction",
    "C99074",
    further=_sct({name: code for name, code in _DIRECTIONS.items() if name != "MIDLINE"}),
    only_further=True,
)
