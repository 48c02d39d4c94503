"""One walk over a resource: every element held against all that speaks of it, profiles and types alike.

The rules themselves stand in the neighbours (`primitives`, `terminology`, `slicing`, `references`, `invariants`,
`bundles`, `narrative`); here is the order in which they are asked, and the FHIRPath of every place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialbridge.base.finding import Severity
from trialbridge.fhir.located import is_resource, name_of
from trialbridge.fhir.profiles import bundles, extensions, references, values
from trialbridge.fhir.profiles.invariants import Invariants
from trialbridge.fhir.profiles.narrative import narrative_faults
from trialbridge.fhir.profiles.occurrence import Occurrence, by, times
from trialbridge.fhir.profiles.report import Report
from trialbridge.fhir.profiles.slicing import Matchers
from trialbridge.fhir.profiles.terminology import Terminology
from trialbridge.fhir.profiles.tree import DEFAULT_SLICE

if TYPE_CHECKING:
    from trialbridge.fhir.located import Resource
    from trialbridge.fhir.profiles.definitions import Definitions
    from trialbridge.fhir.profiles.plan import Plan, Plans
    from trialbridge.fhir.profiles.scope import Scope
    from trialbridge.fhir.profiles.tree import Node

_EXTENSIONS = frozenset({"extension", "modifierExtension"})
DEEPEST = 100
"""Elements within one another at the most: a bound against input made to exhaust the stack."""


class Walk:
    """The validator of one set of definitions. `report` is where it speaks to; it is changed for trial runs."""

    def __init__(self, definitions: Definitions, plans: Plans, *, best_practice: bool = False) -> None:
        self.definitions = definitions
        self.plans = plans
        self.terminology = Terminology(definitions)
        self.invariants = Invariants(definitions.release)
        self.matchers = Matchers(plans, self.terminology, self.conforms)
        self.report = Report()
        self.best_practice = best_practice
        self._depth = 0
        self._conforming: dict[tuple[int, Node], bool] = {}
        self._kept: list[Any] = []  # keeps alive what _conforming names by id()

    # --- resources -------------------------------------------------------------------------------------------------

    def resource(self, value: Any, path: str, more: tuple[Node, ...], scope: Scope) -> None:
        """A whole resource: its type, the profiles it claims, and `more` that it is asked to meet."""
        if not is_resource(value):
            self.report.say("TYPE", path, "This is no FHIR resource: it has no resourceType.")
            return
        kind = value["resourceType"]
        definition = self.definitions.type(kind)
        if definition is None or definition["kind"] != "resource" or definition.get("abstract"):
            self.report.say("TYPE", path, f"FHIR {self.definitions.release} has no resource {kind}.")
            return
        claimed = self._claimed(value, kind, path)
        nodes = tuple(dict.fromkeys((*claimed, *self._fitting(more, kind, path))))
        outer = self.report.resource
        # A contained resource has no name of its own outside of its container.
        self.report.resource = name_of(value) if scope.root is value or not outer else outer
        if kind == "Bundle":
            scope = scope.of_bundle(value)
            bundles.check(value, path, self.report)
        self.object(value, self.plans.plan(kind, nodes), path, scope, is_root=True)
        self.report.resource = outer

    def conforms(self, value: Any, root: Node, scope: Scope) -> bool:
        """Whether a resource or element meets a profile, found out without a word."""
        key = (id(value), root)
        if key not in self._conforming:
            self._conforming[key] = True  # resources that point at one another: the one being looked at counts as fit
            self._kept.append(value)
            outer, self.report = self.report, Report(resource=self.report.resource)
            if is_resource(value):
                inner = scope.within(value, is_contained=scope.root is not value and _is_contained(value, scope))
                fits = value["resourceType"] == root.resource_type
                self.object(
                    value, self.plans.plan(root.resource_type, (root,)), root.resource_type, inner, is_root=True
                )
            else:
                fits = True
                self.object(value, self.plans.plan(root.resource_type, (root,)), root.resource_type, scope)
            self._conforming[key] = fits and not self.report.errors
            self.report = outer
        return self._conforming[key]

    def _claimed(self, value: Resource, kind: str, path: str) -> list[Node]:
        """The profiles that meta.profile names and that are at hand."""
        meta = value.get("meta")
        urls = meta.get("profile") if isinstance(meta, dict) else None
        found = []
        for number, url in enumerate(urls if isinstance(urls, list) else ()):
            if not isinstance(url, str):
                continue
            root = self.plans.root(url)
            place = f"{path}.meta.profile[{number}]"
            if root is None:
                message = f"The profile {url} is not at hand: what it asks was not checked."
                self.report.say("PROFILE", place, message, Severity.WARNING)
            elif root.resource_type not in self.plans.ancestors(kind):
                self.report.say("PROFILE", place, f"The profile {url} is one of {root.resource_type}, not of {kind}.")
            else:
                found.append(root)
        return found

    def _fitting(self, more: tuple[Node, ...], kind: str, path: str) -> list[Node]:
        """Of the profiles asked for from outside, those of this type."""
        found = []
        for root in more:
            if root.resource_type in self.plans.ancestors(kind):
                found.append(root)
            else:
                self.report.say("PROFILE", path, f"A {root.resource_type} of {root.definition} is asked for here.")
        return found

    # --- elements --------------------------------------------------------------------------------------------------

    def object(
        self,
        value: Any,
        plan: Plan,
        path: str,
        scope: Scope,
        *,
        is_root: bool = False,
        names: frozenset[str] = frozenset(),
    ) -> None:
        """An object: its members in groups of one element each, what is missing, its invariants.

        `names` are what the place is called besides, for extensions that stand there.
        """
        if not isinstance(value, dict):
            self.report.say("TYPE", path, f"A JSON object is asked for here ({plan.code}).")
            return
        if self._depth > DEEPEST:
            self.report.say("TYPE", path, "The resource is nested too deeply.")
            return
        self._depth += 1
        groups: dict[str, list[Occurrence]] = {}
        for key, member_value in value.items():
            if key == "resourceType" and is_root:
                continue
            self._gather(key, member_value, value, plan, path, groups)
        for node in plan.required:
            if node.name not in groups:
                self._absent(node, path)
        for name, occurrences in groups.items():
            if name in _EXTENSIONS:
                extensions.placed(self, occurrences, plan.names | names, path)
            self._group(occurrences, path, scope)
        self._depth -= 1
        self._invariants(value, plan, path, scope)

    def _gather(
        self, key: str, value: Any, home: dict[str, Any], plan: Plan, path: str, groups: dict[str, list[Occurrence]]
    ) -> None:
        """The values under one JSON key, as occurrences of their element."""
        twin: Any = None
        if key.startswith("_"):
            own = key[1:]
            if own in home:
                return  # seen with the value it belongs to
            member = plan.members.get(own)
            if member is None or not member.primitive:
                self.report.say("UNKNOWN", path, f"There is no element {key} here ({plan.code}).")
                return
            twin, value = value, None
        else:
            member = plan.members.get(key)
            if member is None:
                self.report.say("UNKNOWN", path, f"There is no element {key} here ({plan.code}).")
                return
            if member.primitive:
                twin = home.get("_" + key)
        place = f"{path}.{member.path}"
        if value is None and twin is None:
            self.report.say("EMPTY", place, "An element cannot be null; leave it out.")
            return
        group = groups.setdefault(member.name, [])
        if not member.repeats:
            if isinstance(value, list) or isinstance(twin, list):
                self.report.say("TYPE", place, "This element does not repeat: a JSON array cannot stand here.")
                return
            group.append(Occurrence(member, value, twin, place))
            return
        for number, (one, own_twin) in enumerate(self._paired(value, twin, place)):
            if one is None and own_twin is None:
                self.report.say("EMPTY", f"{place}[{number}]", "A member of an array cannot be null here.")
            group.append(Occurrence(member, one, own_twin, f"{place}[{number}]"))

    def _paired(self, value: Any, twin: Any, place: str) -> list[tuple[Any, Any]]:
        """The members of an array with their twins, which stand at the same index or are null."""
        for one in (value, twin):
            if one is not None and not isinstance(one, list):
                self.report.say("TYPE", place, "This element repeats: a JSON array is asked for.")
                return []
            if one == []:
                self.report.say("EMPTY", place, "An array cannot be empty; leave the element out.")
        values_, twins = list(value or ()), list(twin or ())
        longest = max(len(values_), len(twins))
        if twins and values_ and len(twins) != longest:
            twins += [None] * (longest - len(twins))
        values_ += [None] * (longest - len(values_))
        twins += [None] * (longest - len(twins))
        return list(zip(values_, twins, strict=True))

    def _absent(self, node: Node, path: str) -> None:
        """A required element, or a slice of it, that is not there at all."""
        name = node.name.removesuffix("[x]")
        if node.least:
            self.report.say("CARDINALITY", path, f"{name} is missing: {times(node)} asked for ({by(node)}).")
        for each in node.slices.values():
            if each.least and each.slice_name != DEFAULT_SLICE:
                message = f"{name} lacks slice {each.slice_name}: {times(each)} asked for ({by(each)})."
                self.report.say("SLICE", path, message)

    def _group(self, occurrences: list[Occurrence], path: str, scope: Scope) -> None:
        """All values of one element: how many, which types, which slices; then each by itself."""
        member = occurrences[0].member if occurrences else None
        if member is None:
            return
        count = len(occurrences)
        for node in member.nodes:
            if count < node.least or (node.most is not None and count > node.most):
                name = node.name.removesuffix("[x]")
                self.report.say(
                    "CARDINALITY", path, f"{name} stands {count} times: {times(node)} asked for ({by(node)})."
                )
            if node.types:
                self._types(node, occurrences)
        for node in member.sliced:
            self._sliced(node, occurrences, path, scope)
        for one in occurrences:
            plan = self.plans.member_plan(one.member)
            if one.slices:
                plan = self.plans.grown(plan, one.slices)
            self.value(one.value, one.twin, plan, one.path, scope)

    def _types(self, node: Node, occurrences: list[Occurrence]) -> None:
        """Types of a choice that a profile does not allow."""
        codes = node.codes()
        for one in occurrences:
            code = one.member.code
            if code not in codes and code not in {"BackboneElement", "Resource"} and not _same_type(code, codes):
                self.report.say("TYPE", one.path, f"{', '.join(codes)} is asked for here, not {code} ({by(node)}).")

    def value(self, value: Any, twin: Any, plan: Plan, path: str, scope: Scope) -> None:
        """One value, primitive or not."""
        if self.plans.is_primitive(plan.code):
            self._primitive(value, twin, plan, path, scope)
            return
        if plan.code in values.ANY_RESOURCE or self._holds_resource(plan.code):
            self._slot(value, plan, path, scope)
            return
        if plan.is_extension and isinstance(value, dict):
            plan = extensions.known(self, value, plan, path)
        if isinstance(value, dict):
            if plan.code in references.KINDS:
                references.check(self, value, plan, path, scope)
            values.check(self, value, plan, path)
        self.object(value, plan, path, scope)
        for roots in plan.alternatives:
            if not any(self.conforms(value, root, scope) for root in roots):
                names = ", ".join(root.definition for root in roots)
                self.report.say("TYPE", path, f"This meets none of the profiles its type may have: {names}.")

    def _holds_resource(self, code: str) -> bool:
        definition = self.definitions.type(code)
        return definition is not None and definition["kind"] == "resource"

    def _primitive(self, value: Any, twin: Any, plan: Plan, path: str, scope: Scope) -> None:
        if value is not None:
            if isinstance(value, (dict, list)):
                self.report.say("TYPE", path, f"A {plan.code} is asked for here, not a JSON object or array.")
                return
            values.check(self, value, plan, path)
            if plan.code == "xhtml":
                for fault in narrative_faults(value):
                    self.report.say("XHTML", path, fault)
            self._invariants(value, plan, path, scope)
        if twin is not None:
            if not twin:
                self.report.say("EMPTY", path, "What stands beside a primitive (its underscore twin) cannot be empty.")
            self.object(twin, self.plans.plan(plan.code, ()), path, scope, names=plan.names)

    def _slot(self, value: Any, plan: Plan, path: str, scope: Scope) -> None:
        """A resource within another: contained, or a Bundle's entry, or a Parameters' part."""
        kind = value.get("resourceType") if is_resource(value) else None
        more: list[Node] = []
        for node in plan.nodes:
            fitting = [one for one in node.types if kind and one.code in self.plans.ancestors(kind)]
            if kind and node.types and not fitting:
                message = f"{' or '.join(node.codes())} is asked for here, not {kind} ({by(node)})."
                self.report.say("TYPE", path, message)
            roots = [root for one in fitting for url in one.profiles if (root := self.plans.root(url))]
            if len(roots) == 1:
                more += roots
            elif roots and not any(self.conforms(value, root, scope) for root in roots):
                self.report.say("TYPE", path, f"This meets none of: {', '.join(root.definition for root in roots)}.")
        is_contained = path.rpartition(".")[2].startswith("contained")
        inner = scope.within(value, is_contained=is_contained) if isinstance(value, dict) else scope
        self.resource(value, path, tuple(more), inner)

    def _invariants(self, value: Any, plan: Plan, path: str, scope: Scope) -> None:
        """The invariants of one value."""
        for one, node in plan.invariants:
            if one.best_practice and not self.best_practice:
                continue
            place = node.path if "." in node.path and plan.code in {"BackboneElement", "Element"} else plan.code
            answer = self.invariants.holds(one, value, place, scope)
            if answer:
                continue
            if answer is None:
                self.report.unchecked(path, f"{one.key} could not be evaluated ({by(node)}).")
            else:
                severity = Severity.ERROR if one.severity == "error" else Severity.WARNING
                self.report.say("INVARIANT", path, f"{one.key}: {one.human} ({by(node)})", severity)

    # --- slices ----------------------------------------------------------------------------------------------------

    def _sliced(self, node: Node, occurrences: list[Occurrence], path: str, scope: Scope) -> None:
        """The slices of one element: who falls where, how many, in which order; slices of slices within."""
        members: dict[Node, list[Occurrence]] = {each: [] for each in node.slices.values()}
        default = node.slices.get(DEFAULT_SLICE)
        unknown, last, strays = False, -1, False
        order = list(node.slices.values())
        for one in occurrences:
            found, unsure = self._slice_of(node, one, scope)
            unknown = unknown or unsure
            if found is None and default is not None:
                found = default
            if found is None:
                strays = True
                if node.name in _EXTENSIONS and node.resource_type == "Extension" and _is_relative(one.value):
                    self.report.say("EXTENSION", one.path, f"{by(node)} has no extension of this url within it.")
                if node.slicing and node.slicing.rules == "closed" and not unsure:
                    self.report.say("SLICE", one.path, f"This falls into none of the slices there may be ({by(node)}).")
                continue
            if node.slicing and node.slicing.rules == "openAtEnd" and strays:
                self.report.say(
                    "SLICE", one.path, f"Slices come first; what is in none stands at the end ({by(node)})."
                )
            place = order.index(found)
            if node.slicing and node.slicing.ordered and place < last:
                self.report.say("SLICE", one.path, f"Slice {found.slice_name} stands too late ({by(node)}).")
            last = max(last, place)
            one.slices = (*one.slices, found)
            members[found].append(one)
        for each, inside in members.items():
            if not (each.least > len(inside) and unknown):
                self._counted(node, each, inside, path)
            if each.slices and inside:
                self._sliced(each, inside, path, scope)
        if unknown:
            self.report.unchecked(path, f"Some slices of {node.name} could not be told apart ({by(node)}).")

    def _slice_of(self, node: Node, one: Occurrence, scope: Scope) -> tuple[Node | None, bool]:
        """The slice a value falls into, and whether some slice could not be ruled out."""
        unsure = False
        for each in node.slices.values():
            if each.slice_name == DEFAULT_SLICE:
                continue
            answer = self.matchers.of(node, each)((one.value, one.member.code), scope)
            if answer:
                return each, False
            unsure = unsure or answer is None
        return None, unsure

    def _counted(self, node: Node, each: Node, inside: list[Occurrence], path: str) -> None:
        """Whether a slice stands as often as it should."""
        count = len(inside)
        if count < each.least:
            message = (
                f"{node.name.removesuffix('[x]')} lacks slice {each.slice_name}: {times(each)} asked for ({by(each)})."
            )
            self.report.say("SLICE", path, message)
        elif each.most is not None and count > each.most:
            message = f"Slice {each.slice_name} stands {count} times: {times(each)} asked for ({by(each)})."
            self.report.say("SLICE", inside[-1].path, message)


def _is_relative(value: Any) -> bool:
    """Whether an extension's url is a name within another extension."""
    url = value.get("url") if isinstance(value, dict) else None
    return isinstance(url, str) and ":" not in url


def _same_type(code: str, codes: tuple[str, ...]) -> bool:
    """Whether a definition names a type by another word: R4's SimpleQuantity, Age and Duration stand for Quantity."""
    return any(one.rpartition("/")[2] == code for one in codes)


def _is_contained(value: Resource, scope: Scope) -> bool:
    inner = scope.root.get("contained")
    return isinstance(inner, list) and any(one is value for one in inner)
