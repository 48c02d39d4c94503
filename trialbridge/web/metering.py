"""What the service tells of itself: metrics for Prometheus, and one line of JSON a request; no patient data in either.

A path is told by its route (`/convert`), never as it was called, for a call may hold an id.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, TextIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Meters:
    """The service's own metrics; each application has its own registry."""

    def __init__(self, inside: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "trialbridge_requests", "Requests answered", ("route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "trialbridge_request_seconds", "Time to the answer", ("route",), buckets=SECONDS, registry=self.registry
        )
        self._received = Counter("trialbridge_received_bytes", "Bytes of bodies", ("route",), registry=self.registry)
        inside_now = Gauge("trialbridge_work_inside", "Requests working or waiting", registry=self.registry)
        inside_now.set_function(lambda: float(inside()))

    def count(self, route: str, status: int, seconds: float, received: int) -> None:
        """One request answered."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        self._received.labels(route).inc(received)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)


def log(entry: dict[str, object], stream: TextIO | None = None) -> None:
    """One line of JSON with the time, on standard error."""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    (stream or sys.stderr).write(json.dumps({"time": when, **entry}) + "\n")
