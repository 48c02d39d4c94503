"""The define of a study, from its data, the guide, the terminology, and what a mapping tells of origins.

The same study gives the same define: OIDs are made of names (`IT.DM.SEX`), nothing of the clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from trialbridge.base.errors import UnknownNameError
from trialbridge.base.finding import Finding, Severity, Where
from trialbridge.sdtm import metadata
from trialbridge.sdtm.define.codelists import Codelists, package_date
from trialbridge.sdtm.define.measure import keys, measured
from trialbridge.sdtm.define.model import (
    Alias,
    Comment,
    Dataset,
    DatasetClass,
    Define,
    Document,
    DocumentReference,
    Item,
    ItemRef,
    Method,
    Standard,
    ValueList,
    WhereClause,
    sas_name,
)
from trialbridge.sdtm.define.origins import origin_of
from trialbridge.sdtm.define.values import valued

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialbridge.sdtm.codelists import Terminology
    from trialbridge.sdtm.define.origins import Told
    from trialbridge.sdtm.metadata import DomainMetadata, VariableMetadata
    from trialbridge.sdtm.table import Study, Table, Variable

GUIDE, PACKAGE = "STD.1", "STD.2"
_CLASSES = {"Special-Purpose": "SPECIAL PURPOSE"}


@dataclass(frozen=True, slots=True)
class About:
    """What the data do not say: names of the study, dictionaries' versions, documents, when it was made.

    `created` is ISO 8601; without it the time is that of our other files (1960-01-01), so that output is the same
    every time. `archive` is the suffix of the dataset files beside the define. `documents` are (href, title).
    """

    study_name: str = ""
    study_text: str = ""
    protocol: str = ""
    created: str = "1960-01-01T00:00:00"
    archive: str = "xpt"
    dictionaries: Mapping[str, str] = field(default_factory=dict)
    crf: str = ""
    documents: tuple[tuple[str, str], ...] = ()
    software: str = ""


@dataclass(slots=True)
class _Parts:
    """What is gathered dataset by dataset."""

    items: list[Item] = field(default_factory=list)
    methods: list[Method] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    value_lists: list[ValueList] = field(default_factory=list)
    where: list[WhereClause] = field(default_factory=list)


def define_of(
    study: Study,
    terminology: Terminology,
    about: About | None = None,
    told: Mapping[tuple[str, str], Told] | None = None,
) -> tuple[Define, list[Finding]]:
    """The define, and findings on what could not be said. `told` gives origins by (dataset, variable)."""
    about, told = about or About(), told or {}
    date = package_date(study, terminology)
    codelists = Codelists(terminology, about.dictionaries, PACKAGE)
    parts = _Parts()
    datasets = tuple(_dataset(one, study, about, told, codelists, parts) for one in study)
    studyid = _studyid(study)
    documents = tuple(
        Document(id=f"LF.DOC.{number}", href=href, title=title)
        for number, (href, title) in enumerate(about.documents, 1)
    )
    crf = (Document(id="LF.ACRF", href=about.crf, title="Annotated Case Report Form"),) if about.crf else ()
    define = Define(
        file_oid=f"DEFINE.{studyid}",
        created=about.created,
        study_oid=f"STDY.{studyid}",
        study_name=about.study_name or studyid,
        study_text=about.study_text or _title(study) or studyid,
        protocol=about.protocol or studyid,
        oid=f"MDV.{studyid}",
        name=f"Study {studyid}, Data Definitions",
        text=f"{study.standard} {study.version} data of study {studyid}",
        source_system="trialbridge" if about.software else "",
        source_system_version=about.software,
        standards=(
            Standard(oid=GUIDE, name=study.standard or "SDTMIG", type="IG", version=study.version),
            Standard(oid=PACKAGE, name="CDISC/NCI", type="CT", publishing_set="SDTM", version=date),
        ),
        crf=tuple(DocumentReference(leaf=one.id) for one in crf),
        supplements=tuple(DocumentReference(leaf=one.id) for one in documents),
        value_lists=tuple(parts.value_lists),
        where_clauses=tuple({one.oid: one for one in parts.where}.values()),
        datasets=datasets,
        items=tuple(parts.items),
        codelists=tuple(codelists.made()),
        methods=tuple(parts.methods),
        comments=tuple(parts.comments),
        documents=(*crf, *documents),
    )
    return define, _findings(define, codelists)


def _findings(define: Define, codelists: Codelists) -> list[Finding]:
    found = [
        Finding(
            "TB-DEFINE-0002",
            Severity.WARNING,
            Where(path=oid),
            f"The terminology package {codelists.terminology.package} has no codelist {code}: its terms have no NCI codes.",
            "install the whole package with `trialbridge terminology add FILE` and choose it",
        )
        for oid, code in codelists.missing.items()
    ]
    for home, name in _names(define):
        if not sas_name(name):
            message = f"{name!r} is no name that SAS takes; it is described without one."
            fix = "use at most 8 letters, digits and underscores, not a digit first"
            found.append(Finding("TB-DEFINE-0009", Severity.WARNING, Where(path=home), message, fix))
    for one in define.codelists:
        if one.external is not None and not one.external.version and not one.external.dictionary.startswith("ISO"):
            message = f"The version of {one.external.dictionary} is not known."
            fix = f"give it with --dictionary {one.external.dictionary}=VERSION"
            found.append(Finding("TB-DEFINE-0003", Severity.WARNING, Where(path=one.oid), message, fix))
    return found


def _names(define: Define) -> list[tuple[str, str]]:
    """The OID and name of every dataset and variable."""
    variables = [define.item[ref.item] for one in define.datasets for ref in one.items]
    return [*((one.oid, one.name) for one in define.datasets), *((one.oid, one.name) for one in variables)]


def _studyid(study: Study) -> str:
    for one in study:
        if "STUDYID" in one.frame.columns and one.frame.height:
            return str(one.frame["STUDYID"].drop_nulls().first() or "STUDY")
    return "STUDY"


def _title(study: Study) -> str:
    """TITLE of the trial summary."""
    if "TS" in study and {"TSPARMCD", "TSVAL"} <= set(study["TS"].frame.columns):
        rows = (one["TSVAL"] for one in study["TS"].rows() if one["TSPARMCD"] == "TITLE" and one["TSVAL"])
        return next(rows, "")
    return ""


def _standard(name: str, version: str) -> DomainMetadata | None:
    try:
        return metadata.domain(name, version)
    except UnknownNameError:
        return None


def _dataset(
    table: Table,
    study: Study,
    about: About,
    told: Mapping[tuple[str, str], Told],
    codelists: Codelists,
    parts: _Parts,
) -> Dataset:
    version = study.version if study.version in metadata.VERSIONS else metadata.LATEST
    standard = _standard(table.name, version)
    order = {name: number for number, name in enumerate(keys(table), start=1)}
    lists = {one.variable: one for one in valued(table, standard, codelists)}
    refs = []
    for number, variable in enumerate(table.variables, start=1):
        known = _known(variable.name, table, standard, version)
        item, method = _item(table, variable, known, standard, told.get((table.name, variable.name)), codelists)
        if variable.name in lists:
            item = replace(item, values=lists[variable.name].values.oid)
        parts.items.append(item)
        if method:
            parts.methods.append(_method(table, variable, method))
        refs.append(
            ItemRef(
                item=item.oid,
                order=number,
                mandatory=known is not None and known.core == "Req",
                key=order.get(variable.name),
                method=_method(table, variable, method).oid if method else "",
                role=known.role if known is not None else "",
                nonstandard=known is None and standard is not None,
                no_data=table.frame.height > 0 and table.frame[variable.name].null_count() == table.frame.height,
            )
        )
    for one in lists.values():
        parts.items.extend(one.items)
        parts.value_lists.append(one.values)
        parts.where.extend(one.where)
    comment = _comment(table, standard, study, parts)
    file = Document(
        id=f"LF.{re.sub(r'[^A-Za-z0-9_.-]', '_', table.name)}",  # an xs:ID
        href=f"{table.name.lower()}.{about.archive}",
        title=f"{table.name.lower()}.{about.archive}",
    )
    subjects = "USUBJID" in table.frame.columns
    return Dataset(
        oid=f"IG.{table.name}",
        name=table.name,
        repeating=not (subjects and set(order) <= {"STUDYID", "USUBJID"}),
        reference=not subjects and not table.name.startswith(("SUPP", "REL")),
        sas_name=sas_name(table.name),
        domain=table.name if table.name.startswith("REL") else table.domain,
        structure=standard.structure if standard is not None else "One record per record identifier per subject",
        archive=file.id,
        standard=GUIDE if standard is not None else "",
        nonstandard=standard is None,
        no_data=table.frame.height == 0,
        comment=comment,
        label=table.label or (standard.label if standard is not None else ""),
        items=tuple(refs),
        aliases=_aliases(table, standard),
        cls=DatasetClass(name=_class(table, standard)),
        file=file,
    )


def _known(name: str, table: Table, standard: DomainMetadata | None, version: str) -> VariableMetadata | None:
    """The guide's variable; else the model's, as another dataset of its class (or any) has it: MHSTDY as AESTDY."""
    if standard is not None and name in standard:
        return standard.variable(name)
    general = f"--{name[2:]}" if name[:2] == table.domain else name
    found = _model(version, standard.cls if standard is not None else "").get(general)
    return replace(found, name=name) if found is not None else None


@cache
def _model(version: str, cls: str) -> dict[str, VariableMetadata]:
    """Variables by the model's name (`--STDY`, `VISITNUM`), as the class has them first; permissible, no codelist."""
    ordered = sorted(metadata.domains(version), key=lambda one: (one.cls != cls, one.cls == "Trial Design"))
    found: dict[str, VariableMetadata] = {}
    for one in ordered:
        for variable in one.variables:
            plain = replace(variable, core="Perm", codelists=(), codelist_names=())
            found.setdefault(variable.model_variable or variable.name, plain)
    return found


def _item(
    table: Table,
    variable: Variable,
    known: VariableMetadata | None,
    standard: DomainMetadata | None,
    told: Told | None,
    codelists: Codelists,
) -> tuple[Item, str]:
    iso = known is not None and known.described_value_domain.startswith("ISO 8601")
    found = measured(table.frame[variable.name], variable, iso=iso or variable.name.endswith("DTC"))
    origin, method = origin_of(known, standard, told)
    origins = () if table.name.startswith("SUPP") and variable.name == "QVAL" else (origin,)
    item = Item(
        oid=f"IT.{table.name}.{variable.name}",
        name=variable.name,
        type=found.type,
        length=found.length,
        digits=found.digits,
        sas_name=sas_name(variable.name),
        format=found.format,
        label=variable.label or (known.label if known is not None else "") or variable.name,
        codelist=codelists.of_variable(table, variable.name, known),
        origins=origins,
    )
    return item, method


def _method(table: Table, variable: Variable, text: str) -> Method:
    name = f"Algorithm to derive {table.name}.{variable.name}"
    return Method(oid=f"MT.{table.name}.{variable.name}", name=name, text=text)


def _comment(table: Table, standard: DomainMetadata | None, study: Study, parts: _Parts) -> str:
    """The OID of a comment on a dataset that the guide does not have, or that is a part of a larger one."""
    if standard is None:
        text = f"{table.name} is not a dataset of {study.standard} {study.version}."
    elif _is_split(table):
        text = f"{table.name} is a part of {table.domain}, which is split (SDTMIG section 4.1.7)."
    elif table.frame.height == 0:
        text = "The dataset has no records."
    else:
        return ""
    parts.comments.append(Comment(oid=f"COM.{table.name}", text=text))
    return f"COM.{table.name}"


def _is_split(table: Table) -> bool:
    """Whether a dataset is a part of its domain: LBCH of LB (SDTMIG 3.4 section 4.1.7)."""
    return len(table.name) > 2 and not table.name.startswith(("SUPP", "REL", "AP"))


def _aliases(table: Table, standard: DomainMetadata | None) -> tuple[Alias, ...]:
    if standard is not None and _is_split(table):
        return (Alias(context="DomainDescription", name=standard.label),)
    return ()


def _class(table: Table, standard: DomainMetadata | None) -> str:
    if standard is not None:
        return _CLASSES.get(standard.cls, standard.cls.upper())
    prefix, names = table.domain, table.frame.columns
    for ending, name in (("TESTCD", "FINDINGS"), ("TRT", "INTERVENTIONS"), ("TERM", "EVENTS")):
        if f"{prefix}{ending}" in names:
            return name
    return "SPECIAL PURPOSE"
