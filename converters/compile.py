"""Lines to functions: a mapping becomes straight-line Python source, once per release, in both directions.

`read(primary, each, ctx) -> (row, parts)`: one walk over the primary resource and its parts for all variables.
`write(row, ctx) -> parts`: the primary resource (or the `each` element) and its parts, in the order of
`Compiled.names`. The source is kept in `Compiled.source`, for reading and for tests.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from trialbridge.base.errors import NotInvertibleError
from trialbridge.converters import steps
from trialbridge.converters.path_trees import Node, node_of
from trialbridge.fhir.paths import Child, Choice, Index, Path, Step, parse
from trialbridge.mappings.kit import Line, Mapping, Release, Resource, Row, Spelling
from trialbridge.mappings.names import constants

Read = Callable[[Resource, Resource | None, Any], tuple[Row, tuple[Resource | None, ...]]]
Write = Callable[[Row, Any], tuple[Resource | None, ...]]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A mapping ready to run. `names[0]` is the primary (or `Each`'s resource), then `Each` if any, then the parts."""

    mapping: Mapping
    names: tuple[str, ...]
    read: Read
    write: Write
    source: str
    derivable: frozenset[str]
    """The variables that the mapping derives."""
    qualified: bool
    """Whether a line reads a supplemental qualifier."""


@dataclass(slots=True)
class _Source:
    """Source lines being written, and the objects they name."""

    text: list[str] = field(default_factory=list)
    names: dict[str, Any] = field(default_factory=dict)
    count: int = 0

    def add(self, depth: int, line: str) -> None:
        self.text.append("    " * depth + line)

    def new(self, prefix: str = "v") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def named(self, prefix: str, thing: Any) -> str:
        for name, known in self.names.items():
            if known is thing:
                return name
        name = self.new(prefix)
        self.names[name] = thing
        return name


@lru_cache(maxsize=512)
def compiled(mapping: Mapping, release: Release, base: str) -> Compiled:
    """The functions of a mapping for one release of FHIR and one base url."""
    source = _Source(
        names={
            "pick": steps.pick,
            "pick_by": steps.pick_by,
            "matches": steps.matches,
            "put": steps.put,
            "child": steps.child,
        }
        | {"nth": steps.nth, "choose": steps.choose, "fresh": steps.fresh, "deepcopy": copy.deepcopy}
    )
    parts = [part for part in mapping.parts if release in part.releases]
    names = (mapping.resource, *(("Each",) if mapping.each else ()), *(part.name for part in parts))
    bound = constants(base)
    _emit_read(source, mapping, release, bound, names)
    _emit_write(source, mapping, release, bound, names)
    text = "\n".join(source.text)
    space: dict[str, Any] = dict(source.names)
    code = compile(text, f"<mapping {mapping.name} {release}>", "exec")
    exec(code, space)  # noqa: S102 - the source is made above from the dictionary, never from input
    derivable = frozenset(one.variable for one in mapping.derived)
    qualified = any(one.variable.startswith("SUPP.") for one in mapping.lines)
    return Compiled(mapping, names, space["read"], space["write"], text, derivable, qualified)


# --- FHIR to SDTM ---------------------------------------------------------------------------------------------------


def _emit_read(
    source: _Source, mapping: Mapping, release: Release, bound: MappingOf[str, Any], names: tuple[str, ...]
) -> None:
    lines = [one for one in mapping.lines if release in one.releases and one.direction != "to_fhir"]
    tries = {name: Node() for name in names}
    conditions = {part.name: part.when for part in mapping.parts if release in part.releases}
    for one in lines:
        node_of(tries, parse(one.path)).lines.append(one)
    for part in mapping.parts:
        if release in part.releases:
            node_of(tries, parse(part.link)).links.append(part.name)
    source.add(0, f"def read({mapping.resource}, {'_' if mapping.resource == 'Each' else 'Each'}, ctx):")
    source.add(1, "row = {}")
    for name in names[1:]:
        if name != "Each":
            source.add(1, f"{name} = None")
    for name in names:
        if name in {mapping.resource, "Each"}:
            _emit_node(source, tries[name], name, 1, bound, mapping.resource, conditions)
        elif tries[name].children:
            source.add(1, f"if {name} is not None:")
            _emit_node(source, tries[name], name, 2, bound, name, conditions)
    for one in lines:
        for path, spelling in one.also:
            _emit_also(source, one, parse(path), spelling, bound)
    source.add(1, f"return row, ({', '.join(names)},)")


def _emit_node(
    source: _Source,
    node: Node,
    name: str,
    depth: int,
    bound: MappingOf[str, Any],
    within: str,
    conditions: MappingOf[str, Any],
) -> None:
    """Source that visits the children of the object in variable `name`."""
    if not node.children:
        source.add(depth, "pass")
    for step, below in node.children.items():
        value = source.new()
        literal = [one for one in below.lines if one.spelling.shape == "literal"]
        _emit_step(source, step, name, value, depth, bound)
        if literal and isinstance(step, Child):
            sibling = source.new()
            source.add(depth, f"{sibling} = {name}.get('_{step.name}')")
            source.add(depth, f"if {value} is not None or {sibling} is not None:")
            for one in literal:
                spelling = source.named("s", one.spelling.to_sdtm)
                _emit_cell(source, one.variable, f"{spelling}({value}, {sibling}, ctx)", depth + 1)
        rest = [one for one in below.lines if one.spelling.shape != "literal"]
        if rest or below.links or below.children:
            source.add(depth, f"if {value} is not None:")
            for one in rest:
                _emit_leaf(source, one, one.spelling, value, depth + 1)
            for part in below.links:
                source.add(depth + 1, f"{part} = ctx.resolve({value}, {within})")
                condition = source.named("p", conditions[part])
                source.add(depth + 1, f"if {part} is not None and not {condition}({part}): {part} = None")
            if below.children:
                _emit_node(source, below, value, depth + 1, bound, within, conditions)


def _emit_step(source: _Source, step: Step, name: str, value: str, depth: int, bound: MappingOf[str, Any]) -> None:
    if isinstance(step, Child):
        source.add(depth, f"{value} = {name}.get({step.name!r})")
    elif isinstance(step, Index):
        source.add(depth, f"{value} = {name}.get({step.name!r})")
        source.add(depth, f"{value} = {value}[{step.at}] if {value} and len({value}) > {step.at} else None")
    else:
        matcher = _matcher(step, bound)
        if len(matcher.simple) == 1 and not matcher.deep:
            (key, text), *_ = matcher.simple
            source.add(depth, f"{value} = pick_by({name}.get({step.name!r}), {key!r}, {text!r})")
        else:
            source.add(depth, f"{value} = pick({name}.get({step.name!r}), {source.named('m', matcher)})")


def _emit_leaf(source: _Source, one: Line, spelling: Spelling, value: str, depth: int) -> None:
    function = source.named("s", spelling.to_sdtm)
    if spelling.shape == "member":
        element = source.new()
        source.add(depth, f"for {element} in {value}:")
        cell = source.new()
        source.add(depth + 1, f"{cell} = {function}({element}, ctx)")
        source.add(depth + 1, f"if {cell} is not None:")
        source.add(depth + 2, f"row[{one.variable!r}] = {cell}")
        source.add(depth + 2, "break")
    else:
        _emit_cell(source, one.variable, f"{function}({value}, ctx)", depth)


def _emit_cell(source: _Source, variable: str, call: str, depth: int) -> None:
    cell = source.new()
    source.add(depth, f"{cell} = {call}")
    source.add(depth, f"if {cell} is not None:")
    source.add(depth + 1, f"row[{variable!r}] = {cell}")


def _emit_also(source: _Source, one: Line, path: Path, spelling: Spelling, bound: MappingOf[str, Any]) -> None:
    source.add(1, f"if {one.variable!r} not in row and {path.root} is not None:")
    name, depth = path.root, 2
    for step in path.steps[:-1]:
        value = source.new()
        _emit_step(source, step, name, value, depth, bound)
        source.add(depth, f"if {value} is not None:")
        name, depth = value, depth + 1
    value = source.new()
    _emit_step(source, path.steps[-1], name, value, depth, bound)
    if spelling.shape == "literal":
        sibling = source.new()
        source.add(depth, f"{sibling} = {name}.get('_{path.steps[-1].name}')")
        source.add(depth, f"if {value} is not None or {sibling} is not None:")
        function = source.named("s", spelling.to_sdtm)
        _emit_cell(source, one.variable, f"{function}({value}, {sibling}, ctx)", depth + 1)
    else:
        source.add(depth, f"if {value} is not None:")
        _emit_leaf(source, one, spelling, value, depth + 1)


# --- SDTM to FHIR ---------------------------------------------------------------------------------------------------


def _emit_write(
    source: _Source, mapping: Mapping, release: Release, bound: MappingOf[str, Any], names: tuple[str, ...]
) -> None:
    lines = [one for one in mapping.lines if release in one.releases and one.direction != "to_sdtm"]
    extras = [one for one in mapping.extras if release in one.releases]
    source.add(0, "def write(row, ctx):")
    primary = mapping.resource
    key = _key(mapping.key)
    template = source.named("t", _bind_fixed(mapping.fixed, bound))
    if mapping.each:
        source.add(1, f"{primary}, new = ctx.share({primary!r}, {key}, {template})")
        source.add(1, "if new:")
        _emit_lines(source, lines, extras, primary, 2, bound)
        _emit_element(source, parse(mapping.each[release]), bound)
        _emit_lines(source, lines, extras, "Each", 1, bound)
    else:
        source.add(1, f"{primary} = ctx.begin({primary!r}, {key}, {template})")
        _emit_lines(source, lines, extras, primary, 1, bound)
    for part in mapping.parts:
        if release not in part.releases:
            continue
        source.add(1, f"{part.name} = None")
        if not part.needs:
            continue
        needs = " or ".join(f"row.get({one!r}) is not None" for one in part.needs)
        root = parse(part.link).root
        source.add(1, f"if {needs}:" if root == primary else f"if ({needs}) and {root} is not None:")
        template = source.named("t", _bind_fixed(part.fixed, bound))
        source.add(2, f"{part.name}, new = ctx.share({part.type!r}, {_key(part.key)}, {template})")
        source.add(2, "if new:")
        _emit_lines(source, lines, extras, part.name, 3, bound)
        link = parse(part.link)
        reference = source.new()
        source.add(2, f"{reference} = {{'reference': {part.type + '/'!r} + {part.name}['id']}}")
        _emit_place(source, link, link.root, reference, "link", 2, bound)
    source.add(1, f"return ({', '.join(names)},)")


def _key(variables: tuple[str, ...]) -> str:
    return "(" + "".join(f"row.get({one!r}), " for one in variables) + ")"


def _emit_element(source: _Source, path: Path, bound: MappingOf[str, Any]) -> None:
    """Source that appends a new `Each` element to its list."""
    name = path.root
    for step in path.steps[:-1]:
        name = _emit_descend(source, step, name, 1, bound)
    last = path.steps[-1]
    start: Resource = steps.fresh(_matcher(last, bound)) if isinstance(last, Choice) else {}
    source.add(1, f"Each = deepcopy({source.named('t', start)})")
    source.add(1, f"{name}.setdefault({last.name!r}, []).append(Each)")


def _emit_lines(
    source: _Source, lines: list[Line], extras: list[Any], part: str, depth: int, bound: MappingOf[str, Any]
) -> None:
    """Source for all lines and extras that write into one part."""
    empty = True
    for one in lines:
        path = parse(one.path)
        if path.root != part:
            continue
        empty = False
        cell, value = source.new(), source.new()
        source.add(depth, f"{cell} = row.get({one.variable!r})")
        source.add(depth, f"if {cell} is not None:")
        function = source.named("s", one.spelling.to_fhir)
        source.add(depth + 1, f"{value} = {function}({cell}, ctx)")
        source.add(depth + 1, f"if {value} is not None:")
        _emit_place(source, path, part, value, one.spelling.shape, depth + 2, bound)
    for extra in extras:
        path = parse(extra.path)
        if path.root != part:
            continue
        empty = False
        value = source.new()
        source.add(depth, f"{value} = {source.named('e', extra.how)}(row, ctx)")
        source.add(depth, f"if {value} is not None:")
        _emit_place(source, path, part, value, "value", depth + 1, bound)
    if empty and depth > 1:
        source.add(depth, "pass")


def _emit_descend(source: _Source, step: Step, name: str, depth: int, bound: MappingOf[str, Any]) -> str:
    below = source.new()
    if isinstance(step, Child):
        source.add(depth, f"{below} = child({name}, {step.name!r})")
    elif isinstance(step, Index):
        source.add(depth, f"{below} = nth({name}, {step.name!r}, {step.at})")
    else:
        match = source.named("m", _matcher(step, bound))
        source.add(depth, f"{below} = choose({name}, {step.name!r}, {match})")
    return below


def _emit_place(
    source: _Source, path: Path, name: str, value: str, shape: str, depth: int, bound: MappingOf[str, Any]
) -> None:
    for step in path.steps[:-1]:
        name = _emit_descend(source, step, name, depth, bound)
    last = path.steps[-1]
    if shape == "member":
        source.add(depth, f"{name}.setdefault({last.name!r}, []).append({value})")
    elif shape == "link" and isinstance(last, Child):
        source.add(depth, f"{name}.setdefault({last.name!r}, {value})")
    elif shape == "link":
        below = _emit_descend(source, last, name, depth, bound)
        source.add(depth, f"if not {below}: {below}.update({value})")
    elif not isinstance(last, Child):
        below = _emit_descend(source, last, name, depth, bound)
        source.add(depth, f"{below}.update({value})")
    elif shape == "literal":
        source.add(depth, f"if {value}[0] is not None:")
        source.add(depth + 1, f"{name}[{last.name!r}] = {value}[0]")
        source.add(depth, f"if {value}[1] is not None:")
        source.add(depth + 1, f"{name}['_{last.name}'] = {value}[1]")
    else:
        source.add(depth, f"put({name}, {last.name!r}, {value})")


# --- constants ------------------------------------------------------------------------------------------------------


def _matcher(step: Step, bound: MappingOf[str, Any]) -> steps.Matcher:
    if not isinstance(step, Choice):
        raise NotInvertibleError(f"{step} chooses nothing.")
    return _cached_matcher(step, _Bound(bound))


class _Bound:
    """Constants as a hashable key: they hang on the base url alone."""

    __slots__ = ("constants",)

    def __init__(self, bound: MappingOf[str, Any]) -> None:
        self.constants = bound

    def __hash__(self) -> int:
        return hash(self.constants["base"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Bound) and other.constants["base"] == self.constants["base"]


@lru_cache(maxsize=4096)
def _cached_matcher(step: Choice, bound: _Bound) -> steps.Matcher:
    return steps.matcher(step.conditions, bound.constants)


def _bind_fixed(fixed: Any, bound: MappingOf[str, Any]) -> Any:
    """Fixed elements with their `%constants` bound."""
    if isinstance(fixed, str):
        return bound[fixed[1:]] if fixed.startswith("%") else fixed
    if isinstance(fixed, MappingOf):
        return {key: _bind_fixed(value, bound) for key, value in fixed.items()}
    if isinstance(fixed, list | tuple):
        return [_bind_fixed(value, bound) for value in fixed]
    return fixed
