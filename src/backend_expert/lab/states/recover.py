"""Find the business flows of a system: every entry that changes something, with all that it calls and all that hears of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from msgspec import structs

from backend_expert.lab.states.flow import (
    DEFAULT_ISOLATION,
    NOTHING,
    Ack,
    Bounds,
    Branch,
    Call,
    Compensate,
    Effect,
    External,
    Flow,
    Handler,
    Isolation,
    Lock,
    Parallel,
    Publish,
    Reply,
    Step,
    Topic,
    Transaction,
    walk,
)
from backend_expert.lab.states.recover_invariants import with_invariants
from backend_expert.lab.states.recover_scope import Scope
from backend_expert.lab.states.recover_tables import Tables, first
from backend_expert.model import (
    Mechanism,
    Operation,
    Policy,
    Query,
    System,
    Text,
    entries,
)
from backend_expert.model import steps as model

MOST_WORKERS = 2
MOST_ATTEMPTS = 3
"""Workers and attempts that are followed: with budgets of one fault, more of them repeat what these show."""


def flows_of(system: System, bounds: Bounds = Bounds()) -> tuple[Flow, ...]:  # noqa: B008 - frozen
    """Return one flow for each entry that changes data or the world outside, ordered by the name of the entry.

    Only operations with known steps can be followed. What the steps do not say is assumed, and each assumption stands in the flow.
    """
    flows = []
    for entry in sorted(entries(system), key=lambda each: each.name):
        flow = _Recovery(Scope(system, entry)).flow(bounds)
        if flow is not None:
            flows.append(flow)
    return tuple(flows)


class _Recovery:
    """Translate what an entry reaches, handler by handler."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.technology = {component.name: component.technology for component in scope.system.components}
        self.tables = Tables(scope.system, scope.reached, scope.renewed)
        self.externals: dict[str, External] = {}
        self.guessed: set[str] = set()
        self.undoing = False

    def flow(self, bounds: Bounds) -> Flow | None:
        scope = self.scope
        if scope.entry.name not in scope.changing:
            return None
        handlers = [self.handler(operation) for operation in scope.reached if operation.name in scope.changing]
        published = {step.topic for handler in handlers for step in walk(handler.steps) if isinstance(step, Publish)}
        flow = Flow(
            name=scope.entry.name,
            handlers=tuple(handlers),
            tables=tuple(self.tables.found[name] for name in sorted(self.tables.found)),
            topics=tuple(self.topic(name) for name in sorted(published)),
            externals=tuple(self.externals[name] for name in sorted(self.externals)),
            bounds=bounds,
        )
        flow = with_invariants(flow, self.guessed)
        return flow if self.worth_exploring(flow) else None

    def worth_exploring(self, flow: Flow) -> bool:
        """Tell whether a flow holds more than guesses that cannot be broken: effects, each tried once, that perhaps are none."""
        sure = any(each.of not in self.guessed for each in flow.invariants)
        steps = [step for handler in flow.handlers for step in walk(handler.steps)]
        repeated = any(isinstance(step, Call | Effect) and step.attempts > 1 for step in steps)
        heard = any(handler.consumes for handler in flow.handlers)
        return sure or (bool(flow.invariants) and (repeated or heard))

    def topic(self, name: str) -> Topic:
        declared = next((topic for topic in self.scope.system.topics if topic.name == name), None)
        transient = any(
            isinstance(step, model.Publish) and step.topic == name and step.persistent is False for _, step in self.scope.steps
        )
        durable = not transient and (declared is None or declared.durable is not False)
        unstated = durable and (declared is None or declared.durable is None)
        assumed = (
            Text(f"{name} survives a restart of its broker", f"{name} sobrevive a um reinício do broker") if unstated else NOTHING
        )
        return Topic(name, durable=durable, assumed=assumed)

    def handler(self, operation: Operation) -> Handler:
        steps = self.block(operation.steps, operation)
        trigger = operation.trigger
        first_one = operation.name == self.scope.entry.name
        message = trigger.kind == "message" and not first_one
        early = trigger.acknowledge in {"before", "auto"} and not any(isinstance(step, Ack) for step in walk(steps))
        wide = trigger.concurrency is None or trigger.concurrency.value > 1
        return Handler(
            operation.name,
            steps,
            consumes=trigger.name if message else "",
            called=not message and not first_one,
            workers=MOST_WORKERS if message and wide else 1,
            acknowledge="receipt" if message and early else "explicit",
            evidence=first(operation.evidence),
        )

    def block(self, steps: tuple[model.Step, ...], operation: Operation) -> tuple[Step, ...]:
        found: list[Step] = []
        for step in steps:
            found += self.step(step, operation)
        return tuple(found)

    def step(self, step: model.Step, operation: Operation) -> tuple[Step, ...]:
        evidence = first(step.evidence)
        match step:
            case Query():
                topics = self.scope.stored(step)
                if topics:
                    return tuple(Publish(topic, via="outbox", evidence=evidence) for topic in topics)
                return self.tables.steps_of(step, operation, undoing=self.undoing)
            case model.Call():
                return self.call(step, operation)
            case model.Publish():
                return (Publish(step.topic, confirmed=step.confirmed is not False, evidence=evidence, assumed=_confirmed(step)),)
            case model.Ack():
                return (Ack(evidence=evidence),)
            case model.Reply():
                return (Reply(step.status, evidence=evidence),)
            case model.Transaction():
                level = self.isolation(step.isolation, step.store)
                return _around(self.block(step.steps, operation), lambda inside: Transaction(inside, level, evidence=evidence))
            case model.Lock():
                lease = step.lease_ms is not None
                lock = re.sub(r"[^\w.-]+", "-", step.resource)
                return _around(
                    self.block(step.steps, operation),
                    lambda inside: Lock(lock, inside, lease, step.fenced is True, evidence=evidence),
                )
            case model.Parallel():
                branches = tuple(branch for branch in (self.block(each, operation) for each in step.branches) if branch)
                return (Parallel(branches, evidence=evidence),) if len(branches) > 1 else branches[0] if branches else ()
            case model.Repeat():
                return self.block(step.steps, operation)
            case model.Branch():
                return self.branch(step, operation)
            case model.Compensate():
                return self.compensate(step, operation)
            case model.CacheGet():
                return self.block(step.on_miss, operation)
            case _:
                return ()

    def branch(self, step: model.Branch, operation: Operation) -> tuple[Step, ...]:
        """Return both ways; where only one of them publishes and goes on, the way on which the message is due."""
        then, otherwise = self.block(step.then, operation), self.block(step.otherwise, operation)
        evidence = first(step.evidence)
        if not then and not otherwise:
            return ()
        inside = tuple(walk(then))
        if otherwise or not any(isinstance(each, Publish) for each in inside) or any(isinstance(each, Reply) for each in inside):
            return (Branch("unknown", then, otherwise, evidence=evidence),)
        head, due = then[0], _holds(step)
        both = due if head.assumed == NOTHING else Text(f"{due.en}; {head.assumed.en}", f"{due.pt}; {head.assumed.pt}")
        return (structs.replace(head, assumed=both), *then[1:])

    def compensate(self, step: model.Compensate, operation: Operation) -> tuple[Step, ...]:
        inside = self.block(step.steps, operation)
        self.undoing, before = True, self.undoing
        undo = self.block(step.undo, operation)
        self.undoing = before
        return (Compensate(inside, undo, evidence=first(step.evidence)),) if inside else ()

    def isolation(self, stated: str, store: str) -> Isolation:
        """Return the level that a store gives under a name: the same name means different things in different stores."""
        technology = self.technology.get(store, "")
        level = re.sub(r"[\s_-]+", "-", stated.strip().lower())
        if not level:
            return DEFAULT_ISOLATION.get(technology, "read-committed")
        if level == "serializable":
            return "snapshot" if technology == "oracle" else "serializable"
        if level == "read-uncommitted":
            # PostgreSQL gives READ COMMITTED under this name (manual, 13.2).
            return "read-committed" if technology == "postgresql" else "read-uncommitted"
        if level == "repeatable-read":
            return "repeatable-read" if technology in {"mysql", "mariadb"} else "snapshot"
        return "snapshot" if level == "snapshot" else "read-committed"

    def call(self, step: model.Call, caller: Operation) -> tuple[Step, ...]:
        evidence = first(step.evidence)
        attempts = _attempts(step.policy)
        if self.scope.effect(step, caller):
            operation = self.scope.operations[step.operation]
            system = _slug(operation.component)
            known = step.policy.idempotency_key is True
            self.externals.setdefault(system, External(system))
            words = _slug(operation.trigger.name or operation.name)
            sites = {each.name for each, one in self.scope.steps if isinstance(one, model.Call) and one.operation == step.operation}
            by = f"-by-{_slug(caller.name)}" if len(sites) > 1 else ""
            key: Literal["request"] | None = "request" if known else None
            name = f"{system}.{words}{by}"
            if self.scope.guessed(step):
                self.guessed.add(name)
            return (Effect(name, attempts, key=key, evidence=evidence, assumed=_of_effect(step, self.scope.guessed(step))),)
        if step.operation in self.scope.changing:
            return (Call(step.operation, attempts, evidence=evidence),)
        return ()


def _around(inside: tuple[Step, ...], wrap: Callable[[tuple[Step, ...]], Step]) -> tuple[Step, ...]:
    return (wrap(inside),) if inside else ()


def _slug(text: str) -> str:
    return re.sub(r"[^\w-]+", "-", text).strip("-")


def _holds(step: model.Branch) -> Text:
    place = first(step.evidence)
    where = f" ({place})" if place is not None else ""
    condition = f"`{step.condition or '?'}`{where}"
    return Text(f"{condition} is true where a message is published", f"{condition} é verdadeiro onde se publica uma mensagem")


def _of_effect(step: model.Call, guessed: bool) -> Text:
    """Return what is taken for granted of a call outside: that it changes something, that nobody there knows a repeated request."""
    if step.policy.idempotency_key is True:
        return NOTHING
    if guessed:
        return Text(
            f"{step.operation} changes something (nobody has read its handler, or its verb) and recognises no repeated request",
            f"{step.operation} altera algo (ninguém leu o handler, ou o verbo) e não reconhece uma requisição repetida",
        )
    if step.policy.lacks(Mechanism.IDEMPOTENCY_KEY):
        return NOTHING
    return Text(f"{step.operation} recognises no repeated request", f"{step.operation} não reconhece uma requisição repetida")


def _confirmed(step: model.Publish) -> Text:
    if step.confirmed is not None:
        return NOTHING
    return Text(
        f"whoever publishes {step.topic} waits until the broker has it",
        f"quem publica {step.topic} espera o broker receber a mensagem",
    )


def _attempts(policy: Policy) -> int:
    return 1 if policy.retry is None else max(1, min(MOST_ATTEMPTS, round(policy.retry.attempts.value)))
