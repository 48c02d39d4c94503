"""What surrounds a row while it is converted: the resources made or read, the subjects, the study's facts.

One class for both directions, for a round trip needs both: what was written is read back in the same surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from trialbridge.converters.dictionary import DICTIONARY, Dictionary
from trialbridge.converters.epochs import Epochs
from trialbridge.converters.patients import Patients, patient_named
from trialbridge.fhir.ids import resource_id
from trialbridge.mappings.common import learn_planned
from trialbridge.mappings.names import ABSENT, absent, constants
from trialbridge.mappings.spellings import number_text

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from trialbridge.converters.patients import Name
    from trialbridge.fhir.located import Located
    from trialbridge.mappings.kit import Release, Resource, Row


def fresh(template: Any) -> Any:
    """A copy of plain JSON that shares no list or object with it."""
    if isinstance(template, dict):
        return {key: fresh(value) for key, value in template.items()}
    if isinstance(template, list):
        return [fresh(value) for value in template]
    return template


def key_text(one: str | float | None) -> str:
    """A part of a key as text; "-" stands for nothing, and a text of hyphens alone gets one more."""
    if isinstance(one, float):
        return number_text(one)
    text = one or "-"
    return text + "-" if one and not text.strip("-") else text


@dataclass(frozen=True, slots=True)
class Known:
    """What a context knows, as a value that travels to other processes: resources by type and key, facts, studies."""

    resources: list[tuple[str, tuple[Any, ...], Resource]]
    facts: dict[tuple[Any, ...], Any]
    studies: dict[str, str]


class Context:
    """The surroundings of a conversion; see `mappings.kit.Context` for what spellings may ask.

    `elsewhere` resolves references to resources this context has not made (the pool that was read).
    """

    def __init__(
        self,
        base: str,
        release: Release,
        *,
        dictionary: Dictionary = DICTIONARY,
        oncology: bool = False,
        elsewhere: Callable[[Any, Any], Resource | None] | None = None,
    ) -> None:
        self.base = base
        self.dictionary = dictionary
        self.release: Release = release
        self.oncology = oncology
        self.row: Row = {}
        self.dataset = ""
        self.resources: dict[str, Resource] = {}
        self.duplicates: list[tuple[str, tuple[Any, ...]]] = []
        self._elsewhere = elsewhere
        self._keys: dict[tuple[str, tuple[Any, ...]], Resource] = {}
        self._enrolments: dict[str, tuple[Any, ...]] = {}
        """The business key of each subject's first ResearchSubject."""
        self._lent: list[tuple[str, tuple[Any, ...]]] = []
        self._facts: dict[tuple[Any, ...], Any] = {}
        self._groups: dict[tuple[Any, ...], list[Any]] = {}
        self._subjects: dict[str | Name, str] = {}
        self._studies: dict[str, str] = {}
        self._references: dict[str, Resource] = {}
        self._epochs = Epochs()
        self._names = constants(base)
        self.patients = Patients()
        """Those that a Reference may name by an identifier alone."""
        self.full_urls: dict[int, str] = {}
        """The fullUrl of resources read without an id, by their id()."""
        self.lesion_names: dict[str, str] = {}
        """The link id (TULNKID) of lesions that are not among `resources`, by their reference."""

    # --- names ------------------------------------------------------------------------------------------------------

    def url(self, name: str) -> str:
        """An identifier system (`usubjid`) or extension url (`x-sdtm-dtc`) of ours."""
        found: str = self._names[name]
        return found

    # --- making resources -------------------------------------------------------------------------------------------

    def begin(self, resource_type: str, key: tuple[Any, ...], template: Mapping[str, Any]) -> Resource:
        """A new resource with the id of its business key; a key used before gets a number, and is noted."""
        full = key
        count = 1
        while (resource_type, full) in self._keys:
            count += 1
            full = (*key, f"#{count}")
        if count > 1:
            self.duplicates.append((resource_type, key))
        made: Resource = {"resourceType": resource_type, "id": self.new_id(resource_type, *full), **fresh(template)}
        self._keep(resource_type, full, made)
        return made

    def _keep(self, resource_type: str, key: tuple[Any, ...], made: Resource) -> None:
        self._keys[resource_type, key] = made
        self.resources[f"{resource_type}/{made['id']}"] = made
        if resource_type == "ResearchSubject":
            self._enrolments.setdefault(key[1], key)

    def share(
        self, resource_type: str, key: tuple[Any, ...], template: Mapping[str, Any] | None
    ) -> tuple[Resource, bool]:
        """The resource of that business key, and whether it was made just now.

        A subject has one ResearchSubject, also for rows that name another study than its row of DM, or none.
        """
        found = self._keys.get((resource_type, key))
        if found is None and resource_type == "ResearchSubject" and key[1] in self._enrolments:
            found = self._keys.get((resource_type, self._enrolments[key[1]]))
        if found is not None:
            return found, False
        return self.begin(resource_type, key, template or {}), True

    def new_id(self, resource_type: str, *key: Any) -> str:
        """The id of a business key: a UUIDv5, the same in every run."""
        return resource_id(self.base, resource_type, *map(key_text, key))

    def made(self, resource_type: str, *key: Any) -> Resource | None:
        """A Reference to a resource already made from that business key, or None."""
        found = self._keys.get((resource_type, key))
        return {"reference": f"{resource_type}/{found['id']}"} if found is not None else None

    # --- subjects and studies ---------------------------------------------------------------------------------------

    def subject(self, usubjid: str) -> Resource:
        """A Reference to the subject's Patient; Patient and ResearchSubject are made if no DM row made them."""
        found = self._references.get(usubjid)
        if found is None:
            patient, new = self.share("Patient", (usubjid,), None)
            if new:
                patient["identifier"] = [{"system": self.url("usubjid"), "value": usubjid}]
                patient["name"] = [{"extension": [{"url": ABSENT, "valueCode": "masked"}]}]
            found = self._references[usubjid] = {"reference": f"Patient/{patient['id']}"}
            self._subjects[found["reference"]] = usubjid
            self._enrol(usubjid, dict(found))
        return dict(found)

    def knows(self, usubjid: str) -> bool:
        """Whether the subject has been referred to."""
        return usubjid in self._references

    def _enrol(self, usubjid: str, patient: Resource) -> None:
        """A ResearchSubject for a subject that DM does not list."""
        studyid = self.row.get("STUDYID")
        subject, _ = self.share("ResearchSubject", (studyid, usubjid), {})
        if "identifier" not in subject:
            if "status" not in subject:
                subject["_status"] = absent("unknown")
            subject["identifier"] = [{"system": self.url("usubjid"), "value": usubjid}]
            subject["individual" if self.release == "R4" else "subject"] = patient
            subject["study"] = self.study(studyid) if studyid else absent("unknown")
        self.learn("studyid", usubjid, value=studyid)

    def usubjid(self, reference: Any) -> str | None:
        """The USUBJID of the Patient (or ResearchSubject) a Reference points to, or names by an identifier."""
        text = reference.get("reference") if isinstance(reference, dict) else None
        name = text if isinstance(text, str) else patient_named(reference)
        found = self._subjects.get(name) if name is not None else None
        if found is None:
            resource = self.resolve(reference)
            if resource is not None:
                found = self._subjects.get(self.name_of(resource))
        if found is None and isinstance(name, tuple) and name[0] == self.url("usubjid"):
            return name[1]
        return found

    def name_of(self, resource: Resource) -> str:
        """`Type/id`; of a resource without an id its fullUrl, by which a Bundle's entries point at it."""
        if resource.get("id") is None and id(resource) in self.full_urls:
            return self.full_urls[id(resource)]
        return f"{resource.get('resourceType')}/{resource.get('id')}"

    def enter_full_urls(self, items: Iterable[Located]) -> None:
        """Remember the fullUrl of what has no id (a transaction that is still to be sent)."""
        self.full_urls = {
            id(one.resource): one.full_url for one in items if one.full_url and one.resource.get("id") is None
        }

    def enter_subject(self, reference: str | Name, usubjid: str, studyid: str | None) -> None:
        """Remember which subject a Patient is (`Patient/id`, or an identifier)."""
        self._subjects.setdefault(reference, usubjid)
        if studyid:
            self.learn("studyid", usubjid, value=studyid)

    def study(self, studyid: str) -> Resource:
        """A Reference to the ResearchStudy; it is made if need be."""
        study, new = self.share("ResearchStudy", (studyid,), {"_status": absent("unknown")})
        if new:
            study["identifier"] = [{"system": self.url("studyid"), "value": studyid}]
            self._studies[f"ResearchStudy/{study['id']}"] = studyid
        return {"reference": f"ResearchStudy/{study['id']}"}

    def studyid(self, reference: Any) -> str | None:
        """The STUDYID of the ResearchStudy a Reference points to; a site's study is asked for the study it is part of."""
        text = reference.get("reference") if isinstance(reference, dict) else None
        if isinstance(text, str) and text in self._studies:
            return self._studies[text]
        study = self.resolve(reference)
        found = self.studyid_of(study) if study is not None else None
        if found and isinstance(text, str):
            self._studies[text] = found
        return found

    def studyid_of(self, study: Resource, depth: int = 0) -> str | None:
        """STUDYID of a ResearchStudy: our identifier, else the whole study's, else its first identifier, else its id.

        None for a site (it has a SITEID of ours) whose study is not there: its own number is no study's.
        """
        identifiers = [one for one in study.get("identifier") or () if isinstance(one, dict) and one.get("value")]
        for one in identifiers:
            if one.get("system") == self.url("studyid"):
                return str(one["value"])
        for whole in study.get("partOf") or ():
            parent = self.resolve(whole, study)
            if parent is not None and depth < 5:
                return self.studyid_of(parent, depth + 1)
        if any(one.get("system") == self.url("siteid") for one in identifiers):
            return None
        if identifiers:
            return str(identifiers[0]["value"])
        found = study.get("id")
        return found if isinstance(found, str) else None

    # --- references -------------------------------------------------------------------------------------------------

    def resolve(self, reference: Any, within: Resource | None = None) -> Resource | None:
        """The resource a Reference points to.

        A logical reference gives the one Patient that has its identifier, else a stand-in that has the identifier alone.
        """
        if not isinstance(reference, dict):
            return None
        text = reference.get("reference")
        if isinstance(text, str):
            found = self.resources.get(text)
            if found is None and self._elsewhere is not None:
                found = self._elsewhere(reference, within or {})
            return found
        identifier = reference.get("identifier")
        if isinstance(identifier, dict):
            stand_in = {"resourceType": reference.get("type"), "identifier": [identifier]}
            return self.patients.named(reference) or stand_in
        return None

    def lesion(self, lnkid: str) -> Resource:
        """A Reference to the lesion of that link id: the assessor's own, else the first of the subject's, else by name."""
        row = self.row
        usubjid, domain = row.get("USUBJID"), row.get("DOMAIN")
        found = self.lesion_of(usubjid, lnkid, row.get(f"{domain}EVAL"), row.get(f"{domain}EVALID"))
        if found is not None:
            return dict(found)
        return {"type": "BodyStructure", "identifier": {"system": self.url("tulnkid"), "value": lnkid}}

    def lesion_of(self, usubjid: str | None, lnkid: str, evaluator: str | None, evalid: str | None) -> Resource | None:
        """The Reference to a lesion that a record of TU made; None where none did."""
        found = self.fact("lesion", usubjid, lnkid, evaluator, evalid)
        if found is None and evaluator is None:
            found = self.fact("lesion", usubjid, lnkid)
        return found  # type: ignore[no-any-return]  # a fact of that kind is one

    def identifier_of(self, reference: Any, system: str) -> str | None:
        """The value of our identifier of a BodyStructure a Reference points to, else its first identifier's."""
        found = self.resolve(reference)
        if found is None or found.get("resourceType") != "BodyStructure":
            return None
        identifiers = [one for one in found.get("identifier") or () if isinstance(one, dict)]
        for one in identifiers:
            if one.get("system") == self.url(system):
                return one.get("value")
        return identifiers[0].get("value") if identifiers else None

    def forget(self, resources: Container[str], subjects: Container[str]) -> None:
        """Let go of resources (`Type/id`) that were made, and of what is known of these subjects."""
        self.resources = {key: one for key, one in self.resources.items() if key not in resources}
        self._keys = {
            key: one for key, one in self._keys.items() if f"{one['resourceType']}/{one['id']}" not in resources
        }
        self._facts = {
            key: value for key, value in self._facts.items() if not any(part in subjects for part in key[1:])
        }
        self._groups = {key: one for key, one in self._groups.items() if not any(part in subjects for part in key[1:])}
        self._references = {name: one for name, one in self._references.items() if name not in subjects}

    def known(self) -> Known:
        """What is known here, for another context to `enter`."""
        made = [(kind, key, resource) for (kind, key), resource in self._keys.items()]
        return Known(made, dict(self._facts), dict(self._studies))

    @property
    def count(self) -> int:
        """How many resources have been made."""
        return len(self._keys)

    def made_since(self, count: int) -> list[str]:
        """Those made after so many, as `Type/id`."""
        return [f"{one['resourceType']}/{one['id']}" for one in islice(self._keys.values(), count, None)]

    def look_elsewhere(self, elsewhere: Callable[[Any, Any], Resource | None] | None) -> None:
        """Resolve references to what this context has not made by that."""
        self._elsewhere = elsewhere

    def lend(self, resource_type: str, key: tuple[Any, ...], resource: Resource) -> None:
        """Take a resource that was made elsewhere, until it is taken back."""
        self._keep(resource_type, key, resource)
        self._lent.append((resource_type, key))

    def take_back(self) -> None:
        """Let go of the resources that were lent."""
        for resource_type, key in self._lent:
            found = self._keys.pop((resource_type, key))
            del self.resources[f"{resource_type}/{found['id']}"]
        self._lent.clear()

    def arrange(self, count: int, order: list[int]) -> None:
        """Put the resources made after so many into another order."""
        made = list(self._keys.items())[count:]
        for key, _ in made:
            del self._keys[key]
        self._keys.update(made[at] for at in order)

    def enter(self, known: Known) -> None:
        """Take what another context knew. Its resources are taken as they are, not copied."""
        for kind, key, resource in known.resources:
            self._keep(kind, key, resource)
        self._facts.update(known.facts)
        self._studies.update(known.studies)

    # --- facts ------------------------------------------------------------------------------------------------------

    def fact(self, kind: str, *key: Any) -> Any:
        """What is known by key; `epoch` is looked up in the subject's elements."""
        if kind == "epoch":
            return self._epochs.at(*key)
        return self._facts.get((kind, *key))

    def learn(self, kind: str, *key: Any, value: Any) -> None:
        """Remember a fact; the first one stays."""
        self._facts.setdefault((kind, *key), value)

    def group(self, kind: str, *key: Any) -> list[Any]:
        """A list kept by key."""
        return self._groups.setdefault((kind, *key), [])

    def facts(self, kind: str) -> dict[tuple[Any, ...], Any]:
        """All facts of a kind, by the rest of their key."""
        return {key[1:]: value for key, value in self._facts.items() if key[0] == kind}

    def enter_design(self, elements: Iterable[Row], visits: Iterable[Row]) -> None:
        """The rows of SE and TV, from which EPOCH and VISITDY follow."""
        for row in visits:
            learn_planned(row, self)
        for row in elements:
            self.learn_element(row)

    def learn_element(self, row: Row) -> None:
        """A row of SE: its epoch begins with it."""
        self._epochs.learn(row)

    def enter_exposure(self, rows: Iterable[Row]) -> None:
        """The rows of EX, from which RFXSTDTC and RFXENDTC follow (SDTMIG 3.4, DM: earliest start, latest end)."""
        first: dict[str, str] = {}
        last: dict[str, str] = {}
        for row in rows:
            usubjid, start = row.get("USUBJID"), row.get("EXSTDTC")
            end = row.get("EXENDTC") or start
            if usubjid and start:
                first[usubjid] = min(first.get(usubjid, start), start)
            if usubjid and end:
                last[usubjid] = max(last.get(usubjid, end), end)
        for kind, found in (("rfxstdtc", first), ("rfxendtc", last)):
            for usubjid, value in found.items():
                self.learn(kind, usubjid, value=value)
