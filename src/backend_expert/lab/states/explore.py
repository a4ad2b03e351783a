"""Explore a flow: every interleaving, crash, duplicate and timeout within its bounds, and the shortest history of each anomaly."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import structs

from backend_expert.lab.states.compile import compile_flow
from backend_expert.lab.states.compiled_engine import MOST_COMMANDS, explore_compiled
from backend_expert.lab.states.flow import AROUND_REQUESTS, Bounds, Flow, FlowError, Invariant, Lock, walk
from backend_expert.lab.states.history import told
from backend_expert.lab.states.invariants import MEANING, inferred
from backend_expert.lab.states.machine import Machine, Property, sliced
from backend_expert.lab.states.python_engine import Run, explore_machine
from backend_expert.lab.states.verdict import Answer, Verdict
from backend_expert.lab.states.world import World
from backend_expert.model import Text

MANY_COMMANDS = 100
"""Commands from which on the plain engine takes longer to write its functions than the compiled one to read its tables."""

STATE_LIMIT = 5_000_000
"""Most distinct states of one slice, about 40 bytes each in the compiled engine, so 0.2 GB and some ten seconds; past it the answer is
CAPPED."""


LARGE = 100_000
"""States past which a slice is large: one second in the plain engine. Then the compiled engine takes over, and a request counts as much as
a fault."""


def explore(
    flow: Flow,
    invariants: tuple[Invariant, ...] = (),
    bounds: Bounds | None = None,
    *,
    state_limit: int = STATE_LIMIT,
    known: dict[Machine, Run] | None = None,
    many: bool = False,
) -> Verdict:
    """Return what can go wrong in a flow within its bounds.

    The invariants are the given ones, else those of the flow, else those that the flow calls for by itself. Raise `FlowError` for a
    flow that does not fit together, before anything is explored.
    """
    flow = prepared(flow, invariants, bounds)
    found: dict[str, list[Answer]] = {}
    for variant in variants(flow):
        for answer in _answers(variant, state_limit, {} if known is None else known, many):
            parts = found.setdefault(answer.name, [])
            if answer not in parts:
                parts.append(answer)
    return Verdict(
        flow=flow.name,
        bounds=flow.bounds,
        answers=tuple(together(found[each.name]) for each in flow.invariants),
        assumptions=assumptions(flow),
    )


def explore_deeper(flow: Flow, *, state_limit: int, known: dict[Machine, Run] | None = None, many: bool = False) -> Verdict:
    """Return the verdict of a flow; where it was CAPPED, a single request is followed, too: it goes deeper, and a history is a history."""
    wide = explore(flow, state_limit=state_limit, known=known, many=many)
    if wide.bounds.requests == 1 or all(answer.verdict != "capped" for answer in wide.answers):
        return wide
    alone = structs.replace(wide.bounds, requests=1)
    deep = explore(flow, bounds=alone, state_limit=state_limit, known=known, many=many)
    pairs = zip(wide.answers, deep.answers, strict=True)
    return structs.replace(wide, answers=tuple(two if one.verdict == "capped" and two.history else one for one, two in pairs))


def prepared(flow: Flow, invariants: tuple[Invariant, ...] = (), bounds: Bounds | None = None) -> Flow:
    """Return the flow with the invariants and bounds that count; raise `FlowError` when they make no sense."""
    flow = structs.replace(flow, bounds=bounds or flow.bounds)
    chosen = invariants or flow.invariants or inferred(flow)
    flow = structs.replace(flow, invariants=tuple(dict.fromkeys(chosen)))
    if flow.bounds.requests < 1:
        raise FlowError("The bounds allow no request; set requests to 1 or more.")
    for name, budget in flow.bounds.faults:
        if budget < 0:
            raise FlowError(f"The bound {name} is {budget}; it counts faults and cannot be negative.")
    if not any(isinstance(step, Lock) and step.lease for handler in flow.handlers for step in walk(handler.steps)):
        flow = structs.replace(flow, bounds=structs.replace(flow.bounds, pause=0))
    if not flow.invariants:
        raise FlowError(f"Flow {flow.name!r} has no invariant and calls for none; declare what must never happen.")
    return flow


def variants(flow: Flow) -> tuple[Flow, ...]:
    """Return the flow once, or twice where it has quantities to be tried with one unit too few and with just enough."""

    def with_initial(initial: str) -> Flow:
        tables = tuple(
            structs.replace(
                table,
                columns=tuple(
                    structs.replace(each, initial=initial) if each.initial == AROUND_REQUESTS else each for each in table.columns
                ),
            )
            for table in flow.tables
        )
        return structs.replace(flow, tables=tables)

    tried = (with_initial("requests - 1"), with_initial("requests"))
    return tried if tried[0] != tried[1] else (flow,)


def _answers(flow: Flow, state_limit: int, known: dict[Machine, Run], many: bool) -> Iterator[Answer]:
    """Yield the answer of every part of every invariant."""
    machine = compile_flow(flow)
    world = World(flow)
    for part in slices(machine):
        if part not in known:
            known[part] = run_of(part, state_limit, many=many)
        for index in range(len(part.properties)):
            yield answer_of(flow, world, part, known[part], index)


def run_of(machine: Machine, limit: int, *, many: bool = False) -> Run:
    """Explore a slice by fewest faults; a large one by fewest requests and faults, which finds short histories much sooner.

    Where little may be looked at (a limit below that of a large slice), or where `many` machines are explored one after another, there
    is one exploration, by fewest requests and faults.
    """
    if many and MANY_COMMANDS <= len(machine.commands) <= MOST_COMMANDS:
        return explore_compiled(machine, limit=limit, requests_first=False)
    if limit < LARGE:
        return explore_machine(machine, limit=limit, requests_first=False)
    run = explore_machine(machine, limit=LARGE)
    if run.capped and limit > LARGE and len(run.violations) < len(machine.properties):
        if len(machine.commands) > MOST_COMMANDS:
            return explore_machine(machine, limit=limit, requests_first=False)
        return explore_compiled(machine, limit=limit, requests_first=False)
    return run


def slices(machine: Machine) -> Iterator[Machine]:
    """Yield one machine for each group of properties that need the same variables and commands."""
    groups: dict[tuple[object, ...], list[Property]] = {}
    for each in machine.properties:
        part = sliced(machine, (each,))
        key = (
            part.variables,
            tuple(command.label for command in part.commands),
            tuple(command.update for command in part.commands),
        )
        groups.setdefault(key, []).append(each)
    for chosen in groups.values():
        yield sliced(machine, tuple(chosen))


def answer_of(flow: Flow, world: World, machine: Machine, run: Run, index: int) -> Answer:
    """Return the answer of one property of a run."""
    invariant = next(each for each in flow.invariants if each.name == machine.properties[index].name)
    path = run.history(index)
    history = told(machine, path, world) if path is not None else None
    if history is not None:
        verdict = "violated"
    elif run.saturated:
        verdict = "no-verdict"
    else:
        verdict = "capped" if run.capped else "none"
    return Answer(
        anomaly=invariant.anomaly,
        of=invariant.of,
        meaning=MEANING[invariant.anomaly],
        verdict=verdict,  # type: ignore[arg-type]
        states=run.states,
        transitions=run.transitions,
        history=history,
        narrow=run.saturated if verdict == "no-verdict" else (),
    )


def together(parts: list[Answer]) -> Answer:
    """Return the answer of an invariant from those of its parts: the worst with the fewest faults and steps, all states counted."""
    order = ("violated", "no-verdict", "capped", "none")

    def rank(answer: Answer) -> tuple[int, int, int]:
        history = answer.history
        return (
            order.index(answer.verdict),
            sum(count for _, count in history.faults) if history else 0,
            history.depth if history else 0,
        )

    worst = min(parts, key=rank)
    return structs.replace(worst, states=sum(each.states for each in parts), transitions=sum(each.transitions for each in parts))


def assumptions(flow: Flow) -> tuple[Text, ...]:
    """Return what the flow takes for granted, in the order of the flow."""
    steps = [step for handler in flow.handlers for step in walk(handler.steps)]
    stated = [
        *(table.assumed for table in flow.tables),
        *(topic.assumed for topic in flow.topics),
        *(external.assumed for external in flow.externals),
        *(step.assumed for step in steps),
    ]
    return tuple(dict.fromkeys(each for each in stated if each.en))
