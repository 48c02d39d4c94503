"""schemathesis against the service's own OpenAPI: whatever is sent, there is no 500."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.once


def test_schemathesis_finds_no_server_error(service, tmp_path):
    """Some input nobody thought of would crash a route."""
    command = [sys.executable, "-P", "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json"]
    command += ["--checks", "not_a_server_error,content_type_conformance,response_schema_conformance"]
    command += ["--max-examples", "30", "--phases", "fuzzing"]
    command += ["--seed", "20261126", "--workers", "2", "--no-color", "--request-timeout", "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert len(service.lines()) > 50  # it did send requests
    assert [one for one in service.lines() if one["status"] >= 500] == [], service.log.read_text()[-3000:]
