"""The service under load: all is answered, memory stays bounded, too much is told so, the end is orderly."""

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

pytestmark = pytest.mark.once

JSON = {"Content-Type": "application/fhir+json"}
BUNDLES, AT_ONCE = 1000, 16
MEGABYTE = 1024 * 1024


def _large(patients, patient_bundle):
    """A Bundle of many patients."""
    entries = [entry for number in range(patients) for entry in json.loads(patient_bundle(number))["entry"]]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


def test_a_thousand_bundles_sixteen_at_a_time(started, patient_bundle):
    """A ward's nightly run would be answered in part, or the service would grow until it is killed."""
    service = started()
    memory = []
    wrong = []
    with httpx.Client(base_url=service.url, timeout=120, limits=httpx.Limits(max_connections=AT_ONCE)) as client:

        def one(number):
            answer = client.post("/convert", params={"to": "sdtm"}, content=patient_bundle(number), headers=JSON)
            if answer.status_code != 200 or answer.headers["x-trialbridge-adds-up"] != "true":
                wrong.append((answer.status_code, answer.text[:200]))
            if number % 50 == 0:
                memory.append(service.memory())

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(one, range(BUNDLES)))
    assert wrong == []
    settled = memory[len(memory) // 4 :]  # once the workers have loaded what they need
    assert max(settled) < 1.3 * min(settled)
    assert max(settled) < 1024 * MEGABYTE
    service.settled()


def test_too_many_at_once_are_told_to_come_back(started, patient_bundle):
    """An overloaded service would fail, or let everyone wait for ever."""
    service = started("--workers", "1", "--waiting", "2")
    begin = threading.Barrier(12)

    def one(number):
        begin.wait()
        answer = httpx.post(
            f"{service.url}/convert", params={"to": "sdtm"}, content=patient_bundle(number), headers=JSON, timeout=120
        )
        return (
            answer.status_code,
            answer.headers.get("retry-after"),
            answer.json() if answer.status_code == 429 else None,
        )

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(one, range(12)))
    assert {status for status, _, _ in answers} == {200, 429}
    for _, retry, outcome in [one for one in answers if one[0] == 429]:
        assert retry == "5"
        assert outcome["issue"][0]["code"] == "throttled"
    assert httpx.get(f"{service.url}/health/ready").status_code == 200


def test_work_that_takes_too_long_is_ended(started, patient_bundle):
    """One study could hold a process for ever."""
    service = started("--timeout", "3", "--workers", "1")
    body = _large(40_000, patient_bundle)
    answer = httpx.post(f"{service.url}/convert", params={"to": "sdtm"}, content=body, headers=JSON, timeout=120)
    assert answer.status_code == 504
    assert answer.json()["issue"][0]["code"] == "timeout"
    service.settled()
    for _ in range(20):  # on a busy machine the next worker may need more than its seconds to load
        again = httpx.post(
            f"{service.url}/convert", params={"to": "sdtm"}, content=patient_bundle(1), headers=JSON, timeout=120
        )
        if again.status_code == 200:
            break
    assert again.status_code == 200


def test_a_service_asked_to_end_finishes_what_it_has_begun(started, patient_bundle):
    """A deployment would cut conversions in the middle."""
    service = started()
    body = _large(600, patient_bundle)
    answers = []

    def call():
        answers.append(
            httpx.post(f"{service.url}/convert", params={"to": "sdtm"}, content=body, headers=JSON, timeout=120)
        )

    thread = threading.Thread(target=call)
    thread.start()
    until = time.monotonic() + 60
    while "trialbridge_work_inside 1.0" not in httpx.get(f"{service.url}/metrics").text:
        assert thread.is_alive(), "it was done before it could be asked to end"
        assert time.monotonic() < until
        time.sleep(0.02)
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(timeout=90) == 0
    thread.join()
    assert answers[0].status_code == 200
    assert list(service.spool.iterdir()) == []
