"""A real service on loopback, started as a user starts it, and small studies to send it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "re_induction"


def free_port() -> int:
    """A port of loopback that nobody uses just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Service:
    """A running `trialbridge serve`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "log"
        self.spool = folder / "spool"
        self.spool.mkdir(parents=True)
        command = [sys.executable, "-P", "-c", "from trialbridge.cli import main; main()", "serve"]
        command += ["--port", str(self.port), "--folder", str(self.spool), *options]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def wait(self) -> None:
        """Until it answers, at the most a minute."""
        for _ in range(600):
            assert self.process.poll() is None, self.log.read_text()
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/health/live").status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError("the service did not start")

    def end(self) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def lines(self) -> list[dict]:
        """The log's JSON lines."""
        whole = self.log.read_text().rpartition("\n")[0]  # the last line may be being written
        return [json.loads(one) for one in whole.splitlines() if one.startswith("{")]

    def logged(self, **wanted) -> list[dict]:
        """The log's lines that have these members; waited for, since an answer may be there before its line."""
        for _ in range(100):
            found = [one for one in self.lines() if wanted.items() <= one.items()]
            if found:
                return found
            time.sleep(0.1)
        return []

    def settled(self) -> None:
        """Until nothing is left in its folder: an answer may be there before its files are gone. AssertionError if some stay."""
        for _ in range(100):
            if not list(self.spool.iterdir()):
                return
            time.sleep(0.1)
        raise AssertionError(list(self.spool.iterdir()))

    def memory(self) -> int:
        """Bytes of resident memory of the service and its workers."""
        return sum(_resident(one) for one in _tree(self.process.pid))


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        below = [int(one) for one in children.read_text().split()]
    except FileNotFoundError:
        return []
    return [pid, *(deep for one in below for deep in _tree(one))]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (FileNotFoundError, ProcessLookupError):
        return 0


@pytest.fixture
def started(tmp_path):
    """A function that starts a service with options; all are ended afterwards."""
    running = []

    def start(*options: str) -> Service:
        one = Service(tmp_path / f"service{len(running)}", *options)
        running.append(one)
        one.wait()
        return one

    yield start
    for one in running:
        if one.process.poll() is None:
            one.end()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """One service for all tests of a module that do not change it."""
    one = Service(tmp_path_factory.mktemp("service"), "--max-body", "8", "--max-unpacked", "24")
    one.wait()
    yield one
    if one.process.poll() is None:
        one.end()


@pytest.fixture(scope="session")
def patient_bundle():
    """A function that makes a Bundle of one patient with one measured lesion."""

    def bundle(number: int) -> bytes:
        patient = {"resourceType": "Patient", "id": f"p{number}", "gender": "female", "birthDate": "1955-03-01"}
        size = {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "33728-7"}]},
            "subject": {"reference": f"Patient/p{number}"},
            "effectiveDateTime": "2019-05-01",
            "valueQuantity": {"value": 23, "unit": "mm", "system": "http://unitsofmeasure.org", "code": "mm"},
        }
        entries = [{"fullUrl": f"urn:x:{one['id']}", "resource": one} for one in (patient, size)]
        return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()

    return bundle
