"""Parts that every request needs and that exist once."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Component, Evidence, Finding, Kind, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.demand import instances
from backend_expert.rules.paths import dependents, distinct, most_needed_first, on_request_path, place_of, serves_only_telemetry
from backend_expert.rules.wording import listed


@rule(
    "single-instance-on-critical-path",
    code="BE-RES-028",
    family="resilience",
    severity=Severity.HIGH,
    en="Single instance on the critical path",
    pt="Instância única no caminho crítico",
)
def single_instance_on_critical_path(system: System) -> Iterator[Finding]:
    """Yield one finding for the stores and brokers that run once, and one for the services and gateways."""
    needed = on_request_path(system)
    single = [component for component in system.components if runs_once(component)]
    stores = [each for each in single if each.stateful and not serves_only_telemetry(system, each.name)]
    services = [each for each in single if each.kind in {Kind.SERVICE, Kind.GATEWAY} and each.name in needed]
    if stores:
        yield _stores(system, most_needed_first(system, stores))
    if services:
        yield _services(most_needed_first(system, services))


def runs_once(component: Component) -> bool:
    """Tell whether a component is stated to run one instance, at its quietest if it scales by itself."""
    deployment = component.deployment
    if deployment is None:
        return False
    if deployment.autoscaling is not None:
        return deployment.autoscaling.minimum == 1
    return instances(deployment.replicas) == 1


def _number_stated_at(component: Component) -> tuple[Evidence, ...]:
    deployment = component.deployment
    if deployment is not None and deployment.autoscaling is not None and deployment.autoscaling.evidence:
        return deployment.autoscaling.evidence[:1]
    if deployment is not None and deployment.replicas is not None and deployment.replicas.evidence:
        return deployment.replicas.evidence[:1]
    return place_of(component)


def _stores(system: System, stores: tuple[Component, ...]) -> Finding:
    names = [each.name for each in stores]
    needed = on_request_path(system)
    behind = dependents(system)
    first = names[0]
    stopped = sorted(behind[first])
    unused = [name for name in names if not behind[name] and name not in needed]
    effect = Text(
        f"While `{first}` restarts, is upgraded or loses its node, {listed(stopped, 'en', most=6)} "
        f"{'fails' if len(stopped) == 1 else 'fail'} with it, and there is no second copy to promote.",
        f"Enquanto `{first}` reinicia, é atualizado ou perde o nó, {listed(stopped, 'pt', most=6)} "
        f"{'falha' if len(stopped) == 1 else 'falham'} junto, e não existe segunda cópia para promover.",
    )
    if not stopped:
        effect = Text(
            f"While `{first}` restarts, is upgraded or loses its node, whatever uses it stops, and there is no second copy to "
            f"promote.",
            f"Enquanto `{first}` reinicia, é atualizado ou perde o nó, tudo o que o usa para, e não existe segunda cópia para "
            f"promover.",
        )
    doubt = Text("", "")
    if unused:
        doubt = Text(
            f" Who uses {listed(unused, 'en')} was not found in the files read.",
            f" Quem usa {listed(unused, 'pt')} não foi encontrado nos arquivos lidos.",
        )
    restart = Text(
        " One restart of a minute a week is already 52 minutes a year, the whole allowance of 99.99 %.",
        " Um reinício de um minuto por semana já são 52 minutos por ano, toda a margem de 99,99 %.",
    )
    return Finding(
        rule="single-instance-on-critical-path",
        severity=Severity.HIGH if any(name in needed for name in names) else Severity.MEDIUM,
        subject=first if len(names) == 1 else "stores and brokers",
        components=tuple(names),
        title=Text(
            f"{listed(names, 'en', most=4)} {'runs as a single instance' if len(names) == 1 else 'each run as a single instance'}",
            f"{listed(names, 'pt', most=4)} {'roda em instância única' if len(names) == 1 else 'rodam cada um em instância única'}",
        ),
        why=Text(effect.en + restart.en + doubt.en, effect.pt + restart.pt + doubt.pt),
        evidence=distinct(place for each in stores for place in _number_stated_at(each)),
        confidence=0.9 if len(unused) < len(names) else 0.6,
    )


def _services(services: tuple[Component, ...]) -> Finding:
    names = [each.name for each in services]
    number = len(names)
    return Finding(
        rule="single-instance-on-critical-path",
        severity=Severity.MEDIUM,
        subject=names[0] if number == 1 else "services and gateways",
        components=tuple(names),
        title=Text(
            f"`{names[0]}` runs as a single instance"
            if number == 1
            else f"{number} services on the request path run one instance each",
            f"`{names[0]}` roda em instância única"
            if number == 1
            else f"{number} serviços no caminho das requisições rodam em instância única",
        ),
        why=Text(
            f"A deploy, a crash or a lost node takes {listed(names, 'en', most=12)} away until a new instance answers. "
            f"{'It holds no data of its' if number == 1 else 'They hold no data of their'} own as far as the "
            f"files show, so a second instance is the cheapest protection there is.",
            f"Um deploy, uma queda ou um nó perdido tira {listed(names, 'pt', most=12)} do ar até uma instância nova responder. "
            f"Pelo que está nos arquivos, não há dados guardados ali, então uma segunda instância é a proteção mais barata que "
            f"existe.",
        ),
        evidence=distinct(place for each in services for place in _number_stated_at(each)),
        confidence=0.9,
    )
