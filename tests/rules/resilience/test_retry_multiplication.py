"""Which paths multiply, and which one is told."""

from __future__ import annotations

import pytest

from backend_expert.model import Finding
from backend_expert.model.system_file import load
from backend_expert.rules.resilience.retry_multiplication import retry_multiplication


def review(first: str, second: str, third: str = "") -> list[Finding]:
    return list(
        retry_multiplication(
            load(f"""
components: {{a: {{kind: gateway}}, b: {{kind: service}}, c: {{kind: service}}, d: {{kind: external}}, e: {{kind: service}}}}
operations:
  a x: {{component: a, trigger: {{kind: http}}, steps: [{{step: call, operation: b x{first}}}]}}
  b x:
    component: b
    trigger: {{kind: http}}
    steps: [{{step: call, operation: c x{second}}}, {{step: call, operation: e x{second}}}]
  c x: {{component: c, trigger: {{kind: http}}, steps: [{{step: call, operation: d x{third}}}]}}
  d x: {{component: d, trigger: {{kind: http}}}}
  e x: {{component: e, trigger: {{kind: http}}}}
""")
        )
    )


def retry(attempts: float, budget: float | None = None) -> str:
    return f", policy: {{retry: {{attempts: {attempts}{'' if budget is None else f', budget: {budget}'}}}}}"


def test_the_longest_product_behind_the_first_retry_is_told_once() -> None:
    (finding,) = review(retry(3), retry(3), retry(3))
    assert finding.subject == "a → b → c → d"
    assert finding.title.en == "One failing request becomes 27 calls to `d`"
    assert "3 × 3 × 3 = 27" in finding.why.en
    assert "1 further path" in finding.why.en
    assert finding.components == ("b", "c", "a", "d")


def test_a_gap_between_two_retries_stays_in_the_path() -> None:
    (finding,) = review(retry(2), "", retry(3))
    assert [str(link) for link in finding.links] == ["a → b", "b → c", "c → d"]
    assert "2 × 3 = 6" in finding.why.en


@pytest.mark.parametrize("calls", [("", "", retry(9)), (retry(3), "", ""), (retry(1), retry(5), ""), ("", "", "")])
def test_one_layer_does_not_multiply(calls: tuple[str, str, str]) -> None:
    assert review(*calls) == []


def test_a_budget_counts_with_what_it_lets_through() -> None:
    assert review(retry(3), retry(3, budget=0.1), retry(3, budget=0.1)) != []
    assert review(retry(2), retry(3, budget=0.1), retry(3, budget=0.1)) == []
