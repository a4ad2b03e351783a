"""One cause is told once: shared helpers, the function in which steps meet, and the line that tells steps apart."""

from __future__ import annotations

from backend_expert.model import CallSite, Evidence, Parallel, Publish, Query
from backend_expert.model.system_file import load
from backend_expert.rules.effects import best_effort, by_cause, common_places, places_apart


def place(file: str, line: int) -> Evidence:
    return Evidence(file, line, "node")


HELPER = place("publisher.ts", 51)
WRITE = Query(dataset="db/t", evidence=(place("repository.ts", 16), place("create.ts", 111), place("controller.ts", 75)))
SENT = Publish(topic="mq/created", evidence=(HELPER, place("create.ts", 125), place("controller.ts", 75)))
OTHER = Publish(topic="mq/changed", evidence=(HELPER, place("change.ts", 80)))


def test_steps_meet_in_the_file_that_most_of_them_share() -> None:
    assert common_places((WRITE, SENT)) == (place("create.ts", 111), place("create.ts", 125), place("repository.ts", 16), HELPER)


def test_a_step_alone_stands_where_it_stands() -> None:
    assert common_places((WRITE,)) == (place("repository.ts", 16),)


def test_a_shared_helper_does_not_tell_steps_apart() -> None:
    assert places_apart((SENT, OTHER)) == (place("create.ts", 125), place("change.ts", 80))
    assert places_apart((SENT,)) == (HELPER,)


def test_callers_of_one_helper_are_one_cause() -> None:
    sites = [CallSite("booking", "mq", "book", SENT), CallSite("flight", "mq", "fly", OTHER)]
    own = CallSite("mail", "mq", "mail", Publish(topic="mq/sent", evidence=(place("mail.ts", 3),)))
    assert by_cause([*sites, own]) == (tuple(sites), (own,))


def test_only_handled_work_is_meant_to_be_lost() -> None:
    system = load("""
components: {a: {kind: service}, db: {kind: database}}
datasets: {db/t: {store: db}}
operations:
  a x:
    component: a
    trigger: {kind: http}
    steps:
      - {step: parallel, first: 1, detached: handled, branches: [[], [{step: query, dataset: db/t}]]}
      - {step: parallel, first: 1, detached: bare, branches: [[], [{step: query, dataset: db/t, action: insert}]]}
""")
    (operation,) = system.operations
    handled, bare = (step for step in operation.steps if isinstance(step, Parallel))
    assert id(handled.branches[1][0]) in best_effort(operation)
    assert id(bare.branches[1][0]) not in best_effort(operation)
