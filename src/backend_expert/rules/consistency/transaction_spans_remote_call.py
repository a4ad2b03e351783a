"""Transactions that stay open while another component is asked."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import (
    Call,
    CallSite,
    Finding,
    Link,
    Mechanism,
    Operation,
    Query,
    Severity,
    System,
    Text,
    Transaction,
    call_sites,
    walk,
)
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import places
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import duration, figure, listed


class Held(Struct, frozen=True):
    """A transaction and the calls that happen while it is open."""

    operation: Operation
    transaction: Transaction
    calls: tuple[CallSite, ...]


@rule(
    "transaction-spans-remote-call",
    code="BE-CON-016",
    family="consistency",
    severity=Severity.HIGH,
    en="Remote call inside a transaction",
    pt="Chamada remota dentro de uma transação",
)
def transaction_spans_remote_call(system: System) -> Iterator[Finding]:
    """Yield, for each component and store, the transactions that wait for other components."""
    found: dict[Link, list[Held]] = {}
    sites = {id(site.step): site for site in call_sites(system)}
    for operation in system.operations:
        for step in walk(operation.steps):
            if isinstance(step, Transaction):
                calls = tuple(sites[id(inner)] for inner in walk(step.steps) if isinstance(inner, Call) and id(inner) in sites)
                if calls:
                    found.setdefault(Link(operation.component, step.store), []).append(Held(operation, step, calls))
    for link in sorted(found):
        yield _finding(link, found[link])


def _finding(link: Link, held: list[Held]) -> Finding:
    callees = tuple(dict.fromkeys(site.callee for each in held for site in each.calls))
    operations = tuple(dict.fromkeys(each.operation.name for each in held))
    endless = tuple(dict.fromkeys(site.callee for each in held for site in each.calls if site.step.policy.lacks(Mechanism.TIMEOUT)))
    longest = max(sum(_longest_ms(site) for site in each.calls) for each in held)
    sizes = [
        step.policy.pool.size.value
        for each in held
        for step in walk(each.transaction.steps)
        if isinstance(step, Query) and step.policy.pool is not None
    ]
    places_en = f"the {figure(min(sizes), 'en')} connections of an instance" if sizes else "the connections of an instance"
    places_pt = f"as {figure(min(sizes), 'pt')} conexões de uma instância" if sizes else "as conexões de uma instância"
    limit = Text(
        f"up to {duration(longest, 'en')} by its timeouts and attempts",
        f"até {duration(longest, 'pt')} pelos timeouts e tentativas",
    )
    if endless:
        limit = Text(
            f"without limit, because the call to {listed(endless, 'en')} has no timeout",
            f"sem limite, porque a chamada a {listed(endless, 'pt')} não tem timeout",
        )
    elif not longest:
        limit = Text("for as long as they take", "pelo tempo que eles levarem")
    return Finding(
        rule="transaction-spans-remote-call",
        severity=Severity.HIGH,
        subject=f"{link.caller} → {link.callee} transaction",
        components=distinct((link.caller, link.callee, *callees)),
        links=distinct((link, *(Link(link.caller, callee) for callee in callees))),
        title=Text(
            f"`{link.caller}` keeps a transaction on `{link.callee}` open while it waits for {listed(callees, 'en')}",
            f"`{link.caller}` mantém uma transação aberta no `{link.callee}` enquanto espera {listed(callees, 'pt')}",
        ),
        why=Text(
            f"The transaction holds one of {places_en} and every row it has locked {limit.en}. When {listed(callees, 'en')} "
            f"slow{'s' * (len(callees) == 1)} down, requests that need only the store wait too. A rollback also undoes nothing "
            f"over there. It concerns {listed(operations, 'en', most=4)}.",
            f"A transação segura uma d{places_pt} e todas as linhas que travou {limit.pt}. Quando {listed(callees, 'pt')} "
            f"{'fica lento' if len(callees) == 1 else 'ficam lentos'}, esperam também as requisições que só precisam do banco. E "
            f"um rollback não desfaz nada do outro lado. Isso vale para {listed(operations, 'pt', most=4)}.",
        ),
        evidence=distinct(
            place for each in held for step in (each.transaction, *(site.step for site in each.calls)) for place in places(step)
        ),
        confidence=0.95,
    )


def _longest_ms(site: CallSite) -> float:
    policy = site.step.policy
    attempts = 1.0 if policy.retry is None else max(1.0, policy.retry.attempts.value)
    return 0.0 if policy.timeout_ms is None else policy.timeout_ms.value * attempts
