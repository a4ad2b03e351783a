"""Retries at several layers of one path, which multiply."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from backend_expert.model import CallSite, Finding, Link, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import chains, distinct
from backend_expert.rules.wording import figure, listed

MOST_ATTEMPTS = 3.0
"""Attempts at the last component for one request: what one layer of the usual three attempts asks of it."""


@rule(
    "retry-multiplication",
    code="BE-RES-004",
    family="resilience",
    severity=Severity.HIGH,
    en="Retries that multiply along a path",
    pt="Retries que se multiplicam ao longo do caminho",
)
def retry_multiplication(system: System) -> Iterator[Finding]:
    """Yield the worst path behind each outermost layer of retries where the attempts multiply beyond what one layer would make."""
    worst: dict[Link, tuple[CallSite, ...]] = {}
    others: dict[Link, set[tuple[Link, ...]]] = {}
    for path in chains(system):
        layers = tuple(site for site in path if attempts(site) > 1)
        if len(layers) < 2 or prod(map(attempts, layers)) <= MOST_ATTEMPTS:
            continue
        part = path[path.index(layers[0]) : path.index(layers[-1]) + 1]
        first = part[0].link
        others.setdefault(first, set()).add(tuple(site.link for site in part))
        if first not in worst or prod(map(attempts, part)) > prod(map(attempts, worst[first])):
            worst[first] = part
    inner = {site.link for part in worst.values() for site in part[1:]}
    for first in sorted(worst):
        if first not in inner:
            yield _finding(worst[first], sum(not _begins_another(links, others[first]) for links in others[first]))


def attempts(site: CallSite) -> float:
    """Return how many attempts a failing call makes on average: all of them, or what its retry budget lets through."""
    retry = site.step.policy.retry
    if retry is None:
        return 1.0
    count = max(1.0, retry.attempts.value)
    return count if retry.budget is None else min(count, 1 + retry.budget.value)


def _begins_another(links: tuple[Link, ...], paths: set[tuple[Link, ...]]) -> bool:
    return any(other != links and other[: len(links)] == links for other in paths)


def _finding(path: tuple[CallSite, ...], number_of_paths: int) -> Finding:
    layers = [site for site in path if attempts(site) > 1]
    total = prod(map(attempts, layers))
    names = (path[0].caller, *(site.callee for site in path))
    product_en, product_pt = (" × ".join(figure(attempts(site), language) for site in layers) for language in ("en", "pt"))
    total_en, total_pt = figure(total, "en"), figure(total, "pt")
    last = path[-1].callee
    links_en, links_pt = (listed([str(site.link) for site in layers], language) for language in ("en", "pt"))
    more = number_of_paths - 1
    return Finding(
        rule="retry-multiplication",
        severity=Severity.HIGH,
        subject=" → ".join(names),
        components=distinct((*(site.caller for site in layers[1:]), layers[0].caller, *(name for name in names if name == last))),
        links=tuple(site.link for site in path),
        title=Text(
            f"One failing request becomes {total_en} calls to `{last}`",
            f"Uma requisição que falha vira {total_pt} chamadas a `{last}`",
        ),
        why=Text(
            f"{links_en} each retry, so their attempts multiply: {product_en} = {total_en}. When `{last}` slows down for whatever "
            f"reason, its own callers send it {total_en} times the traffic, which keeps it down after the cause is gone."
            + (f" {more} further path{'s' * (more > 1)} behind the same first retry multiply too." if more else ""),
            f"{links_pt} fazem retry, cada um por si, e as tentativas se multiplicam: {product_pt} = {total_pt}. Quando `{last}` "
            f"fica lento por qualquer motivo, os próprios chamadores mandam {total_pt} vezes o tráfego, o que o mantém no chão "
            f"depois que "
            f"a causa passou." + (f" Há mais {more} caminho{'s' * (more > 1)} atrás do mesmo primeiro retry." if more else ""),
        ),
        evidence=distinct(place for site in layers for place in (site.step.policy.evidence or site.step.evidence)),
        confidence=0.95,
    )
