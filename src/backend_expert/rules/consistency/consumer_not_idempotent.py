"""Consumers that do it again when the same message comes again."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import (
    Action,
    Call,
    Certainty,
    Dataset,
    Finding,
    Link,
    Mechanism,
    Operation,
    Query,
    Severity,
    Step,
    System,
    Text,
)
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import common_places, in_order
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import listed


@rule(
    "consumer-not-idempotent",
    code="BE-CON-004",
    family="consistency",
    severity=Severity.HIGH,
    en="Consumer that repeats its effect",
    pt="Consumidor que repete seu efeito",
)
def consumer_not_idempotent(system: System) -> Iterator[Finding]:
    """Yield, for each component and broker, the consumers whose inserts or keyless calls happen again with a second delivery."""
    brokers = {topic.name: topic.broker for topic in system.topics}
    found: dict[Link, list[tuple[Operation, Step]]] = {}
    for operation in system.operations:
        if operation.trigger.kind == "message" and operation.trigger.acknowledge not in {"before", "auto"}:
            repeated = _repeated(system, operation)
            if repeated is not None:
                found.setdefault(Link(operation.component, brokers.get(operation.trigger.name, "")), []).append(
                    (operation, repeated)
                )
    for link in sorted(found):
        yield _finding(link, found[link])


def _repeated(system: System, operation: Operation) -> Step | None:
    """Return the first step that a second delivery repeats, unless the consumer looks first whether it has been done."""
    datasets = {dataset.name: dataset for dataset in system.datasets}
    looked_up: set[str] = set()
    for step, _ in in_order(operation.steps):
        match step:
            case Query() if "inbox" in step.dataset.lower():
                return None
            case Query(action=Action.READ):
                looked_up.add(step.dataset)
            case Query(action=Action.INSERT) if step.certainty is not Certainty.ASSUMED and step.dataset not in looked_up:
                return step if _takes_twice(datasets.get(step.dataset)) else None
            case Call() if step.policy.idempotency_key is not True and step.policy.lacks(Mechanism.IDEMPOTENCY_KEY):
                return step
            case _:
                pass
    return None


def _takes_twice(dataset: Dataset | None) -> bool:
    """Tell whether a table is known to the last index and none of them but a generated key could refuse the second row."""
    if dataset is None or not dataset.complete:
        return False
    keys = [index for index in dataset.indexes if index.unique or index.primary]
    return all(_generated(dataset, index.columns) for index in keys)


def _generated(dataset: Dataset, columns: tuple[str, ...]) -> bool:
    """Tell whether a key is one that the store makes up for each row."""
    column = dataset.column(columns[0]) if len(columns) == 1 else None
    return column is not None and column.name.lower() in {
        "id",
        "_id",
        "uuid",
        f"{dataset.table.lower()}_id",
        f"{dataset.table.lower()}id",
    }


def _finding(link: Link, repeats: list[tuple[Operation, Step]]) -> Finding:
    names = [operation.name for operation, _ in repeats]
    targets = distinct(step.dataset if isinstance(step, Query) else getattr(step, "operation", "") for _, step in repeats)
    return Finding(
        rule="consumer-not-idempotent",
        severity=Severity.HIGH,
        subject=f"{link} repeats",
        components=tuple(name for name in (link.caller, link.callee) if name),
        links=(link,) if link.callee else (),
        title=Text(
            f"{listed(names, 'en', most=3)} {'does' if len(names) == 1 else 'do'} it again when a message comes twice",
            f"{listed(names, 'pt', most=3)} {'repete' if len(names) == 1 else 'repetem'} tudo quando uma mensagem chega duas vezes",
        ),
        why=Text(
            f"Brokers deliver at least once: after a crash or a lost acknowledgement the same message comes again. Then "
            f"{listed(targets, 'en', most=3)} {'gets' if len(targets) == 1 else 'get'} the effect a second time; no key of the message, "
            f"no unique index and no look-up before was found that would stop it.",
            f"Brokers entregam pelo menos uma vez: depois de uma queda ou de uma confirmação perdida, a mesma mensagem chega de novo. "
            f"Aí {listed(targets, 'pt', most=3)} {'recebe' if len(targets) == 1 else 'recebem'} o efeito uma segunda vez; não foi "
            f"encontrada chave da mensagem, índice único nem consulta prévia que impeça.",
        ),
        evidence=distinct(place for operation, step in repeats for place in common_places((step,)) or operation.evidence[:1]),
        confidence=0.75,
    )
