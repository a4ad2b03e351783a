"""Circles of operations, found as an exhaustive search finds them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend_expert.model import Finding, Severity
from backend_expert.model.system_file import load
from backend_expert.rules.structure.synchronous_cycle import shortest_cycles, strongly_connected, synchronous_cycle

NODES = "abcdefg"
GRAPHS = st.dictionaries(st.sampled_from(NODES), st.lists(st.sampled_from(NODES), max_size=4, unique=True).map(tuple)).map(
    lambda graph: {name: graph.get(name, ()) for name in NODES}
)


def reachable(graph: dict[str, tuple[str, ...]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += graph[name]
    return seen


@given(GRAPHS)
def test_parts_are_those_that_reach_each_other(graph: dict[str, tuple[str, ...]]) -> None:
    expected = {
        frozenset({one} | {other for other in NODES if other in reachable(graph, one) and one in reachable(graph, other)})
        for one in NODES
    }
    assert set(strongly_connected(graph)) == expected


@given(GRAPHS)
def test_every_cycle_is_one_and_every_knot_has_one(graph: dict[str, tuple[str, ...]]) -> None:
    cycles = shortest_cycles(graph)
    for cycle in cycles:
        assert all(target in graph[name] for name, target in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        assert len(set(cycle)) == len(cycle)
    on_cycles = {name for name in NODES if name in reachable(graph, name)}
    knots = {part for part in strongly_connected(graph) if part & on_cycles}
    assert len(cycles) == len(knots)


def review(certainty: str, *, kind: str = "service", back: str = "") -> list[Finding]:
    return list(
        synchronous_cycle(
            load(f"""
components: {{a: {{kind: {kind}}}, b: {{kind: service}}}}
operations:
  a x: {{component: a, trigger: {{kind: http}}, certainty: {certainty}, steps: [{{step: call, operation: b x}}]}}
  b x: {{component: b, trigger: {{kind: http}}, certainty: {certainty}, steps: [{{step: call, operation: a x{back}}}]}}
""")
        )
    )


def test_operations_that_are_known_make_a_high_finding() -> None:
    (finding,) = review("declared")
    assert (finding.severity, finding.subject) == (Severity.HIGH, "a → b → a")


def test_links_alone_make_a_medium_one() -> None:
    (finding,) = review("assumed")
    assert finding.severity is Severity.MEDIUM
    assert "was not read" in finding.why.en


def test_a_start_order_makes_none() -> None:
    assert review("assumed", back=", certainty: assumed") == []


def test_the_address_of_the_own_gateway_makes_none() -> None:
    assert review("assumed", kind="gateway") == []
    assert review("declared", kind="gateway") != []


def test_an_operation_that_calls_itself_is_no_circle_of_components() -> None:
    system = load(
        "components: {a: {kind: service}}\noperations: {a x: {component: a, trigger: {kind: http}, steps: [{step: call, operation: a x}]}}"
    )
    assert list(synchronous_cycle(system)) == []
