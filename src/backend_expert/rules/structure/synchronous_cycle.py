"""Components that wait for each other in a circle."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Call, Certainty, Evidence, Finding, Kind, Link, Severity, System, Text, walk
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import BESIDE_REQUESTS, distinct
from backend_expert.rules.wording import counted, listed

Graph = dict[str, tuple[str, ...]]


@rule(
    "synchronous-cycle",
    code="BE-STR-004",
    family="structure",
    severity=Severity.HIGH,
    en="Cycle of synchronous calls",
    pt="Ciclo de chamadas síncronas",
)
def synchronous_cycle(system: System) -> Iterator[Finding]:
    """Yield the shortest cycle of each knot of operations that call each other over the network, once for each set of components.

    Start orders never make a cycle. Where no handler was read, a way back through a gateway makes none either: the address may
    stand there for a link in an e-mail as well as for a call.
    """
    told: set[frozenset[str]] = set()
    for cycle in shortest_cycles(_graph(system)):
        homes = tuple(dict.fromkeys(system.operation(name).component for name in cycle))
        if len(homes) > 1 and frozenset(homes) not in told:
            told.add(frozenset(homes))
            yield _finding(system, cycle, homes)


def _graph(system: System) -> Graph:
    operations = {operation.name: operation for operation in system.operations}
    kinds = {component.name: component.kind for component in system.components}
    graph: Graph = {}
    for name, operation in operations.items():
        inferred = operation.certainty is Certainty.ASSUMED
        if kinds.get(operation.component) in BESIDE_REQUESTS or (inferred and kinds.get(operation.component) is Kind.GATEWAY):
            continue
        targets = [
            step.operation for step in walk(operation.steps) if isinstance(step, Call) and step.certainty is not Certainty.ASSUMED
        ]
        graph[name] = tuple(target for target in dict.fromkeys(targets) if target in operations)
    return graph


def shortest_cycles(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """Return, for each strongly connected part with a cycle, a shortest cycle in it, starting at its first name."""
    found = []
    for part in strongly_connected(graph):
        inside = {name: tuple(target for target in graph[name] if target in part) for name in sorted(part)}
        cycles = [cycle for name in inside if (cycle := _shortest_from(inside, name))]
        if cycles:
            found.append(min(cycles, key=lambda cycle: (len(cycle), cycle)))
    return tuple(sorted(found))


def strongly_connected(graph: Graph) -> tuple[frozenset[str], ...]:
    """Return the strongly connected parts of a graph (Tarjan 1972, with a stack of our own so that depth is no limit)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: set[str] = set()
    stack: list[str] = []
    parts = []
    for root in sorted(graph):
        work = [(root, 0)] if root not in index else []
        while work:
            name, at = work.pop()
            if at == 0:
                index[name] = low[name] = len(index)
                stack.append(name)
                on_stack.add(name)
            targets = [target for target in graph[name] if target in graph]
            if at:
                low[name] = min(low[name], low[targets[at - 1]])
            for position in range(at, len(targets)):
                target = targets[position]
                if target not in index:
                    work += [(name, position + 1), (target, 0)]
                    break
                if target in on_stack:
                    low[name] = min(low[name], index[target])
            else:
                if low[name] == index[name]:
                    part = set()
                    while name not in part:
                        part.add(stack.pop())
                    on_stack -= part
                    parts.append(frozenset(part))
    return tuple(parts)


def _shortest_from(graph: Graph, start: str) -> tuple[str, ...]:
    paths: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    for path in paths:
        for target in graph[path[-1]]:
            if target == start:
                return path
            if target not in seen:
                seen.add(target)
                paths.append((*path, target))
    return ()


def _finding(system: System, cycle: tuple[str, ...], homes: tuple[str, ...]) -> Finding:
    read = all(system.operation(name).certainty is not Certainty.ASSUMED for name in cycle)
    links, evidence = _calls_of(system, cycle)
    shown = " → ".join((*homes, homes[0]))
    if read:
        why = Text(
            f"{listed(cycle, 'en')} call each other in a circle. A request that goes around needs "
            f"{counted(len(cycle), 'worker', 'workers')} at once, one of them in a component that is already waiting: as soon as "
            f"every worker there waits for the way back, none is left to answer it, and the circle stands still until a timeout. "
            f"Nor can any of the {len(homes)} be deployed or fail alone.",
            f"{listed(cycle, 'pt')} chamam um ao outro em círculo. Uma requisição que dá a volta precisa de "
            f"{counted(len(cycle), 'worker', 'workers')} ao mesmo tempo, um deles num componente que já está esperando: quando "
            f"todos os workers dali esperam a volta, não sobra nenhum para responder, e o círculo para até um timeout. E nenhum "
            f"dos {len(homes)} pode ser implantado ou falhar sozinho.",
        )
    else:
        why = Text(
            f"The files read link {listed(homes, 'en')} in a circle, so none of them can start, be deployed or fail without the "
            f"others. Whether one request goes all the way around was not read; if it does, the circle stands still once every "
            f"worker of one of them waits for the way back.",
            f"Os arquivos lidos ligam {listed(homes, 'pt')} em círculo, então nenhum pode subir, ser implantado ou falhar sem os "
            f"outros. Se uma mesma requisição dá a volta inteira não foi lido; se dá, o círculo para assim que todos os workers "
            f"de um deles esperam a volta.",
        )
    return Finding(
        rule="synchronous-cycle",
        severity=Severity.HIGH if read else Severity.MEDIUM,
        subject=shown,
        components=homes,
        links=links,
        title=Text(f"Synchronous calls go in a circle: {shown}", f"Chamadas síncronas em círculo: {shown}"),
        why=why,
        evidence=evidence,
        confidence=0.95 if read else 0.7,
    )


def _calls_of(system: System, cycle: tuple[str, ...]) -> tuple[tuple[Link, ...], tuple[Evidence, ...]]:
    links: list[Link] = []
    places: list[Evidence] = []
    for name, target in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
        here, there = system.operation(name), system.operation(target)
        if here.component != there.component:
            links.append(Link(here.component, there.component))
        for step in walk(here.steps):
            if isinstance(step, Call) and step.operation == target:
                places += step.evidence[:1]
    return tuple(dict.fromkeys(links)), distinct(places)
