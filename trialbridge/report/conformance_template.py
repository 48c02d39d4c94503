"""The page of `conformance_page` without its data: HTML, style and script in one text. `/*DATA*/null` is replaced."""

from __future__ import annotations

TEMPLATE = r"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Conformance</title>
<style>
:root { --ink:#1c2430; --muted:#64707f; --rule:#d9dee5; --shade:#f4f6f8; --accent:#1f5fbf;
  --error:#b3261e; --warning:#a8690a; --note:#4a6785; }
* { box-sizing:border-box; }
body { margin:0; font:14px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color:var(--ink); }
header { padding:14px 20px; background:var(--shade); border-bottom:1px solid var(--rule); }
h1 { font-size:19px; margin:0 0 6px; } h2 { font-size:15px; margin:0 0 8px; }
.facts { display:flex; gap:4px 20px; flex-wrap:wrap; color:var(--muted); font-size:13px; } .facts b { color:var(--ink); font-weight:600; }
.tiles { display:flex; gap:10px; margin-top:10px; flex-wrap:wrap; }
.tile { border:1px solid var(--rule); background:#fff; border-radius:6px; padding:6px 14px; min-width:96px; }
.tile b { display:block; font-size:21px; line-height:1.2; } .tile span { color:var(--muted); font-size:12px; }
.notes { background:#fff6dd; color:#6b4a00; padding:8px 20px; margin:0; border-bottom:1px solid var(--rule); }
section { padding:14px 20px 4px; }
table { border-collapse:collapse; font-size:13px; width:100%; }
th, td { text-align:left; padding:4px 9px; border-bottom:1px solid var(--rule); vertical-align:top; }
th { background:var(--shade); position:sticky; top:0; white-space:nowrap; } td.n, th.n { text-align:right; font-variant-numeric:tabular-nums; }
.scroll { max-height:46vh; overflow:auto; border:1px solid var(--rule); border-radius:6px; }
.split { display:grid; grid-template-columns:minmax(480px, 1fr) minmax(0, 2fr); gap:20px; }
tr.pick { cursor:pointer; } tr.pick:hover td { background:#eef4fd; } tr.on td { background:#dce9fb; }
.error { color:var(--error); } .warning { color:var(--warning); } .note { color:var(--note); } .muted { color:var(--muted); }
.bar { display:flex; gap:10px; flex-wrap:wrap; align-items:center; margin-bottom:8px; }
select, input { font:inherit; padding:3px 8px; border:1px solid var(--rule); border-radius:4px; background:#fff; max-width:22rem; }
button { font:inherit; padding:3px 10px; border:1px solid var(--rule); border-radius:4px; background:#fff; cursor:pointer; }
code { font:12px/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap:anywhere; }
aside { position:fixed; right:0; top:0; bottom:0; width:min(560px, 96vw); background:#fff; border-left:1px solid var(--rule);
  box-shadow:-6px 0 24px #0002; padding:16px 20px; overflow:auto; z-index:3; } aside[hidden] { display:none; }
dl { display:grid; grid-template-columns:96px 1fr; gap:4px 12px; margin:8px 0 14px; } dt { color:var(--muted); } dd { margin:0; overflow-wrap:anywhere; }
.keep { white-space:nowrap; }
pre { font:12px/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; background:var(--shade); border:1px solid var(--rule);
  border-radius:6px; padding:10px 12px; white-space:pre-wrap; overflow-wrap:anywhere; } mark { background:#ffe48a; box-shadow:0 0 0 1px #e3bc3a; }
td.bad { background:#ffe3e0; outline:2px solid var(--error); outline-offset:-2px; font-weight:600; }
.tag { border:1px solid var(--rule); border-radius:3px; padding:0 6px; font-size:12px; background:var(--shade); }
@media (max-width:900px) { .split { grid-template-columns:1fr; } }
@media print { .scroll { max-height:none; overflow:visible; } .bar, aside { display:none; } }
</style>
</head>
<body>
<header><h1 id="title">Conformance report</h1><div class="facts" id="facts"></div><div class="tiles" id="tiles"></div></header>
<p class="notes" id="notes" hidden></p>
<section class="split">
  <div><h2>By domain</h2><div class="scroll"><table id="domains"></table></div></div>
  <div><h2>By rule</h2><div class="scroll"><table id="rules"></table></div></div>
</section>
<section>
  <h2>Issues <span class="muted" id="count"></span></h2>
  <div class="bar" id="bar"></div>
  <div class="scroll" style="max-height:70vh"><table id="issues"></table></div>
</section>
<section><details><summary>All rules that ran, and why others did not</summary><table id="ran"></table></details></section>
<p class="muted" style="padding:0 20px 20px">Draft for qualified review. Not a validated system. This page holds patient data.</p>
<aside id="panel" hidden></aside>
<script>
"use strict";
const D = /*DATA*/null;
const F = ["rule", "dataset", "severity", "subject", "row", "seq", "cells", "message", "fix", "source", "disposition", "comment"];
const I = D.issues.map((one, at) => Object.assign({ at }, Object.fromEntries(F.map((name, i) => [name, one[i]]))));
const R = Object.fromEntries(D.rules.map(one => [one.id, one]));
const ORDER = ["error", "warning", "note"], MOST = 500;
const $ = id => document.getElementById(id);
const el = (name, text, cls) => { const e = document.createElement(name); if (text !== undefined && text !== null) e.textContent = text; if (cls) e.className = cls; return e; };
const row = (cells, cls) => { const tr = el("tr", null, cls); cells.forEach(c => tr.append(c instanceof Node ? c : el("td", c))); return tr; };
const head = names => { const tr = el("tr"); names.forEach(n => tr.append(el("th", n.replace(/^#/, ""), n[0] === "#" ? "n" : ""))); const h = el("thead"); h.append(tr); return h; };
const number = n => el("td", n ? n.toLocaleString("en") : "", "n");
const chosen = { severity: "", dataset: "", rule: "", disposition: "", text: "" };

D.details.filter(one => one[1]).forEach(([name, value]) => { const s = el("span", name + " "); s.append(el("b", value)); $("facts").append(s); });
const tally = Object.fromEntries(ORDER.map(s => [s, D.summary.filter(one => one[4] === s).reduce((n, one) => n + one[3], 0)]));
const ran = D.rules.filter(one => one.status === "SUCCESS" || one.status === "ISSUE REPORTED").length;
for (const [n, text, cls] of [[tally.error, "errors", "error"], [tally.warning, "warnings", "warning"], [tally.note, "notes", "note"],
    [ran, "rules ran", ""], [D.rules.length - ran, "did not run", ""], [D.datasets.length, "datasets", ""]]) {
  const t = el("div", null, "tile"); t.append(el("b", n.toLocaleString("en"), n ? cls : ""), el("span", text)); $("tiles").append(t);
}
if (D.notes.length) { $("notes").hidden = false; $("notes").textContent = D.notes.join(" "); }

const set = (name, value) => { chosen[name] = chosen[name] === value ? "" : value; draw(); };
function grouped(place, target, heads, extra) {
  const groups = new Map();
  for (const one of D.summary) {
    const g = groups.get(one[place]) || { error: 0, warning: 0, note: 0 }; g[one[4]] += one[3]; groups.set(one[place], g);
  }
  const body = el("tbody"), sum = g => g.error * 1e9 + g.warning * 1e4 + g.note, name = place ? "rule" : "dataset";
  [...groups].sort((a, b) => sum(b[1]) - sum(a[1])).forEach(([key, g]) => {
    const tr = row([key || "(study)", ...extra(key), number(g.error), number(g.warning), number(g.note)], "pick");
    tr.dataset.key = key; tr.onclick = () => set(name, key); body.append(tr);
  });
  if (!groups.size) body.append(row(["No issue."]));
  $(target).append(head(heads), body);
}
const labels = Object.fromEntries(D.datasets.map(one => [one[0], one[1]]));
grouped(0, "domains", ["Domain", "", "#Errors", "#Warnings", "#Notes"], key => [el("td", labels[key] || "", "muted")]);
grouped(1, "rules", ["Rule", "What it finds", "#Errors", "#Warnings", "#Notes"],
  key => [(R[key] || {}).message || (D.summary.find(one => one[1] === key) || [])[2] || ""]);

function options(name, values, all) {
  const s = el("select"); s.append(new Option(all, "")); values.forEach(v => s.append(new Option(v || "(study)", v)));
  s.onchange = () => { chosen[name] = s.value; draw(); }; s.id = "by-" + name; s.setAttribute("aria-label", all); $("bar").append(s);
}
const distinct = name => [...new Set(I.map(one => one[name]))].sort();
options("severity", ORDER.filter(s => tally[s]), "all severities");
options("dataset", distinct("dataset"), "all domains");
options("rule", distinct("rule"), "all rules");
options("disposition", distinct("disposition"), "all dispositions");
const search = el("input"); search.type = "search"; search.placeholder = "Search subject, value, message"; search.setAttribute("aria-label", "Search");
search.oninput = () => { chosen.text = search.value.toLowerCase(); draw(); };
const clear = el("button", "Clear"); clear.onclick = () => { Object.keys(chosen).forEach(k => chosen[k] = ""); search.value = ""; draw(); };
$("bar").append(search, clear);

const words = I.map(one => [one.rule, one.dataset, one.subject, one.seq, one.message, one.source, ...one.cells.flat()].join(" ").toLowerCase());
function draw() {
  const found = I.filter(one => ["severity", "dataset", "rule", "disposition"].every(k => !chosen[k] || one[k] === chosen[k])
    && (!chosen.text || words[one.at].includes(chosen.text)));
  for (const k of ["severity", "dataset", "rule", "disposition"]) $("by-" + k).value = chosen[k];
  document.querySelectorAll("#domains tr.pick").forEach(tr => tr.classList.toggle("on", tr.dataset.key === chosen.dataset && chosen.dataset !== ""));
  document.querySelectorAll("#rules tr.pick").forEach(tr => tr.classList.toggle("on", tr.dataset.key === chosen.rule && chosen.rule !== ""));
  const body = el("tbody");
  found.slice(0, MOST).forEach(one => {
    const cells = el("td"); one.cells.forEach(([name, value], i) => { if (i) cells.append(", "); cells.append(name); if (value) cells.append(" = ", el("code", value)); });
    const tr = row([el("td", one.severity, one.severity), el("td", one.rule, "keep"), one.dataset, el("td", one.row === null ? "" : one.row, "n"),
      el("td", one.subject, "keep"), cells, one.message, el("td", one.disposition === "open" ? "" : one.disposition, "muted")], "pick");
    tr.id = "i" + one.at; tr.tabIndex = 0; tr.onclick = () => open(one); tr.onkeydown = e => { if (e.key === "Enter") open(one); };
    body.append(tr);
  });
  $("issues").replaceChildren(head(["Severity", "Rule", "Domain", "#Record", "Subject", "Variables", "Message", "Disposition"]), body);
  const cut = I.length < D.total ? ", of " + D.total.toLocaleString("en") + " in all (the files hold more: --max-report-rows)" : "";
  $("count").textContent = found.length.toLocaleString("en") + (found.length > MOST ? ", the first " + MOST + " shown" : "") + cut;
}

function open(one) {
  const p = $("panel"), rule = R[one.rule] || {}, close = el("button", "Close"), facts = el("dl");
  close.onclick = () => { p.hidden = true; history.replaceState(null, "", "#"); };
  const add = (name, value) => { if (value) facts.append(el("dt", name), value instanceof Node ? value : el("dd", value)); };
  add("Severity", el("dd", one.severity, one.severity)); add("Where", [one.dataset, one.row === null ? "" : "record " + one.row, one.subject].filter(Boolean).join(", "));
  add("How to fix", one.fix || rule.fix); add("Rule", rule.text); add("CDISC", (rule.cdisc || []).join(", ")); add("FDA", (rule.fda || []).join(", "));
  add("Source", rule.section); add("Engine", rule.engine);
  if (one.source) { const dd = el("dd"); dd.append(el("code", one.source)); add("FHIR source", dd); }
  add("Disposition", one.disposition + (one.comment ? ": " + one.comment : ""));
  p.replaceChildren(close, el("h2", one.rule + ": " + one.message), facts);
  const held = D.records[one.dataset], values = held && held.rows[one.row];
  if (values) {
    const t = el("table"), body = el("tbody"), named = new Set(one.cells.map(c => c[0]));
    held.columns.forEach((name, i) => { if (values[i] !== null || named.has(name)) body.append(row([name, el("td", values[i] === null ? "(empty)" : values[i], named.has(name) ? "bad" : "")])); });
    t.append(head(["Variable", "Value"]), body); p.append(el("h2", "The record"), t);
  } else if (one.cells.some(c => c[1] !== null)) {
    const t = el("table"), body = el("tbody"); one.cells.forEach(([name, value]) => body.append(row([name, el("td", value || "(empty)", "bad")])));
    t.append(head(["Variable", "Value"]), body); p.append(t);
  }
  for (const part of one.source.split("; ")) {
    const at = part.indexOf(" "), name = at < 0 ? part : part.slice(0, at), resource = D.resources[name];
    if (resource) { const pre = el("pre"); json(pre, resource, resource.resourceType, part.slice(at + 1), ""); p.append(el("h2", name), pre); }
  }
  p.hidden = false; p.scrollTop = 0; history.replaceState(null, "", "#i" + one.at);
  const bad = p.querySelector("table td.bad, pre mark"); if (bad) bad.scrollIntoView({ block: "nearest" });
}
const inEntry = /^Bundle\.entry\[\d+\]\.resource/;
function json(out, value, path, wanted, indent) {
  const here = path === wanted.replace(inEntry, path.split(/[.[]/)[0]) && indent ? el("mark") : out;
  if (here !== out) out.append(here);
  if (value === null || typeof value !== "object") { here.append(JSON.stringify(value)); return; }
  const list = Array.isArray(value), keys = Object.keys(value), inner = indent + "  ";
  here.append(list ? "[" : "{");
  keys.forEach((key, i) => {
    here.append((i ? ",\n" : "\n") + inner + (list ? "" : JSON.stringify(key) + ": "));
    json(here, value[key], list ? path + "[" + key + "]" : path + "." + key, wanted, inner);
  });
  here.append("\n" + indent + (list ? "]" : "}"));
}
document.addEventListener("keydown", e => { if (e.key === "Escape") $("panel").hidden = true; });
const all = el("tbody");
D.rules.forEach(one => all.append(row([one.id, one.engine || "", one.status, [...(one.cdisc || []), ...(one.fda || [])].join(", "), one.message || "", one.why || ""])));
$("ran").append(head(["Rule", "Engine", "Status", "CDISC, FDA", "What it finds", "Why it did not run"]), all);
draw();
const asked = /^#i(\d+)$/.exec(location.hash); if (asked && I[+asked[1]]) open(I[+asked[1]]);
</script>
</body>
</html>
"""
