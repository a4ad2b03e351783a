"""Put a queue where a call was."""

from __future__ import annotations

import re

from msgspec import structs

from backend_expert.advice.place import added, free_name, with_steps
from backend_expert.model import (
    Action,
    Call,
    CallSite,
    Certainty,
    Component,
    Deployment,
    Kind,
    Operation,
    Publish,
    Query,
    Step,
    System,
    Topic,
    Trigger,
    walk,
)

SAFE = re.compile(r"\b(GET|HEAD|OPTIONS)\b")
"""Methods that change nothing (RFC 9110, 9.2.1): who sends them wants the answer."""


def needs_answer(system: System, site: CallSite) -> bool:
    """Tell whether the caller is known to need what the call returns, so that no message can take its place.

    A gateway passes the answer on, and the answer of a safe method, or of an operation that is known to change nothing, is all that
    there is to it. Of a handler that nobody has seen this is not known.
    """
    if not isinstance(site.step, Call) or system.component(site.caller).kind is Kind.GATEWAY:
        return True
    target = system.operation(site.step.operation)
    if target.trigger.kind == "http" and SAFE.search(target.trigger.name or target.name):
        return True
    changes = any(
        isinstance(step, Publish | Call) or (isinstance(step, Query) and step.action is not Action.READ)
        for step in walk(target.steps)
    )
    return target.certainty is not Certainty.ASSUMED and bool(target.steps) and not changes


def handed_over(system: System, sites: tuple[CallSite, ...]) -> System:
    """Return the system in which the given calls are messages: published by the caller, consumed by the callee when it can.

    The broker is the system's own or, where there is none, a new RabbitMQ. The called operation stays for its other callers; the
    consumer runs the same steps, acknowledges after them and has a dead-letter queue.
    """
    calls = [(site, site.step) for site in sites if isinstance(site.step, Call)]
    if not calls:
        return system
    brokers = [component.name for component in system.components if component.kind is Kind.BROKER]
    broker = brokers[0] if brokers else free_name(system, "broker")
    changed = system
    topics: dict[tuple[str, Step], str] = {}
    for site, call in calls:
        target = system.operation(call.operation)
        topic = f"{broker}/{site.callee}.requested"
        consumer = Operation(
            name=f"{site.callee} consumes {topic}: {call.operation}",
            component=site.callee,
            trigger=Trigger(kind="message", name=topic, group=site.callee, acknowledge="after", dead_letter=True),
            steps=target.steps,
            certainty=target.certainty,
        )
        changed = structs.replace(
            changed,
            topics=added(changed.topics, Topic(name=topic, broker=broker, durable=True)),
            operations=added(changed.operations, consumer),
        )
        topics[site.operation, call] = topic
    if not brokers:
        new = Component(name=broker, kind=Kind.BROKER, technology="rabbitmq", deployment=Deployment())
        changed = structs.replace(changed, components=added(changed.components, new))

    def published(operation: Operation, step: Step) -> Step:
        topic = topics.get((operation.name, step))
        return step if topic is None else Publish(topic=topic, confirmed=True, persistent=True, evidence=step.evidence)

    return with_steps(changed, published)
