"""Requests that wait for a row of components, one behind the other."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import CallSite, Certainty, Finding, Objective, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import BESIDE_REQUESTS, chains, distinct
from backend_expert.rules.wording import percent

LONGEST = 3
"""Calls in a row that are still ordinary: a gateway, a service, one more service, its store."""


@rule(
    "long-synchronous-chain",
    code="BE-RES-019",
    family="resilience",
    severity=Severity.MEDIUM,
    en="Long chain of synchronous calls",
    pt="Cadeia longa de chamadas síncronas",
)
def long_synchronous_chain(system: System) -> Iterator[Finding]:
    """Yield the longest chain of each component where requests begin, when it has more than three calls in a row."""
    beside = {component.name for component in system.components if component.kind in BESIDE_REQUESTS}
    longest: dict[str, tuple[CallSite, ...]] = {}
    alike: dict[str, set[tuple[str, ...]]] = {}
    for path in chains(system):
        if len(path) <= LONGEST or any(site.caller in beside or site.callee in beside for site in path):
            continue
        start = path[0].caller
        alike.setdefault(start, set()).add(_names(path))
        if len(path) > len(longest.get(start, ())):
            longest[start] = path
    for start in sorted(longest):
        yield _finding(system, longest[start], len(alike[start]))


def _names(path: tuple[CallSite, ...]) -> tuple[str, ...]:
    return (path[0].caller, *(site.callee for site in path))


def _finding(system: System, path: tuple[CallSite, ...], number_of_paths: int) -> Finding:
    names = _names(path)
    parts = len(dict.fromkeys(names))
    read = all(system.operation(site.operation).certainty is not Certainty.ASSUMED for site in path)
    calls = len(path)
    tail = 1 - 0.99**calls
    promise = _promise(system, path[0].operation)
    share = 0.999**parts
    availability = Text(
        f"{parts} components that are each up 99.9 % of the time are all up {percent(share, 'en', 2)} of it (0.999^{parts})",
        f"{parts} componentes no ar 99,9 % do tempo cada um estão todos no ar {percent(share, 'pt', 2)} dele (0,999^{parts})",
    )
    if promise is not None:
        each = promise ** (1 / parts)
        availability = Text(
            f"the stated {percent(promise, 'en', 3)} asks {percent(each, 'en', 3)} of each of the {parts} components "
            f"({percent(promise, 'en', 3)}^(1/{parts}))",
            f"os {percent(promise, 'pt', 3)} declarados exigem {percent(each, 'pt', 3)} de cada um dos {parts} componentes "
            f"({percent(promise, 'pt', 3)}^(1/{parts}))",
        )
    others = number_of_paths - 1
    more = Text(
        f" {others} further path{'s' * (others > 1)} from `{names[0]}` have more than {LONGEST} calls in a row too."
        if others
        else "",
        f" Há mais {others} caminho{'s' * (others > 1)} a partir de `{names[0]}` com mais de {LONGEST} chamadas." if others else "",
    )
    doubt = Text("", "")
    if not read:
        doubt = Text(
            " The links stand in the files read; that one request takes all of them is inferred, because no handler was read.",
            " As ligações estão nos arquivos lidos; que uma mesma requisição passe por todas é uma inferência, porque nenhum "
            "handler foi lido.",
        )
    return Finding(
        rule="long-synchronous-chain",
        severity=Severity.MEDIUM,
        subject=" → ".join(names),
        components=tuple(dict.fromkeys((*names[1:-1], names[0], names[-1]))),
        links=tuple(dict.fromkeys(site.link for site in path)),
        title=Text(
            f"A request {'waits' if read else 'may wait'} for {calls} calls in a row: {' → '.join(names)}",
            f"Uma requisição {'espera' if read else 'pode esperar'} {calls} chamadas em fila: {' → '.join(names)}",
        ),
        why=Text(
            f"The request needs all of them at once: {availability.en}. Tails add up as well: with {calls} calls in a row, "
            f"{percent(tail, 'en')} of the requests meet the slowest 1 % of at least one of them (1 − "
            f"0.99^{calls}).{more.en}{doubt.en}",
            f"A requisição precisa de todos ao mesmo tempo: {availability.pt}. As caudas também se somam: com {calls} chamadas em "
            f"fila, {percent(tail, 'pt')} das requisições pegam o 1 % mais lento de pelo menos uma delas (1 − "
            f"0,99^{calls}).{more.pt}{doubt.pt}",
        ),
        evidence=distinct(place for site in path for place in site.step.evidence[:1]),
        confidence=0.9 if read else 0.6,
    )


def _promise(system: System, operation: str) -> float | None:
    """Return the share of successes that is promised for an operation, or for all."""
    objectives: list[Objective] = [each for each in system.objectives if each.success_ratio is not None]
    own = [each for each in objectives if each.operation == operation] or [each for each in objectives if not each.operation]
    return own[0].success_ratio if own else None
