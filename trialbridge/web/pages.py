"""The service's documentation as one page that needs nothing else: its OpenAPI description as HTML, no script, no network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2733; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccd3db; }
h3 { margin: 2rem 0 .3rem; font: 600 1rem ui-monospace, monospace; } h3 b { color: #0b5d8a; margin-right: .6rem; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; table-layout: fixed; }
caption { text-align: left; font-weight: 600; }
td { border-top: 1px solid #e3e8ee; padding: .25rem .8rem .25rem 0; vertical-align: top; overflow-wrap: anywhere; }
td:first-child { width: 9rem; font-family: ui-monospace, monospace; }
small { color: #5a6775; }
"""


def page(api: Mapping[str, Any]) -> str:
    """The page of an OpenAPI description."""
    about = api["info"]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(about["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(about['title'])} {escape(about['version'])}</h1><p>{escape(about['summary'])}<br>"
        f"<small>{escape(about['description'])} For programs: <code>/openapi.json</code></small></p>"
        f"{''.join(_calls(api))}</body></html>"
    )


def _calls(api: Mapping[str, Any]) -> Iterator[str]:
    """Each call, under its tag."""
    calls = [(path, method, one) for path, methods in api["paths"].items() for method, one in methods.items()]
    for tag in dict.fromkeys(one["tags"][0] for _, _, one in calls):
        yield f"<h2>{escape(tag)}</h2>"
        for path, method, one in calls:
            if one["tags"][0] == tag:
                yield f"<h3><b>{method.upper()}</b>{escape(path)}</h3><p>{escape(one['description'])}</p>"
                yield _table("Parameters", ((each["name"], _parameter(each)) for each in one.get("parameters", ())))
                yield _body(one.get("requestBody", {}))
                yield _table("Answers", ((code, each["description"]) for code, each in one["responses"].items()))


def _parameter(one: Mapping[str, Any]) -> str:
    """What a parameter is for, and the values it takes."""
    schemas = one["schema"].get("anyOf", [one["schema"]])
    values = [str(value) for schema in schemas for value in schema.get("enum", ())]
    needed = "Needed. " if one.get("required") else ""
    listed = f"({', '.join(values)})" if values else ""
    return f"{needed}{one.get('description', '')} {listed}".strip()


def _body(body: Mapping[str, Any]) -> str:
    return _table("Body", [("Content-Type", ", ".join(body["content"])), ("", body["description"])]) if body else ""


def _table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in rows)
    return f"<table><caption>{title}</caption>{cells}</table>" if cells else ""
