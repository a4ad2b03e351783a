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
    Step,
    System,
    Text,
    call_sites,
)
from backend_expert.model.demand import STATED, executions, rates_per_s
from backend_expert.rules.catalogue import rule
from backend_expert.rules.demand import granted, instances, stated
from backend_expert.rules.paths import chains, distinct, on_request_path
from backend_expert.rules.wording import counted, duration, figure, listed

SILENT_PEER_MIN = 15.4
"""Minutes until Linux gives up on data that is never acknowledged: 924.6 s with `tcp_retries2` = 15 (kernel manual, IP Sysctl)."""


PROXY_DEFAULTS_S = {"nginx": 60, "kong": 60, "envoy": 15}
"""Seconds until a proxy gives up by default (manuals: nginx `proxy_read_timeout`, Kong `read_timeout`, Envoy route `timeout`)."""


@rule(
    "call-without-timeout",
    code="BE-RES-001",
    family="resilience",
    severity=Severity.HIGH,
    en="Call without a timeout",
    pt="Chamada sem timeout",
)
def call_without_timeout(system: System) -> Iterator[Finding]:
    """Yield one finding for each caller with bare calls, one for each store with bare statements, one question for all the rest."""
    calls: dict[str, list[CallSite]] = {}
    statements: dict[str, list[CallSite]] = {}
    unknown: dict[Link, list[CallSite]] = {}
    kinds = {component.name: component.kind for component in system.components}
    for site in call_sites(system):
        policy = site.step.policy
        told = policy.timeout_ms is not None or Mechanism.TIMEOUT in policy.unused  # built and unused: `dead-timeout` tells it
        if not site.synchronous or told or kinds.get(site.caller) is Kind.CLIENT:
            continue
        if not policy.lacks(Mechanism.TIMEOUT):
            if isinstance(site.step, Call) and site.step.certainty is not Certainty.ASSUMED:
                unknown.setdefault(site.link, []).append(site)
        elif isinstance(site.step, Call):
            calls.setdefault(site.caller, []).append(site)
        else:
            statements.setdefault(site.callee, []).append(site)
    for caller in sorted(calls):
        yield _calls(system, caller, calls[caller])
    for store in sorted(statements):
        yield _statements(system, store, statements[store])
    bare = {site.link for sites in calls.values() for site in sites}
    unknown = {link: sites for link, sites in unknown.items() if link not in bare}
    if unknown:
        yield _question(system, unknown)


def _calls(system: System, caller: str, sites: list[CallSite]) -> Finding:
    operations = tuple(dict.fromkeys(site.operation for site in sites))
    links = tuple(sorted({site.link for site in sites}))
    callees = [link.callee for link in links]
    most = max(links, key=lambda link: (_rate_per_s(granted(system), link, sites), link))
    why = _holding(system, most, [site for site in sites if site.link == most])
    if len(links) == 1:
        title = Text(f"`{most}` has no timeout", f"`{most}` não tem timeout")
    else:
        title = Text(
            f"`{caller}` calls {listed(callees, 'en', most=3)} without a timeout",
            f"`{caller}` chama {listed(callees, 'pt', most=3)} sem timeout",
        )
    return Finding(
        rule="call-without-timeout",
        severity=Severity.HIGH if _waited_for(system, sites) else Severity.MEDIUM,
        subject=str(most) if len(links) == 1 else f"{caller} calls",
        components=(caller, *callees),
        links=links,
        title=title,
        why=Text(
            f"{why.en} It concerns {listed(operations, 'en', most=5)}.",
            f"{why.pt} Isso vale para {listed(operations, 'pt', most=5)}.",
        ),
        evidence=distinct(place for site in sites for place in (site.step.policy.evidence or site.step.evidence)),
        confidence=0.95,
    )


def _statements(system: System, store: str, sites: list[CallSite]) -> Finding:
    links = tuple(sorted({site.link for site in sites}))
    callers = [link.caller for link in links]
    most = max(links, key=lambda link: (_rate_per_s(granted(system), link, sites), link))
    why = _holding(system, most, [site for site in sites if site.link == most])
    return Finding(
        rule="call-without-timeout",
        severity=Severity.MEDIUM,
        subject=f"{store} statements",
        components=distinct((*callers, store)),
        links=links,
        title=Text(
            f"Statements on `{store}` have no timeout in {listed(callers, 'en', most=4)}",
            f"Comandos no `{store}` sem timeout em {listed(callers, 'pt', most=4)}",
        ),
        why=Text(
            f"{why.en} A lock or a lost plan is enough for that, the store need not be down.",
            f"{why.pt} Para isso basta um lock ou um plano ruim, o banco nem precisa cair.",
        ),
        evidence=distinct(place for site in sites for place in (site.step.policy.evidence or site.step.evidence)),
        confidence=0.9,
    )


def _waited_for(system: System, sites: list[CallSite]) -> bool:
    """Tell whether a request from outside waits for one of the calls."""
    background = {operation.name for operation in system.operations if operation.trigger.kind in {"message", "schedule", "start"}}
    return any(site.operation not in background and site.caller in on_request_path(system) for site in sites)


def _rate_per_s(system: System, link: Link, sites: list[CallSite]) -> float:
    """Return how often the calls of a link are made, a second, under the workloads of the system."""
    rates = rates_per_s(system, counting=STATED)
    names = {site.operation for site in sites if site.link == link}
    callees: dict[Step, str] = {site.step: site.callee for site in call_sites(system) if site.operation in names}
    return sum(
        rates[operation.name] * times
        for operation in system.operations
        if operation.name in names
        for step, times in executions(operation.steps, counting=STATED)
        if callees.get(step) == link.callee
    )


def _holding(system: System, link: Link, sites: list[CallSite]) -> Text:
    """Say what a peer that hangs does to the caller, with the arithmetic where there is traffic to reckon with."""
    per_s = _rate_per_s(system, link, sites)
    at_en, at_pt = "At", "Com"
    if not per_s:
        per_s = _rate_per_s(granted(system), link, sites)
        at_en, at_pt = "At an assumed", "Com supostas"
    deployment = system.component(link.caller).deployment
    replicas = instances(deployment.replicas) if deployment is not None else None
    places = int(stated(deployment.workers) * replicas) if deployment is not None and replicas is not None else 0
    rate_en, rate_pt = figure(per_s, "en"), figure(per_s, "pt")
    if per_s and places:
        places_en, places_pt = figure(places, "en"), figure(places, "pt")
        seconds_en, seconds_pt = duration(1000 * places / per_s, "en"), duration(1000 * places / per_s, "pt")
        return Text(
            f"{at_en} {rate_en} calls/s a hanging `{link.callee}` holds all {places_en} workers of `{link.caller}` after "
            f"{seconds_en} ({places_en} / {rate_en}); from then on nothing it serves is answered.",
            f"{at_pt} {rate_pt} chamadas/s, um `{link.callee}` que trava ocupa os {places_pt} workers de `{link.caller}` em "
            f"{seconds_pt} ({places_pt} / {rate_pt}); daí em diante nada do que ele serve é respondido.",
        )
    if per_s:
        waiting_en, waiting_pt = figure(60 * per_s, "en"), figure(60 * per_s, "pt")
        return Text(
            f"{at_en} {rate_en} calls/s a hanging `{link.callee}` leaves {waiting_en} requests waiting in `{link.caller}` after a "
            f"minute (60 × {rate_en}), each with its socket and its memory.",
            f"{at_pt} {rate_pt} chamadas/s, um `{link.callee}` que trava deixa {waiting_pt} requisições esperando em "
            f"`{link.caller}` depois de um minuto (60 × {rate_pt}), cada uma com seu socket e sua memória.",
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
    proxies = [
        (name, PROXY_DEFAULTS_S[technology])
        for name in callers
        if (technology := system.component(name).technology) in PROXY_DEFAULTS_S
    ]
    proxy = Text(
        "".join(
            f" The proxy `{name}` gives up after {seconds} s unless told otherwise: present, but long." for name, seconds in proxies
        ),
        "".join(
            f" O proxy `{name}` desiste em {seconds} s se nada disser outra coisa: existe, mas é longo."
            for name, seconds in proxies
        ),
    )
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
            f"Java's `HttpURLConnection`, gRPC without a deadline) is to wait without limit.{proxy.en}",
            f"Nada do que foi lido diz quanto tempo {shown_pt} podem esperar; a resposta está no código de "
            f"{listed(callers, 'pt', most=6)}. Olhe lá primeiro: o padrão de muitos clientes (`requests`, o `http.Client` do Go, o "
            f"`HttpURLConnection` do Java, gRPC sem deadline) é esperar sem limite.{proxy.pt}",
        ),
        evidence=distinct(place for link in links for site in unknown[link] for place in site.step.evidence),
        confidence=0.5,
        asked=True,
    )
