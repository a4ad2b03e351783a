from pathlib import Path

import pytest

from backend_expert.lab import load
from backend_expert.review.arrivals import EXAMPLES, parse_arrivals


def read(content: str):
    return lambda path: content


@pytest.mark.parametrize(
    ("text", "arrivals"),
    [
        ("ramp:5x@40s+40s", load.ramp(5, 40, 40)),
        ("spike:2.5x@40+20", load.spike(2.5, 40, 20)),
        ("diurnal:50%@60s", load.diurnal(0.5, 60, 120)),
        ("bursts:5x@5s+30s", load.bursty(5, 5, 30)),
        ("trace:day.txt@10s", load.trace((1, 2.5, 0), 10)),
    ],
)
def test_traffic_is_what_it_says(text: str, arrivals: load.Arrivals) -> None:
    assert parse_arrivals(text, 120, read("1\n2.5\n\n0\n")) == arrivals


def test_the_examples_are_examples() -> None:
    for each in EXAMPLES.split(", "):
        assert parse_arrivals(each, 120, read("1\n2")) is not None


@pytest.mark.parametrize(
    ("text", "content", "sentence"),
    [
        ("ramp", "", "is no traffic; write it like one of"),
        ("flood:5x@1s+1s", "", "there is no traffic 'flood'"),
        ("ramp:5@40s+40s", "", "lacks a size in 'x'"),
        ("ramp:-5x@40s+40s", "", "lacks a size in 'x'"),
        ("spike:5x@40s", "", "lacks the second time"),
        ("diurnal:5x@40s", "", "lacks a size in '%'"),
        ("diurnal:50%@0s", "", "needs a time above 0 s"),
        ("trace:f@10s", "1\nmany", "f:2 is no factor"),
        ("trace:f@10s", "1\nnan", "f:2 is no factor"),
        ("trace:f@10s", "\n", "f holds 0 factors"),
        ("trace:f@0s", "1", "needs a time above 0 s"),
    ],
)
def test_what_is_no_traffic_is_refused_in_one_sentence(text: str, content: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_arrivals(text, 120, read(content))


def test_a_trace_is_read_from_where_it_says() -> None:
    asked: list[Path] = []

    def remember(path: Path) -> str:
        asked.append(path)
        return "1"

    parse_arrivals("trace:some dir/day.txt@1s", 10, remember)
    assert asked == [Path("some dir/day.txt")]
