"""Messages that are acknowledged before what they ask for has happened."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Ack, Certainty, Finding, Link, Operation, Parallel, Severity, Step, System, Text, Work, walk
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import common_places, in_order, leaves_effects
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import counted, figure, listed


class Early(Struct, frozen=True):
    """A consumer that acknowledges early: its acknowledgement where there is one, and the effects that come after it."""

    operation: Operation
    ack: Ack | None
    effects: tuple[Step, ...]


@rule(
    "ack-before-effect",
    code="BE-CON-003",
    family="consistency",
    severity=Severity.HIGH,
    en="Message acknowledged before its effect",
    pt="Mensagem confirmada antes do efeito",
)
def ack_before_effect(system: System) -> Iterator[Finding]:
    """Yield, for each component and broker, the consumers that let the broker forget a message before its effects are done.

    A consumer with automatic acknowledgement whose work was not read is one too, for it works on what the broker has forgotten.
    """
    brokers = {topic.name: topic.broker for topic in system.topics}
    found: dict[Link, list[Early]] = {}
    for operation in system.operations:
        if operation.trigger.kind == "message":
            steps = [step for step, _ in in_order(operation.steps)]
            ack = next((step for step in steps if isinstance(step, Ack)), None)
            late = _late_effects(operation, steps, ack)
            guessed = bool(steps) and all(isinstance(step, Work) and step.certainty is Certainty.ASSUMED for step in steps)
            unread = operation.trigger.acknowledge == "auto" and guessed
            if late or unread:
                link = Link(operation.component, brokers.get(operation.trigger.name, ""))
                found.setdefault(link, []).append(Early(operation, ack, tuple(late)))
    for link in sorted(found):
        yield _finding(link, found[link])


def _late_effects(operation: Operation, steps: list[Step], ack: Ack | None) -> list[Step]:
    """Return the effects that come after the acknowledgement, and those that it does not wait for."""
    if ack is not None:
        before, after = steps[: steps.index(ack)], steps[steps.index(ack) + 1 :]
        running = [inner for step in before if isinstance(step, Parallel) and step.detached for inner in walk((step,))]
        return [step for step in (*running, *after) if leaves_effects(step)]
    return [step for step in steps if leaves_effects(step)] if operation.trigger.acknowledge in {"before", "auto"} else []


def _finding(link: Link, early: list[Early]) -> Finding:
    first = early[0]
    names = [each.operation.name for each in early]
    at_once = sum(each.operation.trigger.concurrency.value for each in early if each.operation.trigger.concurrency is not None)
    lost = Text("the messages in work", "as mensagens em andamento")
    if at_once:
        lost = Text(f"up to {figure(at_once, 'en')} messages at once", f"até {figure(at_once, 'pt')} mensagens de uma vez")
    when = Text("before the work is done", "antes de o trabalho terminar")
    if first.operation.trigger.acknowledge == "auto":
        when = Text("as soon as it is delivered (automatic acknowledgement)", "assim que é entregue (confirmação automática)")
    effects = sum(len(each.effects) for each in early)
    later = Text(counted(effects, "effect comes", "effects come"), counted(effects, "efeito vem", "efeitos vêm"))
    if not effects:
        later = Text("whatever it does comes", "o que quer que ele faça vem")
    return Finding(
        rule="ack-before-effect",
        severity=Severity.HIGH if effects else Severity.MEDIUM,
        subject=str(link),
        components=tuple(name for name in (link.caller, link.callee) if name),
        links=(link,) if link.callee else (),
        title=Text(
            f"{listed(names, 'en', most=3)} {'acknowledges' if len(names) == 1 else 'acknowledge'} before the work is done",
            f"{listed(names, 'pt', most=3)} {'confirma' if len(names) == 1 else 'confirmam'} antes de trabalhar",
        ),
        why=Text(
            f"A message is acknowledged {when.en}, and {later.en} after it. A crash, a "
            f"deploy or an error in between loses {lost.en}: the broker has forgotten them and no one sends them again.",
            f"A mensagem é confirmada {when.pt}, e {later.pt} depois. Uma queda, um deploy "
            f"ou um erro nesse meio perde {lost.pt}: o broker já esqueceu e ninguém manda de novo.",
        ),
        evidence=distinct(
            place
            for each in early
            for place in (common_places((each.ack, *each.effects)) if each.ack is not None else each.operation.evidence[:1])
        ),
        confidence=0.95 if effects else 0.7,
    )
