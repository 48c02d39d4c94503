"""Findings of the rules, said shortly: an error would be refused or sent back, a warning asked about, a note is to know."""

from __future__ import annotations

from trialbridge.base.finding import Finding, Severity, Where


def error(name: str, path: str, message: str, fix: str = "") -> Finding:
    """Something the registry refuses or its reviewers send back."""
    return Finding(f"TB-REG-{name}", Severity.ERROR, Where(path=path), message, fix)


def warning(name: str, path: str, message: str, fix: str = "") -> Finding:
    """Something a reviewer would ask about."""
    return Finding(f"TB-REG-{name}", Severity.WARNING, Where(path=path), message, fix)


def note(name: str, path: str, message: str, fix: str = "") -> Finding:
    """Something to know."""
    return Finding(f"TB-REG-{name}", Severity.NOTE, Where(path=path), message, fix)
