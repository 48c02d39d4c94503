"""The page of `lineage_page` without its data: HTML, style and script in one text. `/*DATA*/null` is replaced."""

from __future__ import annotations

TEMPLATE = r"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lineage</title>
<style>
:root { --ink:#1c2430; --muted:#64707f; --rule:#d9dee5; --ground:#fff; --shade:#f4f6f8; --accent:#1f5fbf;
  --READ:#2f7d4f; --DERIVED:#1f6f9f; --CARRIED:#a8690a; --ASSIGNED:#8a3f9a; }
* { box-sizing:border-box; }
html, body { height:100%; margin:0; }
body { display:flex; flex-direction:column; font:14px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  color:var(--ink); background:var(--ground); }
header { padding:10px 16px 0; border-bottom:1px solid var(--rule); background:var(--shade); }
.top { display:flex; gap:16px; align-items:baseline; flex-wrap:wrap; }
h1 { font-size:16px; margin:0; font-weight:600; overflow-wrap:anywhere; }
.legend { display:flex; gap:14px; margin-left:auto; color:var(--muted); font-size:12px; flex-wrap:wrap; }
.legend i { display:inline-block; width:9px; height:9px; border-radius:2px; margin-right:5px; }
nav { display:flex; flex-wrap:wrap; gap:2px; margin-top:8px; }
nav button { border:1px solid transparent; border-bottom:0; background:none; padding:5px 9px; font:inherit;
  color:var(--muted); cursor:pointer; border-radius:5px 5px 0 0; }
nav button[aria-selected=true] { background:var(--ground); border-color:var(--rule); color:var(--ink);
  font-weight:600; margin-bottom:-1px; padding-bottom:6px; }
main { flex:1; display:flex; min-height:0; }
#left { flex:1; min-width:0; display:flex; flex-direction:column; }
#bar { padding:7px 16px; display:flex; gap:14px; align-items:center; color:var(--muted); font-size:13px;
  border-bottom:1px solid var(--rule); flex-wrap:wrap; }
#bar b { color:var(--ink); }
#bar input { font:inherit; padding:3px 8px; border:1px solid var(--rule); border-radius:4px; width:170px; margin-left:auto; }
#notice { background:#fff6dd; color:#6b4a00; padding:2px 8px; border-radius:4px; }
#scroll { flex:1; overflow:auto; }
table { border-collapse:separate; border-spacing:0; font-size:12.5px; }
th, td { padding:3px 9px; border-bottom:1px solid var(--rule); border-right:1px solid #eceff3; white-space:nowrap;
  text-align:left; max-width:260px; overflow:hidden; text-overflow:ellipsis; }
th { position:sticky; top:0; background:var(--shade); font-weight:600; z-index:1; }
th:first-child, td:first-child { position:sticky; left:0; background:var(--shade); color:var(--muted); text-align:right; }
th:first-child { z-index:2; }
td.num { text-align:right; font-variant-numeric:tabular-nums; }
td.c { cursor:pointer; box-shadow:inset 3px 0 0 var(--of, transparent); }
td.c:hover { background:#eaf2fd; }
td.sel { background:#d5e6fb; outline:2px solid var(--accent); outline-offset:-2px; }
aside { width:min(46%, 660px); border-left:1px solid var(--rule); padding:14px 18px; display:flex; flex-direction:column; min-height:0; }
#facts { max-height:60%; overflow:auto; flex:none; }
aside h2 { font-size:15px; margin:0 0 2px; }
.value { font-size:19px; font-weight:600; overflow-wrap:anywhere; margin:2px 0 8px; }
.tag { display:inline-block; color:#fff; border-radius:3px; font-size:11px; padding:1px 7px; letter-spacing:.03em; vertical-align:2px; }
dl { display:grid; grid-template-columns:84px 1fr; gap:5px 12px; margin:8px 0 12px; }
dt { color:var(--muted); } dd { margin:0; overflow-wrap:anywhere; }
code, pre { font:12px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.pair { display:inline-flex; gap:8px; align-items:baseline; flex-wrap:wrap; }
.pair b { background:var(--shade); border:1px solid var(--rule); border-radius:4px; padding:0 7px; }
dd button { font:inherit; color:var(--accent); background:none; border:0; padding:0; margin-right:10px; cursor:pointer; text-decoration:underline; }
pre { background:var(--shade); border:1px solid var(--rule); border-radius:6px; padding:10px 12px; margin:0;
  overflow:auto; flex:1; min-height:0; position:relative; white-space:pre-wrap; overflow-wrap:anywhere; }
pre .k { color:#38598b; } pre .s { color:#3a6b35; } pre .n { color:#9a4a00; }
mark { background:#ffe48a; color:inherit; border-radius:3px; padding:1px 2px; box-shadow:0 0 0 1px #e3bc3a; }
.muted { color:var(--muted); }
@media (max-width:900px) { main { flex-direction:column; } aside { width:100%; border-left:0; border-top:1px solid var(--rule); height:50%; } }
</style>
</head>
<body>
<header>
  <div class="top"><h1 id="title"></h1><div class="legend" id="legend"></div></div>
  <nav id="tabs" role="tablist"></nav>
</header>
<main>
  <div id="left">
    <div id="bar"><span id="about"></span><span id="notice" hidden></span>
      <input id="filter" type="search" placeholder="Filter rows (subject, value)" aria-label="Filter rows"></div>
    <div id="scroll"><table id="table"></table></div>
  </div>
  <aside id="panel" aria-live="polite"><p class="muted">Choose a cell to see where it
    <span id="verb">came from</span>. Arrow keys move.</p></aside>
</main>
<script>
"use strict";
const D = /*DATA*/null;
const FIELDS = ["derivation", "resource", "path", "line", "mapping", "spelling", "link", "note"];
const WORDS = D.toFhir
  ? { READ: "written by a line", DERIVED: "not written: computed again", CARRIED: "carried in an extension", ASSIGNED: "given again" }
  : { READ: "read by a line", DERIVED: "computed", CARRIED: "carried in an extension", ASSIGNED: "given by the conversion" };
const $ = id => document.getElementById(id);
const el = (name, text, cls) => { const e = document.createElement(name); if (text !== undefined) e.textContent = text; if (cls) e.className = cls; return e; };
const info = cell => Object.fromEntries(FIELDS.map((f, i) => [f, cell[1][i] < 0 ? "" : D.texts[cell[1][i]]]));
let current = null, selected = null;

$("title").textContent = (D.toFhir ? "Where each cell goes: " : "Where each cell came from: ") + D.title;
document.title = $("title").textContent;
if (D.toFhir) $("verb").textContent = "goes";
for (const name of Object.keys(WORDS)) {
  const item = el("span"), dot = el("i"); dot.style.background = "var(--" + name + ")";
  item.append(dot, WORDS[name]); $("legend").append(item);
}
D.datasets.forEach((set, at) => {
  const tab = el("button", set.name); tab.setAttribute("role", "tab"); tab.title = set.label;
  tab.onclick = () => show(at); $("tabs").append(tab);
});

function show(at) {
  current = D.datasets[at]; selected = null; $("filter").value = "";
  [...$("tabs").children].forEach((tab, i) => tab.setAttribute("aria-selected", i === at));
  $("about").replaceChildren(el("b", current.name), " " + current.label);
  const cut = current.rows.length < current.total;
  $("notice").hidden = !cut;
  $("notice").textContent = cut ? current.rows.length + " of " + current.total + " rows shown; --subject or a dataset's name shows others" : "";
  const head = el("tr"); head.append(el("th", "row"));
  for (const [name, label] of current.columns) { const th = el("th", name); th.title = label; head.append(th); }
  const body = el("tbody");
  for (const row of current.rows) {
    const tr = el("tr"); tr.append(el("td", row[0]));
    for (let i = 1; i < row.length; i++) {
      const cell = row[i], td = el("td");
      if (cell) {
        td.textContent = cell[0]; td.className = typeof cell[0] === "number" ? "c num" : "c"; td.title = cell[0];
        td.style.setProperty("--of", "var(--" + D.texts[cell[1][0]] + ")"); td.cell = cell; td.row = row; td.column = i - 1;
      }
      tr.append(td);
    }
    body.append(tr);
  }
  const top = el("thead"); top.append(head); $("table").replaceChildren(top, body); $("scroll").scrollTo(0, 0);
}

$("table").onclick = event => { const td = event.target.closest("td.c"); if (td) open(td); };
$("filter").oninput = () => {
  const wanted = $("filter").value.toLowerCase();
  for (const tr of $("table").tBodies[0].rows) tr.hidden = wanted !== "" && !tr.textContent.toLowerCase().includes(wanted);
};
document.onkeydown = event => {
  const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!move || !selected || event.target.tagName === "INPUT") return;
  event.preventDefault();
  let tr = selected.parentNode, x = selected.cellIndex;
  for (;;) {
    if (move[0]) tr = move[0] > 0 ? tr.nextElementSibling : tr.previousElementSibling; else x += move[1];
    const td = tr && tr.cells[x];
    if (!td) return;
    if (td.cell && !tr.hidden) { open(td); td.scrollIntoView({ block: "nearest", inline: "nearest" }); return; }
  }
};

function value(row, name, set) { const at = set.columns.findIndex(c => c[0] === name); const cell = at < 0 ? 0 : row[at + 1]; return cell ? cell[0] : null; }

function open(td) {
  if (selected) selected.classList.remove("sel");
  selected = td; td.classList.add("sel");
  const cell = td.cell, about = info(cell), [name, label] = current.columns[td.column];
  const panel = $("panel"), tag = el("span", about.derivation, "tag"); tag.style.background = "var(--" + about.derivation + ")";
  const head = el("h2", current.name + "." + name + " "); head.append(tag);
  const who = [label, "row " + td.row[0], value(td.row, "USUBJID", current)].filter(Boolean).join(" · ");
  const list = el("dl");
  const add = (term, ...what) => { const dd = el("dd"); dd.append(...what); list.append(el("dt", term), dd); };
  if (about.resource) add("Resource", el("code", about.resource));
  if (about.path) add("Element", el("code", about.path));
  if (about.link) add("Reached by", el("code", about.link));
  if (about.line) add("Line", el("code", about.line.replace(" ", "  ↔  ")), el("span", "  (mapping " + about.mapping + ")", "muted"));
  if (about.spelling) add("Spelling", about.spelling);
  if (cell[2]) {
    const pair = el("span", undefined, "pair");
    pair.append(el("b", String(cell[2].code)), "↔", el("b", cell[2].value),
      el("span", [cell[2].display, cell[2].system].filter(Boolean).join(" · "), "muted"));
    add("Codes", pair);
  }
  if (cell[3]) add("Computed", "from ", ...cell[3].map(input => goto(input, td)));
  if (about.note) add("Note", about.note);
  const facts = el("div"); facts.id = "facts";
  facts.append(head, el("div", who, "muted"), el("div", String(cell[0]), "value"), list);
  panel.replaceChildren(facts);
  const resource = D.resources[about.resource];
  if (resource) {
    const pre = el("pre"); const path = steps(about.path);
    draw(resource, pre, "", path, path.length > 0);
    panel.append(pre);
    const mark = pre.querySelector("mark");
    if (mark) pre.scrollTop = mark.offsetTop - (pre.clientHeight - Math.min(mark.offsetHeight, pre.clientHeight)) / 2;
  } else if (about.resource) panel.append(el("p", "The resource is not in this page.", "muted"));
}

function goto(input, td) {
  const at = input.lastIndexOf("."), home = at < 0 ? current.name : input.slice(0, at), name = input.slice(at + 1);
  const index = D.datasets.findIndex(set => set.name === home), subject = value(td.row, "USUBJID", current);
  const set = D.datasets[index];
  const row = !set ? -1 : home === current.name ? set.rows.indexOf(td.row)
    : home === "DM" ? set.rows.findIndex(r => value(r, "USUBJID", set) === subject) : -1;
  const column = set ? set.columns.findIndex(c => c[0] === name) : -1;
  if (row < 0 || column < 0 || !set.rows[row][column + 1]) return el("span", input + "  ");
  const button = el("button", input);
  button.onclick = () => {
    if (home !== current.name) show(index);
    const target = $("table").tBodies[0].rows[row].cells[column + 1];
    target.scrollIntoView({ block: "center", inline: "center" }); open(target);
  };
  return button;
}

function steps(path) {
  return (path.match(/[^.\[\]]+/g) || []).slice(1).map(part => /^\d+$/.test(part) ? Number(part) : part);
}

function draw(value, into, indent, path, here) {
  // `path` is what is left of the way to the element; where it ends, the element is marked.
  if (here && path.length === 0) { const mark = el("mark"); into.append(mark); into = mark; here = false; }
  if (value !== null && typeof value === "object" && "#" in value) { into.append(el("span", value["#"], "n")); return; }
  if (value === null || typeof value !== "object") {
    into.append(el("span", JSON.stringify(value), typeof value === "string" ? "s" : "n")); return;
  }
  const list = Array.isArray(value), keys = Object.keys(value), inner = indent + "  ";
  if (!keys.length) { into.append(list ? "[]" : "{}"); return; }
  let next = here ? path[0] : null;
  let rest = here ? path.slice(1) : [];
  // a primitive's extensions stand beside it under _name
  if (here && !list && path[1] === "extension" && "_" + next in value && (typeof value[next] !== "object" || value[next] === null)) next = "_" + next;
  into.append(list ? "[\n" : "{\n");
  keys.forEach((key, i) => {
    into.append(inner);
    if (!list) into.append(el("span", JSON.stringify(key), "k"), ": ");
    draw(value[key], into, inner, rest, here && String(next) === key);
    into.append(i < keys.length - 1 ? ",\n" : "\n");
  });
  into.append(indent + (list ? "]" : "}"));
}

if (D.datasets.length) show(0);
</script>
</body>
</html>
"""
