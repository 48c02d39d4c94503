"""The helper that fetches official packages: its failures must be plain."""

import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("packages_under_test", Path(__file__).with_name("packages.py"))
packages = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(packages)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    """Nothing fetched yet."""
    monkeypatch.setenv("TRIALBRIDGE_TEST_CACHE", str(tmp_path))
    monkeypatch.delenv("TRIALBRIDGE_OFFLINE", raising=False)


def test_without_npm_the_one_from_pypi_is_used(monkeypatch):
    """A machine with nothing but Python could not run the tests."""
    monkeypatch.setattr(packages.shutil, "which", lambda _: None)
    assert packages.npm()[0] == packages.sys.executable


def test_offline_it_is_skipped(monkeypatch):
    """Work without a network would be impossible."""
    monkeypatch.setenv("TRIALBRIDGE_OFFLINE", "1")
    with pytest.raises(pytest.skip.Exception, match="TRIALBRIDGE_OFFLINE"):
        packages.package("mcode")


def test_a_failed_fetch_leaves_nothing_and_says_why(monkeypatch, tmp_path):
    """Half a package would be taken for a whole one ever after."""
    failed = packages.subprocess.CompletedProcess([], 1, "", "npm error 404")
    monkeypatch.setattr(packages.subprocess, "run", lambda *_, **__: failed)
    monkeypatch.setattr(packages.shutil, "which", lambda _: "/usr/bin/npm")
    with pytest.raises(pytest.fail.Exception, match="404"):
        packages.package("mcode")
    assert list(tmp_path.iterdir()) == []
