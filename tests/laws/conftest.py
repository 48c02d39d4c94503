"""The strategies of `strategies.py`, loaded by their place (pytest's importlib mode puts nothing on sys.path)."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

_SPEC = importlib.util.spec_from_file_location("trialbridge_laws_strategies", Path(__file__).with_name("strategies.py"))
strategies = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(strategies)

# The same examples each time, so that a failure is the change's and not the day's; LAWS=1000 searches anew and longer.
EXAMPLES = int(os.environ.get("LAWS", "0"))
settings.register_profile(
    "laws",
    max_examples=EXAMPLES or 15,
    derandomize=not EXAMPLES,
    phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],  # shrinking a whole study takes minutes
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="session")
def laws():
    """The strategies."""
    return strategies
