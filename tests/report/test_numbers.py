import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_result import measure

from backend_expert.model import Text
from backend_expert.report import numbers
from backend_expert.review.result import Interval

NAME = Text("p99", "p99")


@pytest.mark.parametrize(
    ("value", "english", "portuguese"),
    [
        (0, "0", "0"),
        (1234.5, "1,234", "1.234"),
        (1_234_567, "1,234,567", "1.234.567"),
        (12.34, "12.3", "12,3"),
        (10.0, "10", "10"),
        (1.5, "1.5", "1,5"),
        (0.02345, "0.0234", "0,0234"),
        (-716, "−716", "−716"),
        (math.inf, "–", "–"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(value: float, english: str, portuguese: str) -> None:
    assert numbers.number(value, "en") == english
    assert numbers.number(value, "pt-BR") == portuguese


def test_decimals_are_kept_when_asked() -> None:
    assert numbers.number(1234.5, "en", 1) == "1,234.5"
    assert numbers.number(1234.5, "pt-BR", 1) == "1.234,5"
    assert numbers.number(-0.001, "en", 1) == "0.0"


def test_the_interval_of_a_share_ends_at_nothing_and_at_all() -> None:
    assert numbers.bounds("success_ratio", Interval(0.95, 0.874, 1.026), "en") == "87.4–100"
    assert numbers.bounds("success_ratio", Interval(0.01, -0.02, 0.04), "pt-BR") == "0–4"
    assert numbers.bounds("latency_p99_ms", Interval(100, -5, 205), "en") == "−5–205"


def test_a_share_never_rounds_up_to_all() -> None:
    assert numbers.percent(0.97, "en") == "97\u00a0%"
    assert numbers.percent(0.9994, "en") == "99.9\u00a0%"
    assert numbers.percent(0.99996, "pt-BR") == "99,996\u00a0%"
    assert numbers.percent(1, "en") == "100\u00a0%"


def test_a_pair_stands_in_one_unit() -> None:
    assert numbers.before_after(measure("latency_p99_ms", NAME, 820, 104), "en") == "820 → 104\u00a0ms"
    assert numbers.before_after(measure("latency_p99_ms", NAME, 12_400, 812), "en") == "12.4 → 0.812\u00a0s"
    assert numbers.before_after(measure("goodput_per_s", NAME, 210, 1490), "pt-BR") == "210 → 1.490/s"
    assert numbers.before_after(measure("success_ratio", NAME, 0.4, 0.9), "en") == "40 → 90\u00a0%"


def test_shares_differ_by_points() -> None:
    each = measure("success_ratio", NAME, 0.412, 0.971, 0)
    assert numbers.difference(each, "en") == "55.9\u00a0points (55.9–55.9)"
    assert numbers.difference(each, "pt-BR").startswith("55,9\u00a0p.p.")


def test_negative_ends_are_joined_by_a_word() -> None:
    shown = numbers.interval("latency_p99_ms", Interval(-716, -742, -690), "en")
    assert shown == "−716\u00a0ms (−742 to −690)"


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(["en", "pt-BR"]))
def test_every_number_can_be_written(value: float, language: str) -> None:
    text = numbers.number(value, language)
    assert text
    assert "e" not in text


@given(st.floats(min_value=1e-3, max_value=1e9))
def test_a_number_reads_back_within_its_digits(value: float) -> None:
    text = numbers.number(value, "en").replace(",", "")
    assert math.isclose(float(text), value, rel_tol=0.0051)
