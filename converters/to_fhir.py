"""A whole study from SDTM to FHIR.

Native elements first; then the way back is walked over what was written, and only the variables that come back
different are carried. The round trip is thereby exact for every row, and the check is the proof.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialbridge.base.errors import DoesNotFitError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.converters.carry import Qualifier, extension
from trialbridge.converters.compile import Compiled, compiled
from trialbridge.converters.context import Context
from trialbridge.converters.dictionary import DICTIONARY, Dictionary
from trialbridge.converters.generic import to_basic
from trialbridge.converters.ledger import Ledger
from trialbridge.converters.native import walk
from trialbridge.converters.order import in_order
from trialbridge.converters.package import add_arms, package_extension
from trialbridge.converters.records import Record, joined, mistyped, records
from trialbridge.converters.subjects import learn_subject
from trialbridge.converters.trial_summary import ct_date, summary_to_fhir
from trialbridge.fhir.ids import BASE
from trialbridge.mappings.findings import value_or_reason
from trialbridge.mappings.qualifiers import DEFAULTS
from trialbridge.mappings.spellings import record_id
from trialbridge.sdtm.model_variables import WHOSE

if TYPE_CHECKING:
    from collections.abc import Container

    from trialbridge.mappings.kit import Release, Resource
    from trialbridge.sdtm.table import Study, Table

TRIAL_DESIGN = frozenset({"TA", "TE", "TV", "TI"})
"""Mapped datasets whose rows belong to the trial, not to a subject."""
_LISTED = 5


@dataclass(frozen=True, slots=True)
class ToFhir:
    """What a conversion to FHIR gives: resources, findings, the ledger.

    `made` has the parts written of each record, by dataset and row number (from 1).
    """

    resources: list[Resource]
    made: dict[tuple[str, int], dict[str, Resource]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    ledger: Ledger = field(default_factory=lambda: Ledger("to_fhir"))


@dataclass(slots=True)
class Written:
    """A record and what was written of it."""

    record: Record
    compiled: Compiled
    primary: Resource
    each: Resource | None
    parts: dict[str, Resource]

    @property
    def home(self) -> Resource:
        """The element that carries what the native elements do not say."""
        return self.primary if self.each is None else self.each


def native_to_fhir(
    study: Study, base: str = BASE, release: Release = "R4", dictionary: Dictionary = DICTIONARY
) -> ToFhir:
    """The study as FHIR resources. Nothing is lost: `to_sdtm` of the result gives the same cells.

    Findings tell of records without a usable key and of columns of the wrong type. Raises DoesNotFitError for NaN and
    infinity, which neither SDTM nor JSON has.
    """
    refuse_odd_numbers(study)
    ctx, result = begun(study, base, release, dictionary)
    mapped, plain = sorted_out(study, dictionary, wrong_columns(study, dictionary, result.findings))
    result.findings.extend(without_subject(study, plain, dictionary))
    written = write_all(mapped, ctx)
    round_trip(written, study, ctx, result)
    result.made.update({(one.record.dataset, one.record.number): one.parts for one in written})
    carry_all(study, plain, ctx, result)
    finished(study, ctx, result)
    result.resources.extend(in_order(ctx.resources.values(), release))
    return result


def begun(study: Study, base: str, release: Release, dictionary: Dictionary) -> tuple[Context, ToFhir]:
    """The surroundings in which a study's rows are written, and the outcome to be filled."""
    oncology = any(name in study for name in ("TU", "TR", "RS"))
    ctx = Context(base, release, dictionary=dictionary, oncology=oncology)
    ctx.enter_design(study["SE"].rows() if "SE" in study else (), study["TV"].rows() if "TV" in study else ())
    ctx.enter_exposure(study["EX"].rows() if "EX" in study else ())
    return ctx, ToFhir([])


def write_all(mapped: dict[str, list[Record]], ctx: Context) -> list[Written]:
    """Write the mapped rows, dataset by dataset."""
    return [write(record, ctx, ctx.base, ctx.release) for dataset in mapped for record in mapped[dataset]]


def carry_all(study: Study, plain: dict[str, list[Record]], ctx: Context, result: ToFhir) -> None:
    """Write the rows that travel as they are."""
    for dataset, rows in plain.items():
        label = study[dataset].label
        if dataset == "TS":
            summary_to_fhir(rows, label, ctx, ct_date(study.ct), result.ledger)
            continue
        for record in rows:
            to_basic(record, label, ctx)
            result.ledger.record(dataset, "out")
            for variable in record.row:
                result.ledger.count(dataset, variable, "carried")


def finished(study: Study, ctx: Context, result: ToFhir) -> None:
    """Describe the study on its resources, and account for its rows."""
    _finish(study, ctx)
    for table in study:
        result.ledger.record(table.name, "in", table.frame.height)
    result.findings.extend(_shared_keys(ctx))


def wrong_columns(study: Study, dictionary: Dictionary, findings: list[Finding]) -> dict[str, list[str]]:
    """The columns of the wrong type, by dataset: such datasets are not mapped."""
    found: dict[str, list[str]] = {}
    for table in sorted(study, key=lambda one: dictionary.rank(one.name)):
        if dictionary.takes(table.name, table.frame.columns) and (wrong := mistyped(table, study.version)):
            findings.append(_mistyped(table, wrong))
            found[table.name] = wrong
    return found


def sorted_out(
    study: Study, dictionary: Dictionary, wrong: Container[str]
) -> tuple[dict[str, list[Record]], dict[str, list[Record]]]:
    """Records of mapped datasets with their qualifiers, in the order of writing; and records that travel as they are."""
    mapped: dict[str, list[Record]] = {}
    plain: dict[str, list[Record]] = {}
    for table in sorted(study, key=lambda one: dictionary.rank(one.name)):
        if not dictionary.takes(table.name, table.frame.columns):
            continue
        if table.name in wrong:
            plain[table.name] = records(table)
            continue
        for record in records(table):
            of_subject = record.row.get("USUBJID") is not None or table.name[:2] in TRIAL_DESIGN
            usable = of_subject and record.row.get("DOMAIN") == table.name[:2]
            (mapped if usable else plain).setdefault(table.name, []).append(record)
    loose = joined(study, mapped)
    for table in study:
        if table.name in loose:
            plain[table.name] = loose[table.name]
        elif table.name not in plain and table.name not in mapped and table.name[4:] not in mapped:
            plain[table.name] = records(table)
    return mapped, plain


def _mistyped(table: Table, wrong: list[str]) -> Finding:
    return Finding(
        "TB-COLUMN-TYPE",
        Severity.WARNING,
        Where(dataset=table.name, variable=", ".join(wrong)),
        "The column is of the wrong type (Char for Num or the reverse), so the rows travel as they are, unmapped.",
        "read the file with its types, or mend the column",
    )


def refuse_odd_numbers(study: Study) -> None:
    """Refuse numbers that are none: neither SDTM nor JSON has them."""
    for table in study:
        for variable in table.variables:
            if variable.type == "Num":
                odd = table.frame[variable.name].is_finite().fill_null(value=True).not_().arg_true()
                if len(odd):
                    raise odd_number(Where(dataset=table.name, row=int(odd[0]) + 1, variable=variable.name))


def without_subject(study: Study, plain: dict[str, list[Record]], dictionary: Dictionary) -> list[Finding]:
    """Findings on rows that should belong to a subject and name none: nobody would look for them in Basic resources."""
    found = []
    for name, its in plain.items():
        if name[:2] in TRIAL_DESIGN or not dictionary.takes(name, study[name].frame.columns):
            continue
        rows = [one.number for one in its if not any(key in one.row for key in WHOSE)]
        if rows:
            listed = ", ".join(map(str, rows[:_LISTED])) + (f", … ({len(rows)} in all)" if len(rows) > _LISTED else "")
            message = f"No USUBJID in row {listed}: of no subject, kept as Basic and not as the domain's own resources."
            where = Where(dataset=name, row=rows[0], variable="USUBJID")
            found.append(Finding("TB-NO-SUBJECT", Severity.WARNING, where, message, "fill USUBJID"))
    return found


def odd_number(where: Where) -> DoesNotFitError:
    """That a number is none."""
    return DoesNotFitError("NaN and infinity are no SDTM values.", where, "leave the cell empty")


def write(record: Record, ctx: Context, base: str, release: Release) -> Written:
    """Write one record; what no code explains gets its domain's name in its business identifier."""
    mapping = ctx.dictionary.for_row(record.dataset, record.row)
    functions = compiled(mapping, release, base)
    ctx.row, ctx.dataset = record.row, record.dataset
    parts = functions.write(record.row, ctx)
    primary = parts[0]
    assert primary is not None
    each = parts[1] if mapping.each else None
    if not mapping.each:
        found = ctx.dictionary.for_resource(primary, ctx.url("sdtm-record"))
        if mapping.domain != "DM" and (found is None or found[0] != record.dataset):
            _name_record(primary, record, ctx)
    named = {name: part for name, part in zip(functions.names, parts, strict=True) if part}
    if mapping.after_write is not None:
        mapping.after_write(record.row, named, ctx)
    for part in named.values():
        value_or_reason(part)
    return Written(record, functions, primary, each, named)


def _name_record(primary: Resource, record: Record, ctx: Context) -> None:
    """Name the record's domain, where it has no --SEQ to make the whole business identifier from."""
    row = record.row
    value = record_id(row.get("STUDYID"), record.dataset, row["USUBJID"], f"row-{record.number}")
    identifier = {"system": ctx.url("sdtm-record"), "value": value}
    if (
        primary["resourceType"] == "AdverseEvent" and ctx.release == "R4"
    ):  # it has room for one identifier, the sponsor's
        extensions = primary.setdefault("extension", [])
        url = ctx.url("x-sdtm-record")
        extensions[:] = [one for one in extensions if one.get("url") != url]
        extensions.append({"url": url, "valueIdentifier": identifier})
    else:
        primary.setdefault("identifier", []).append(identifier)


def round_trip(written: list[Written], study: Study, ctx: Context, result: ToFhir) -> None:
    """Read back all that was written, and carry what comes back different."""
    columns = {table.name: frozenset(table.frame.columns) for table in study}
    for one in written:
        dataset = one.record.dataset
        _settle_record(one, columns[dataset], ctx, result)
        if dataset == "DM":
            learn_subject(one.record.row, ctx)
        result.ledger.record(dataset, "out")


def _settle_record(one: Written, columns: frozenset[str], ctx: Context, result: ToFhir) -> None:
    source, domain, ledger = one.record.row, one.record.dataset, result.ledger
    url = ctx.url("x-sdtm-variable")
    carrying: list[Resource] = []

    def settle(variable: str, native: Any, derived: bool) -> Any:  # noqa: FBT001 - the shape of Settle
        final = source.get(variable)
        qualifier = one.record.qualifiers.get(variable.removeprefix("SUPP."))
        reason, carry = settled(variable, native, final, qualifier, url, derived=derived)
        if carry is not None:
            carrying.append(carry)
        if reason is not None:
            ledger.count(*place_of(domain, variable), reason)
        return final

    functions = one.compiled
    if not functions.mapping.each and domain != "DM":
        found = ctx.dictionary.for_resource(one.primary, ctx.url("sdtm-record"))
        assert found is not None
        functions = compiled(found[1], ctx.release, ctx.base)
    elif functions.mapping.each and one.each is not None:
        functions = compiled(ctx.dictionary.for_element(domain[:2], one.each), ctx.release, ctx.base)
    walk(functions, one.primary, one.each, ctx, columns, source, settle)
    if carrying:
        one.home.setdefault("extension", []).extend(carrying)


def place_of(dataset: str, variable: str) -> tuple[str, str]:
    """Where a cell stands in the ledger: dataset and variable; a qualifier in its SUPP--."""
    name = variable.removeprefix("SUPP.")
    return (dataset, name) if name == variable else (f"SUPP{dataset}", name)


def settled(
    variable: str, native: Any, final: Any, qualifier: Qualifier | None, url: str, *, derived: bool
) -> tuple[str | None, Resource | None]:
    """What a variable comes to of which the elements say `native` and the row `final`: the reason, and what is carried."""
    if variable.startswith("SUPP."):
        name = variable.removeprefix("SUPP.")
        if qualifier is None:
            return "blank", extension(url, name, None, native, Qualifier(name, None))
        if native != final or not _by_default(qualifier):
            return "carried", extension(url, name, final, native, qualifier)
        return "read", None
    if native is None and final is None:
        return None, None
    if native == final:
        return "derived" if derived or variable == "DOMAIN" else "read", None
    return "blank" if final is None else "carried", extension(url, variable, final, native)


def _by_default(qualifier: Qualifier) -> bool:
    return DEFAULTS.get(qualifier.name) == (qualifier.label, qualifier.origin, qualifier.evaluator)


def _finish(study: Study, ctx: Context) -> None:
    """Describe the package and the arms on the studies."""
    studyids = [of for (of, _) in ctx.facts("arm") if of]
    for table in study:
        if "STUDYID" in table.frame.columns:
            studyids.extend(one for one in table.frame["STUDYID"].unique(maintain_order=True).to_list() if one)
    first = True
    for studyid in dict.fromkeys(studyids or ["unnamed"]):
        reference = ctx.study(studyid)["reference"]
        resource = ctx.resources[reference]
        add_arms(resource, studyid, ctx)
        if first:
            resource.setdefault("extension", []).append(package_extension(study, ctx.url("x-sdtm-package")))
            first = False


def _shared_keys(ctx: Context) -> list[Finding]:
    """Findings on records that share a key with another: they are kept, but their ids hang on their order."""
    return [
        Finding(
            "TB-KEY-TWICE",
            Severity.WARNING,
            _place_of_key(kind, key),
            f"Two records have the same key, and so would be one {kind}; the later one got a number.",
            "give each subject one record in DM"
            if kind == "ResearchSubject"
            else "make --SEQ unique within the subject",
        )
        for kind, key in ctx.duplicates
    ]


def _place_of_key(kind: str, key: tuple[Any, ...]) -> Where:
    """Dataset and subject of a business key: of DM it is the subject's, of Basic it begins with the dataset."""
    if kind == "ResearchSubject":
        return Where(dataset="DM", subject=str(key[-1]))
    if kind == "Basic":
        return Where(dataset=str(key[0]), subject=None if key[2] is None else str(key[2]))
    return Where(dataset=str(key[1]), subject=str(key[-2]))
