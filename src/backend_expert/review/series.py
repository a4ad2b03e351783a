"""What the lab measured over time, in the words of the Result."""

from __future__ import annotations

from backend_expert.lab import load
from backend_expert.model import Text
from backend_expert.review.result import Interval, Series

FAULT = Text("fault", "falha")
PEAK = Text("peak", "pico")
BEFORE = Text("before", "antes")
AFTER = Text("after", "depois")

MEASURES = {
    "success_ratio": Text("requests that succeed", "requisições com sucesso"),
    "goodput_per_s": Text("successful answers", "respostas com sucesso"),
    "latency_p50_ms": Text("latency, p50", "latência, p50"),
    "latency_p95_ms": Text("latency, p95", "latência, p95"),
    "latency_p99_ms": Text("latency, p99", "latência, p99"),
}
"""The figures that a report shows before and after a change, by the id the lab gives them."""


def interval_of(interval: load.Interval) -> Interval:
    """Return an interval of the lab as one of the Result."""
    return Interval(interval.value, interval.low, interval.high)


def series_of(outcome: load.Outcome, id_: str, title: Text) -> Series:
    """Return the time series of an outcome under an id and a title."""
    series = outcome.series
    return Series(
        id=id_,
        title=title,
        time_s=series.time_s,
        latency_p50_ms=series.latency_p50_ms,
        latency_p99_ms=series.latency_p99_ms,
        success_ratio=series.success_ratio,
        offered_per_s=series.offered_per_s,
        goodput_per_s=series.goodput_per_s,
    )
