"""A define as one HTML page that needs nothing else: no network, no stylesheet beside it, no script to read it.

Every name that refers to something is a link to it: codelists, value-level items, methods, comments, documents.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from trialbridge.base.writing import whole_file
from trialbridge.sdtm.define import where_text
from trialbridge.sdtm.define.html_style import STYLE
from trialbridge.sdtm.define.specification_write import conditions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trialbridge.sdtm.define.model import CodeList, Dataset, Define, DocumentReference, Item, ItemRef, Origin


def write(define: Define, target: Path) -> Path:
    """The page, whole or not at all."""
    with whole_file(target) as part:
        part.write_text(page(define), encoding="utf-8", newline="\n")
    return target


def page(define: Define) -> str:
    """The page: the same define gives the same text."""
    guide = define.guide()
    standard = f"{guide.name} {guide.version}" if guide is not None else ""
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(define.study_name)}: data definitions</title><style>{STYLE}</style></head><body>",
            f'<nav><p class="study">{escape(define.study_name)}</p>{"".join(_contents(define))}</nav><main>',
            f"<h1>Data definitions of study {escape(define.study_name)}</h1>",
            f"<p>{escape(define.study_text)}</p>",
            '<dl class="about">',
            *_pairs(
                (
                    ("Protocol", define.protocol),
                    ("Standard", standard),
                    ("Terminology", ", ".join(define.packages())),
                    ("Define-XML", define.version),
                    ("Metadata", define.text or define.name),
                    ("Made", define.created),
                )
            ),
            "</dl>",
            *_documents(define),
            *_datasets(define),
            *(text for one in define.datasets for text in _dataset(one, define)),
            *_codelists(define),
            *_methods(define),
            *_comments(define),
            "</main></body></html>\n",
        )
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in pairs:
        if value:
            yield f"<dt>{name}</dt><dd>{escape(value)}</dd>"


def _anchor(oid: str) -> str:
    return escape(oid, quote=True).replace(" ", "_")


def _link(oid: str, text: str) -> str:
    return f'<a href="#{_anchor(oid)}">{escape(text)}</a>'


def _contents(define: Define) -> Iterator[str]:
    yield '<a href="#datasets">Datasets</a><ul>'
    for one in define.datasets:
        yield f'<li>{_link(one.oid, one.name)} <span class="dim">{escape(one.label)}</span></li>'
    yield "</ul>"
    for name, its in (("codelists", define.codelists), ("methods", define.methods), ("comments", define.comments)):
        if its:
            yield f'<a href="#{name}">{name.capitalize()} ({len(its)})</a>'


def _table(heads: Iterable[str], rows: Iterable[str], kind: str = "") -> Iterator[str]:
    yield f'<div class="wide"><table{f" class={kind}" if kind else ""}><thead><tr>'
    yield "".join(f"<th>{one}</th>" for one in heads)
    yield "</tr></thead><tbody>"
    yield from rows
    yield "</tbody></table></div>"


def _row(*cells: str, anchor: str = "", kind: str = "") -> str:
    mark = f' id="{anchor}"' if anchor else ""
    style = f' class="{kind}"' if kind else ""
    return f"<tr{mark}{style}>{''.join(f'<td>{one}</td>' for one in cells)}</tr>"


def _documents(define: Define) -> Iterator[str]:
    if define.documents:
        yield '<h2 id="documents">Documents</h2><ul>'
        for one in define.documents:
            href = escape(one.href, quote=True) if _is_beside(one.href) else ""
            text = escape(one.title or one.href)
            yield f'<li id="{_anchor(one.id)}">' + (f'<a href="{href}">{text}</a></li>' if href else f"{text}</li>")
        yield "</ul>"


def _is_beside(href: str) -> bool:
    """Whether a reference is to a file beside the define, or to the web: never `javascript:` or the like."""
    scheme, colon, _ = href.partition(":")
    return not colon or scheme.lower() in ("http", "https") or "/" in scheme


def _datasets(define: Define) -> Iterator[str]:
    yield '<h2 id="datasets">Datasets</h2>'
    rows = (
        _row(
            _link(one.oid, one.name),
            escape(one.label),
            escape(one.cls.name if one.cls is not None else ""),
            escape(one.structure),
            escape(", ".join(define.item[ref.item].name for ref in one.keys if ref.item in define.item)),
            _file(one),
            _remark(one.comment, define) or ("no data" if one.no_data else ""),
        )
        for one in define.datasets
    )
    yield from _table(("Dataset", "Description", "Class", "Structure", "Keys", "File", "Comment"), rows)


def _file(one: Dataset) -> str:
    if one.file is None:
        return ""
    href = escape(one.file.href, quote=True)
    return f'<a href="{href}">{escape(one.file.title or one.file.href)}</a>' if _is_beside(one.file.href) else href


def _dataset(one: Dataset, define: Define) -> Iterator[str]:
    yield f'<h3 id="{_anchor(one.oid)}">{escape(one.name)} <span class="dim">{escape(one.label)}</span></h3>'
    yield f'<p class="dim">{escape(one.structure)}. <a href="#datasets">all datasets</a></p>'
    rows = [_variable(ref, define.item[ref.item], define) for ref in one.items if ref.item in define.item]
    heads = ("Variable", "Label", "Key", "Type", "Length", "Codelist", "Role", "Origin", "Method, comment")
    yield from _table(heads, rows, "variables")
    for ref in one.items:
        item = define.item.get(ref.item)
        if item is not None and item.values in define.values:
            yield from _values(one, item, define)


def _variable(ref: ItemRef, item: Item, define: Define) -> str:
    name = f"<b>{escape(item.name)}</b>"
    if item.values in define.values:
        name = _link(item.values, item.name)
    marks = [*(["not in the guide"] if ref.nonstandard else []), *(["no data"] if ref.no_data else [])]
    label = escape(item.label) + (f' <span class="dim">({", ".join(marks)})</span>' if marks else "")
    return _row(
        name,
        label,
        "" if ref.key is None else str(ref.key),
        *_measures(item),
        _codelist_link(item, define),
        escape(ref.role),
        "<br>".join(_origin(origin, define) for origin in item.origins),
        _explained(ref, item, define),
        anchor=_anchor(item.oid),
        kind="required" if ref.mandatory else "",
    )


def _measures(item: Item) -> tuple[str, str]:
    length = "" if item.length is None else str(item.length)
    return escape(item.type), f"{length}.{item.digits}" if item.digits is not None else length


def _codelist_link(item: Item, define: Define) -> str:
    found = define.codelist.get(item.codelist)
    return _link(found.oid, found.name) if found is not None else ""


def _origin(origin: Origin, define: Define) -> str:
    source = f" ({escape(origin.source)})" if origin.source else ""
    text = f'<br><span class="path">{escape(origin.text)}</span>' if origin.text else ""
    return f"{escape(origin.type)}{source}{text}{_places(origin.documents, define)}"


def _places(documents: tuple[DocumentReference, ...], define: Define) -> str:
    titles = {one.id: one.title or one.href for one in define.documents}
    found = []
    for one in documents:
        pages = [f"{page.first}-{page.last}" if page.first is not None else page.refs for page in one.pages]
        found.append(f" {_link(one.leaf, titles.get(one.leaf, one.leaf))} {escape(', '.join(pages))}")
    return "".join(found)


def _explained(ref: ItemRef, item: Item, define: Define) -> str:
    method = define.method.get(ref.method)
    said = f"{escape(method.text)} {_link(method.oid, '§')}" if method is not None else ""
    return f"{said} {_remark(item.comment, define)}".strip()


def _remark(oid: str, define: Define) -> str:
    comment = define.remark.get(oid)
    return escape(comment.text) if comment is not None else ""


def _values(dataset: Dataset, item: Item, define: Define) -> Iterator[str]:
    listed = define.values[item.values]
    yield f'<details id="{_anchor(item.values)}" open><summary>Values of {escape(dataset.name)}.{escape(item.name)}'
    yield f" ({len(listed.items)})</summary>"
    rows = []
    for ref in listed.items:
        inner = define.item.get(ref.item)
        if inner is None:
            continue
        clauses = [define.where[oid] for oid in ref.where if oid in define.where]
        where = " or ".join(where_text.shown(conditions(one, dataset.name, define)) for one in clauses)
        rows.append(
            _row(
                f"<code>{escape(where)}</code>",
                escape(inner.label),
                *_measures(inner),
                _codelist_link(inner, define),
                "<br>".join(_origin(origin, define) for origin in inner.origins),
                _explained(ref, inner, define),
                anchor=_anchor(inner.oid),
            )
        )
    yield from _table(("Where", "Label", "Type", "Length", "Codelist", "Origin", "Method, comment"), rows)
    yield "</details>"


def _codelists(define: Define) -> Iterator[str]:
    if define.codelists:
        yield '<h2 id="codelists">Codelists</h2>'
    for one in define.codelists:
        code = f' <span class="dim">{escape(one.code)}</span>' if one.code else ""
        yield f'<h3 id="{_anchor(one.oid)}">{escape(one.name)}{code}</h3>'
        if one.external is not None:
            version = escape(one.external.version) or "version not given"
            yield f"<p>External dictionary: {escape(one.external.dictionary)}, {version}</p>"
        else:
            yield from _terms(one)


def _terms(one: CodeList) -> Iterator[str]:
    decoded = any(term.decode is not None for term in one.terms)
    coded = any(term.code for term in one.terms)
    heads = ("Value", *(["Decode"] if decoded else []), *(["NCI code"] if coded else []))
    rows = (
        _row(
            escape(term.value) + (' <span class="dim">sponsor’s term</span>' if term.extended else ""),
            *([escape(term.decode or "")] if decoded else []),
            *([escape(term.code)] if coded else []),
        )
        for term in one.terms
    )
    yield from _table(heads, rows, "terms")


def _methods(define: Define) -> Iterator[str]:
    if define.methods:
        yield '<h2 id="methods">Methods</h2>'
        rows = (
            _row(
                escape(one.name),
                escape(one.type),
                escape(one.text)
                + "".join(f"<pre>{escape(code.context)}: {escape(code.code)}</pre>" for code in one.expressions)
                + _places(one.documents, define),
                anchor=_anchor(one.oid),
            )
            for one in define.methods
        )
        yield from _table(("Method", "Type", "Description"), rows)


def _comments(define: Define) -> Iterator[str]:
    if define.comments:
        yield '<h2 id="comments">Comments</h2>'
        rows = (
            _row(escape(one.oid), escape(one.text) + _places(one.documents, define), anchor=_anchor(one.oid))
            for one in define.comments
        )
        yield from _table(("Comment", "Text"), rows)
