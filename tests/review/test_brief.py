"""The brief: fixed keys, prose in two languages, and refusals that name the line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.review.brief import BriefError, Consideration, Need, parse_peak, read_brief

PROSE_PT = """Analise minha arquitetura de microsserviços. Ela precisa suportar picos de tráfego de 5x e manter a consistência entre
serviços. Melhore a latência. A solução deve ser tolerante a falhas, escalável horizontalmente e eventualmente consistente.
Considere comunicação assíncrona, caching e resiliência."""

PROSE_EN = """Here is my microservice architecture; it must survive traffic peaks and keep data consistent between services;
improve latency. The solution must be fault-tolerant, horizontally scalable, eventually consistent; consider asynchronous
communication, caching, resilience."""


@pytest.mark.parametrize("prose", [PROSE_PT, PROSE_EN])
def test_the_advanced_activation_is_understood_in_both_languages(prose: str) -> None:
    brief = read_brief(prose, "brief.md")
    assert set(brief.requirements) == set(Need)
    assert set(brief.consider) == set(Consideration)


def test_prose_states_a_peak() -> None:
    assert read_brief(PROSE_PT, "brief.md").peak == 5


def test_fixed_keys() -> None:
    brief = read_brief(
        "task: survive\nrequirements: [low-latency]\nconsider: [caching]\npeak: 2.5x\nobjective: {latency_p99_ms: 400}\n",
        "brief.yaml",
    )
    assert brief.requirements == (Need.LOW_LATENCY,)
    assert brief.consider == (Consideration.CACHING,)
    assert (brief.peak, brief.latency_p99_ms, brief.success_ratio) == (2.5, 400, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task: a\nneeds: []\n", "brief.yaml:2: there is no key 'needs'"),
        ("requirements: fault-tolerant\n", "brief.yaml:1: expected a list"),
        (
            "requirements:\n- fault-tolerent\n",
            "brief.yaml:2: 'fault-tolerent' is nothing that can be decided here; did you mean 'fault-tolerant'?",
        ),
        ("peak: abc\n", "brief.yaml:1: a peak is a factor"),
        ("objective: {success_ratio: 2}\n", "brief.yaml:1: success_ratio is a share up to 1"),
    ],
)
def test_a_wrong_brief_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(BriefError) as caught:
        read_brief(text, "brief.yaml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("text", "factor"), [("5x", 5), ("5", 5), (" 2.5X ", 2.5), ("1x", 1)])
def test_a_peak_is_a_factor(text: str, factor: float) -> None:
    assert parse_peak(text) == factor


@pytest.mark.parametrize("text", ["abc", "", "-3x", "0.5x", "nan", "inf", "1e9x", "5xx"])
def test_what_is_no_factor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="factor"):
        parse_peak(text)


@given(st.text(max_size=300))
def test_any_text_is_a_brief_or_a_clear_refusal(text: str) -> None:
    try:
        brief = read_brief(text, "b")
    except BriefError as error:
        assert str(error).startswith("b:")  # noqa: PT017 - either outcome is right, and each is checked
    else:
        assert brief.peak is None or 1 <= brief.peak <= 1000
