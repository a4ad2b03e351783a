"""Stores that are asked once for each item (N+1)."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import CacheGet, CachePut, Finding, Link, Query, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.demand import granted, step_ms
from backend_expert.rules.effects import places
from backend_expert.rules.paths import distinct
from backend_expert.rules.scale.loops import FEW, Repeated, repeated
from backend_expert.rules.wording import duration, figure, listed

MANY = 10
"""Statements of one request from which the finding is high: ten round trips in a row cost more than most whole requests should."""


@rule(
    "store-call-in-loop",
    code="BE-SCA-001",
    family="scale",
    severity=Severity.HIGH,
    en="Store called in a loop (N+1)",
    pt="Banco chamado dentro de um laço (N+1)",
)
def store_call_in_loop(system: System) -> Iterator[Finding]:
    """Yield, for each operation and store, the statements that run once for each item."""
    homes = {dataset.name: dataset.store for dataset in system.datasets}
    for operation in system.operations:
        stores = {name: store for name, store in homes.items() if store != operation.component}
        found: dict[str, list[Repeated]] = {}
        for each in repeated(system, operation):
            if isinstance(each.step, Query | CacheGet | CachePut) and each.step.dataset in stores:
                found.setdefault(stores[each.step.dataset], []).append(each)
        for store, several in sorted(found.items()):
            if sum(each.times for each in several) > FEW:
                yield _finding(system, store, several)


def _finding(system: System, store: str, several: list[Repeated]) -> Finding:
    operation = several[0].operation
    total = sum(each.times for each in several)
    certain = all(each.certain for each in several)
    datasets = tuple(dict.fromkeys(each.step.dataset for each in several if isinstance(each.step, Query | CacheGet | CachePut)))
    spent = sum(each.times * step_ms(granted(system), each.step) for each in several)
    time = Text("", "")
    if spent:
        mean = spent / total
        time = Text(
            f", {figure(total, 'en')} × {duration(mean, 'en')} = {duration(spent, 'en')} of waiting in a row",
            f", {figure(total, 'pt')} × {duration(mean, 'pt')} = {duration(spent, 'pt')} de espera em fila",
        )
    about = Text("about " if not certain else "", "cerca de " if not certain else "")
    return Finding(
        rule="store-call-in-loop",
        severity=Severity.HIGH if total >= MANY else Severity.MEDIUM,
        subject=f"{operation.name} → {store} loop",
        components=(operation.component, store),
        links=(Link(operation.component, store),),
        title=Text(
            f"`{operation.name}` sends {about.en}{figure(total, 'en')} statements to `{store}` in a loop",
            f"`{operation.name}` manda {about.pt}{figure(total, 'pt')} comandos ao `{store}` dentro de um laço",
        ),
        why=Text(
            f"One run sends a statement on {listed(datasets, 'en', most=4)} for each item: {about.en}{figure(total, 'en')} "
            f"instead of {len(datasets)}{time.en}. The number grows with the data, so does the time, and each round trip holds "
            f"its place in the pool anew.",
            f"Uma execução manda um comando sobre {listed(datasets, 'pt', most=4)} para cada item: "
            f"{about.pt}{figure(total, 'pt')} em vez de {len(datasets)}{time.pt}. O número cresce com os dados, o tempo também, e "
            f"cada ida e volta ocupa de novo um lugar no pool.",
        ),
        evidence=distinct(place for each in several for step in (each.loop, each.step) for place in places(step)),
        confidence=0.95 if certain else 0.85,
    )
