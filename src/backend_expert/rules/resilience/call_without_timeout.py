"""Calls that can wait for ever."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import (
    Call,
    CallSite,
    Certainty,
    Finding,
    Kind,
    Link,
    Mechanism,
    Severity,
    System,
    Text,
    call_sites,
)
from backend_expert.rules.catalogue import rule
from backend_expert.rules.demand import executions, instances, rates_per_s, stated
from backend_expert.rules.paths import chains, distinct, on_request_path
from backend_expert.rules.wording import counted, duration, figure, listed

SILENT_PEER_MIN = 15.4
"""Minutes until Linux gives up on data that is never acknowledged: 924.6 s with `tcp_retries2` = 15 (kernel manual, IP Sysctl)."""


@rule(
    "call-without-timeout",
    code="BE-RES-001",
    family="resilience",
    severity=Severity.HIGH,
    en="Call without a timeout",
    pt="Chamada sem timeout",
)
def call_without_timeout(system: System) -> Iterator[Finding]:
    """Yield one finding for each pair of components with a call that has no timeout, and one question for all that are unknown."""
    bare: dict[Link, list[CallSite]] = {}
    unknown: dict[Link, list[CallSite]] = {}
    kinds = {component.name: component.kind for component in system.components}
    for site in call_sites(system):
        policy = site.step.policy
        if not site.synchronous or policy.timeout_ms is not None or kinds.get(site.caller) is Kind.CLIENT:
            continue
        if policy.lacks(Mechanism.TIMEOUT):
            bare.setdefault(site.link, []).append(site)
        elif isinstance(site.step, Call) and site.step.certainty is not Certainty.ASSUMED:
            unknown.setdefault(site.link, []).append(site)
    for link in sorted(bare):
        yield _certain(system, link, bare[link])
    unknown = {link: sites for link, sites in unknown.items() if link not in bare}
    if unknown:
        yield _question(system, unknown)


def _certain(system: System, link: Link, sites: list[CallSite]) -> Finding:
    asynchronous = {operation.name for operation in system.operations if operation.trigger.kind in {"message", "schedule", "start"}}
    waited_for = link.caller in on_request_path(system) and any(site.operation not in asynchronous for site in sites)
    operations = tuple(dict.fromkeys(site.operation for site in sites))
    why = _holding(system, link, sites)
    return Finding(
        rule="call-without-timeout",
        severity=Severity.HIGH if waited_for else Severity.MEDIUM,
        subject=str(link),
        components=(link.caller, link.callee),
        links=(link,),
        title=Text(f"`{link}` has no timeout", f"`{link}` não tem timeout"),
        why=Text(
            f"{why.en} It concerns {listed(operations, 'en', most=5)}.",
            f"{why.pt} Isso vale para {listed(operations, 'pt', most=5)}.",
        ),
        evidence=distinct(place for site in sites for place in (site.step.policy.evidence or site.step.evidence)),
        confidence=0.95,
    )


def _holding(system: System, link: Link, sites: list[CallSite]) -> Text:
    """Say what a peer that hangs does to the caller, with the arithmetic where the traffic is stated."""
    rates = rates_per_s(system)
    programs = {operation.name: operation.steps for operation in system.operations}
    steps = {id(site.step) for site in sites}
    per_s = sum(
        rates[name] * times
        for name in dict.fromkeys(site.operation for site in sites)
        for step, times in executions(programs[name])
        if id(step) in steps
    )
    deployment = system.component(link.caller).deployment
    replicas = instances(deployment.replicas) if deployment is not None else None
    places = int(stated(deployment.workers) * replicas) if deployment is not None and replicas is not None else 0
    if per_s and places:
        after = duration(1000 * places / per_s, "en"), duration(1000 * places / per_s, "pt")
        return Text(
            f"At {figure(per_s, 'en')} calls/s a hanging `{link.callee}` holds all {figure(places, 'en')} workers of "
            f"`{link.caller}` after {after[0]} ({figure(places, 'en')} / {figure(per_s, 'en')}); from then on nothing it serves "
            f"is answered.",
            f"Com {figure(per_s, 'pt')} chamadas/s, um `{link.callee}` que trava ocupa os {figure(places, 'pt')} workers de "
            f"`{link.caller}` em {after[1]} ({figure(places, 'pt')} / {figure(per_s, 'pt')}); daí em diante nada do que ele "
            f"serve é respondido.",
        )
    if per_s:
        return Text(
            f"At {figure(per_s, 'en')} calls/s a hanging `{link.callee}` leaves {figure(60 * per_s, 'en')} requests waiting in "
            f"`{link.caller}` after a minute (60 × {figure(per_s, 'en')}), each with its socket and its memory.",
            f"Com {figure(per_s, 'pt')} chamadas/s, um `{link.callee}` que trava deixa {figure(60 * per_s, 'pt')} requisições "
            f"esperando em `{link.caller}` depois de um minuto (60 × {figure(per_s, 'pt')}), cada uma com seu socket e sua "
            f"memória.",
        )
    return Text(
        f"While `{link.callee}` hangs, every request of `{link.caller}` that reaches it keeps its worker, socket and memory: "
        f"Linux gives up on unacknowledged data only after {figure(SILENT_PEER_MIN, 'en')} min, and on a peer that is merely "
        f"silent never.",
        f"Enquanto `{link.callee}` está travado, cada requisição de `{link.caller}` que chega até ele segura seu worker, seu "
        f"socket e sua memória: o Linux só desiste de dados sem confirmação depois de {figure(SILENT_PEER_MIN, 'pt')} min, e de "
        f"um par apenas calado, nunca.",
    )


def _question(system: System, unknown: dict[Link, list[CallSite]]) -> Finding:
    along = [site.link for path in chains(system) for site in path]
    links = tuple(link for link in dict.fromkeys([*along, *sorted(unknown)]) if link in unknown)
    callers = tuple(dict.fromkeys(link.caller for link in links))
    names = tuple(dict.fromkeys([*callers, *(link.callee for link in links)]))
    number = len(links)
    shown_en, shown_pt = (listed([str(link) for link in links], language, most=8) for language in ("en", "pt"))
    return Finding(
        rule="call-without-timeout",
        severity=Severity.LOW,
        subject="calls whose timeout is not stated",
        components=names,
        links=links,
        title=Text(
            f"Timeouts of {counted(number, 'call', 'calls')} not found in the files read",
            f"Timeout de {counted(number, 'chamada', 'chamadas')} não encontrado nos arquivos lidos",
        ),
        why=Text(
            f"Nothing that was read says how long {shown_en} may wait; the answer is in the code of "
            f"{listed(callers, 'en', most=6)}. Look there first: the default of many clients (`requests`, Go's `http.Client`, "
            f"Java's `HttpURLConnection`, gRPC without a deadline) is to wait without limit.",
            f"Nada do que foi lido diz quanto tempo {shown_pt} podem esperar; a resposta está no código de "
            f"{listed(callers, 'pt', most=6)}. Olhe lá primeiro: o padrão de muitos clientes (`requests`, o `http.Client` do Go, o "
            f"`HttpURLConnection` do Java, gRPC sem deadline) é esperar sem limite.",
        ),
        evidence=distinct(place for link in links for site in unknown[link] for place in site.step.evidence),
        confidence=0.5,
        asked=True,
    )
