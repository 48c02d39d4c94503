"""What a study says of a hospital's records (`study_file.records`), as a dictionary of its own.

Resources that name their domain are read as they say; these rules decide over the rest: which medicines are the
study's treatment (EX, EC) and which are taken besides (CM), which conditions are history (MH), whether a course of
radiotherapy is exposure too, and what the reference start is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialbridge.converters.dictionary import Dictionary
from trialbridge.mappings.treatments import FOREIGN_MEDICINES, RADIATION_EXPOSURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trialbridge.mappings.kit import Context, Mapping, Resource, Row
    from trialbridge.study_file.records import Records

    Resolve = Callable[[Any, Any], Resource | None]

MEDICINES = frozenset({"MedicationAdministration", "MedicationStatement", "MedicationRequest", "MedicationDispense"})
_BEGUN = {"before-consent": "rficdtc", "before-treatment": "rfstdtc"}


@dataclass(frozen=True, slots=True)
class Tailoring:
    """A study's rules. `assign` gives a resource's domain ("" for none, None where the dictionary decides)."""

    records: Records

    @property
    def further(self) -> tuple[Mapping, ...]:
        """Mappings that read a resource beside its own."""
        return (RADIATION_EXPOSURE,) if self.records.radiotherapy == "PR+EX" else ()

    @property
    def reference_start(self) -> str:
        """What RFSTDTC is where the source has none."""
        return self.records.reference_start

    def assign(self, resource: Resource, resolve: Resolve | None) -> str | None:
        """The domain of a resource that names none."""
        kind = resource.get("resourceType")
        if kind == "Condition":
            return None if self._is_history(resource) else ""
        if kind not in MEDICINES:
            return None
        given, treatments = resource.get("status") != "not-done", self.records.treatments
        if treatments is None:
            study = kind == "MedicationAdministration"
        else:
            study = matches(treatments, medicine_of(resource, resolve))
        if study and kind == "MedicationAdministration":
            return "EX" if given else "EC"
        if study:
            return "EX" if kind == "MedicationStatement" and resource.get("status") != "not-taken" else ""
        return "CM" if kind == "MedicationAdministration" or kind in self.records.concomitant else ""

    def _is_history(self, condition: Resource) -> bool:
        history = self.records.history
        about = list(_concepts(condition.get("code")))
        for category in condition.get("category") or ():
            about += _concepts(category)
        included = not history.include or matches(history.include, about)
        return included and not matches(history.exclude, about)

    def keeps(self, domain: str, row: Row, ctx: Context) -> bool:
        """Whether a record read is one of the study's: history that began before the day the study file names."""
        kind = _BEGUN.get(self.records.history.begun)
        began = row.get("MHSTDTC") or ""
        if domain != "MH" or kind is None or len(began) < 10:
            return True
        day = ctx.fact(kind, row.get("USUBJID"))
        return not day or began[:10] < day[:10]


def tailored(dictionary: Dictionary, records: Records) -> Dictionary:
    """The dictionary with a study's rules."""
    return Dictionary((*dictionary.mappings, *FOREIGN_MEDICINES), Tailoring(records), dictionary.coder)


def matches(wanted: Iterable[str], about: Iterable[tuple[str, str]]) -> bool:
    """Whether one of the names or codings is among them: (system|code or "", text or display)."""
    found = list(about)
    for one in wanted:
        if "|" in one:
            if any(code == one for code, _ in found):
                return True
        elif any(one.casefold() in text.casefold() for _, text in found):
            return True
    return False


def medicine_of(resource: Resource, resolve: Resolve | None) -> list[tuple[str, str]]:
    """What a record says of its medicine: its own words, or those of the Medication it points at."""
    medication = resource.get("medication")
    both: dict[str, Any] = medication if isinstance(medication, dict) else {}
    found = [*_concepts(resource.get("medicationCodeableConcept")), *_concepts(both.get("concept"))]
    reference = resource.get("medicationReference") or both.get("reference")
    if isinstance(reference, dict):
        if isinstance(reference.get("display"), str):
            found.append(("", reference["display"]))
        drug = resolve(reference, resource) if resolve is not None else None
        if drug is not None:
            found += _concepts(drug.get("code"))
    return found


def _concepts(concept: Any) -> Iterator[tuple[str, str]]:
    """The codings and the text of a CodeableConcept."""
    if not isinstance(concept, dict):
        return
    if isinstance(concept.get("text"), str):
        yield "", concept["text"]
    for one in concept.get("coding") or ():
        if isinstance(one, dict):
            yield f"{one.get('system', '')}|{one.get('code', '')}", str(one.get("display") or "")
