"""Where many remedies are tried, one of them wins by chance: the more are tried, the surer a difference has to be."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.candidates import Candidate
from backend_expert.advice.catalogue import all_remedies
from backend_expert.advice.prove import MAY_BE_CHANCE, Tried, surely
from backend_expert.advice.trial import Trial
from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.model import System


def queue(workers: int) -> System:
    return sketch.system([sketch.component("s", workers=workers)], [sketch.operation("op", "s", sketch.work(10))], {"op": 90})


SCENARIO = load.Scenario(20)
COMPARISON = load.compare(queue(1), queue(2), SCENARIO, replications=4)


def tried(p_value: float) -> Tried:
    """Return a trial that helps, with a p-value of its own."""
    measures = tuple(structs.replace(each, p_value=p_value) for each in COMPARISON.measures)
    trial = Trial(SCENARIO, structs.replace(COMPARISON, measures=measures), None)
    candidate = Candidate(remedy=all_remedies()[0], findings=(), after=queue(2), asked=False, considered=False)
    return Tried(candidate, trial)


def test_a_difference_that_stands_alone_falls_among_many() -> None:
    one = tried(0.01)
    assert one.helps
    assert surely([one])[0].helps
    among_many = surely([one, *(tried(0.5) for _ in range(5))])
    assert not among_many[0].helps
    assert among_many[0].refusal == MAY_BE_CHANCE


def test_a_sure_difference_stands_among_many_and_the_surest_pays_most() -> None:
    found = surely([tried(p) for p in (0.0001, 0.004, 0.012, 0.9, 0.9, 0.9)])
    # Holm: 6, 5 and 4 times the three smallest.
    assert [each.helps for each in found] == [True, True, True, False, False, False]
    assert not surely([tried(p) for p in (0.0001, 0.004, 0.0126, 0.9, 0.9, 0.9)])[2].helps


def test_what_was_not_tried_does_not_count() -> None:
    untried = Tried(tried(0.5).candidate, None)
    found = surely([untried, tried(0.04), untried])
    assert [each.refusal.en for each in found] == ["", "", ""]
    assert found[1].helps
