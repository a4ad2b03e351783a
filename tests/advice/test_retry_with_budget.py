"""Retries stay at one layer, the last of the path, with jitter and a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from backend_expert.advice.resilience.retry_with_budget import retry_with_budget
from backend_expert.model import Call, Estimate, Mechanism, Operation, Policy, Retry, System, Trigger, Work, call_sites

if TYPE_CHECKING:
    from conftest import FindingOf


def chain(*attempts: int) -> System:
    """Build a → b → c … where each call retries so often."""
    names = "abcdef"[: len(attempts) + 1]
    operations = []
    for place, name in enumerate(names):
        retry = Retry(Estimate(attempts[place])) if place < len(attempts) and attempts[place] > 1 else None
        steps = (
            (Call(operation=f"{names[place + 1]} work", policy=Policy(retry=retry)),)
            if place < len(attempts)
            else (Work(cpu_ms=Estimate(30)),)
        )
        operations.append(Operation(name=f"{name} work", component=name, trigger=Trigger(kind="http"), steps=steps))
    return System(name="chain", operations=tuple(operations), network_ms=Estimate(0.5))


def retries(system: System) -> list[Retry | None]:
    return [site.step.policy.retry for site in call_sites(system)]


def test_only_the_last_layer_keeps_its_retries(finding_of: FindingOf) -> None:
    changed = retry_with_budget(chain(3, 4, 1, 5), finding_of("retry-multiplication", "a>b>c>d>e"), 3)
    first, second, third, last = retries(changed)
    assert (first, second, third) == (None, None, None)
    assert last is not None
    assert last.attempts.value == 3
    assert last.jitter == "full"
    assert last.budget == Estimate(0.1)
    # The pause is about as long as the callee takes: 30 ms of work, 1 ms of network.
    assert last.backoff_ms == Estimate(31)
    assert last.backoff_cap_ms == Estimate(310)


def test_what_is_removed_is_marked_as_looked_for_and_absent(finding_of: FindingOf) -> None:
    changed = retry_with_budget(chain(3, 3), finding_of("retry-multiplication", "a>b>c"), 3)
    first, last = call_sites(changed)
    assert first.step.policy.lacks(Mechanism.RETRY)
    assert not last.step.policy.lacks(Mechanism.RETRY)


def test_a_finding_about_jitter_removes_no_retry(finding_of: FindingOf) -> None:
    changed = retry_with_budget(chain(3, 2), finding_of("retry-without-jitter", "a>b>c"), 3)
    assert [retry.jitter if retry else None for retry in retries(changed)] == ["full", "full"]
    assert [retry.attempts.value if retry else None for retry in retries(changed)] == [3, 2]


def test_a_path_without_retries_is_left_alone(finding_of: FindingOf) -> None:
    before = chain(1, 1)
    assert retry_with_budget(before, finding_of("retry-multiplication", "a>b>c"), 3) is before


def test_a_backoff_that_somebody_chose_stays(finding_of: FindingOf) -> None:
    before = chain(3)

    def chosen(operation: Operation) -> Operation:
        steps = tuple(
            structs.replace(step, policy=Policy(retry=Retry(Estimate(3), backoff_ms=Estimate(200))))
            if isinstance(step, Call)
            else step
            for step in operation.steps
        )
        return structs.replace(operation, steps=steps)

    before = structs.replace(before, operations=tuple(chosen(each) for each in before.operations))
    (retry,) = retries(retry_with_budget(before, finding_of("retry-multiplication", "a>b"), 3))
    assert retry is not None
    assert (retry.backoff_ms, retry.backoff_cap_ms) == (Estimate(200), Estimate(2000))
