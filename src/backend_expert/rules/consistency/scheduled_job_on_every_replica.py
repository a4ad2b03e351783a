"""Scheduled work that every instance starts."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Component, Finding, Lock, Operation, Severity, System, Text, walk
from backend_expert.rules.catalogue import rule
from backend_expert.rules.demand import instances
from backend_expert.rules.effects import leaves_effects
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import listed


@rule(
    "scheduled-job-on-every-replica",
    code="BE-CON-022",
    family="consistency",
    severity=Severity.HIGH,
    en="Scheduled job on every replica",
    pt="Rotina agendada em todas as réplicas",
)
def scheduled_job_on_every_replica(system: System) -> Iterator[Finding]:
    """Yield, for each component that runs in several instances, the scheduled operations with effects and without a lock."""
    for component in system.components:
        copies = _copies(component)
        jobs = [
            operation
            for operation in system.operations
            if copies > 1
            and operation.component == component.name
            and operation.trigger.kind == "schedule"
            and _unguarded(operation)
        ]
        if jobs:
            yield _finding(component, jobs, copies)


def _copies(component: Component) -> int:
    deployment = component.deployment
    if deployment is None:
        return 1
    most = deployment.autoscaling.maximum if deployment.autoscaling is not None else 1
    return max(instances(deployment.replicas) or 1, most)


def _unguarded(operation: Operation) -> bool:
    steps = tuple(walk(operation.steps))
    return any(leaves_effects(step) for step in steps) and not any(isinstance(step, Lock) for step in steps)


def _finding(component: Component, jobs: list[Operation], copies: int) -> Finding:
    names = [operation.name for operation in jobs]
    replicas = component.deployment.replicas if component.deployment is not None else None
    return Finding(
        rule="scheduled-job-on-every-replica",
        severity=Severity.HIGH,
        subject=f"{component.name} jobs",
        components=(component.name,),
        title=Text(
            f"{listed(names, 'en', most=3)} {'runs' if len(names) == 1 else 'run'} up to {copies} times at once, once in each instance",
            f"{listed(names, 'pt', most=3)} {'roda' if len(names) == 1 else 'rodam'} até {copies} vezes ao mesmo tempo, uma em cada "
            f"instância",
        ),
        why=Text(
            f"The schedule stands in the program, and the program runs in {copies} instances: each of them starts the job at the same "
            f"second, and no lock was found in its way. Mails go out {copies} times, sums are added {copies} times, and more instances "
            f"make it worse.",
            f"O agendamento está no programa, e o programa roda em {copies} instâncias: cada uma inicia a rotina no mesmo segundo, e "
            f"nenhum lock foi encontrado no caminho. E-mails saem {copies} vezes, valores são somados {copies} vezes, e mais instâncias "
            f"pioram.",
        ),
        evidence=distinct(
            (*(place for each in jobs for place in each.evidence[:1]), *(replicas.evidence[:1] if replicas is not None else ()))
        ),
        confidence=0.8,
    )
