"""Executable requirements: each is decided by an experiment on the recovered system, in many plausible worlds.

A world is the system with every assumed number drawn from its spread. A requirement is *held* when at least nine worlds of ten
hold it, *broken* when at most one does, and *not decidable* in between: then the answer says what to state first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from statistics import median_low

from msgspec import Struct, structs

from backend_expert.lab import load
from backend_expert.model import (
    Certainty,
    Component,
    Kind,
    System,
    Text,
    call_sites,
    entries,
    policy_of,
    reached_from_entries,
    replace_component,
)
from backend_expert.model.wording import counted, figure, milliseconds, named, percent, sentence
from backend_expert.review.brief import TITLES, Need
from backend_expert.review.result import Band, Requirement
from backend_expert.review.series import FAULT, series_of

WORLDS = 20
SURE = 0.9
"""Share of worlds from which a verdict is given: with 20 worlds the 95 % Wilson interval of 18 is 0.70 to 0.97."""

STEADY_S = 20.0
FAULT_AT_S, FAULT_LASTS_S, FAULT_RUN_S = 5.0, 10.0, 25.0
FIRST_FAULT_WORLDS, FAULT_WORLDS = 3, 5
"""When the first three worlds agree about a fault, the majority of five is settled."""

FAULTS_A_JOB = 16
"""Faults that share one compilation of a world; few enough that the jobs of a large system keep every core busy."""

DOUBLING = 1.6
"""Least gain of capacity from twice the replicas that counts as scaling: 80 % of linear (USL with 25 % contention gives 1.6)."""

SCALING_WORLDS = 3
CAPACITY_S = 6.0
CAPACITY_STEPS = 5
"""Halvings of the last doubling: the capacity is found within 3 %."""

HIGHEST_FACTOR = 64.0

NO_LIMIT = Text(
    "No limit was met up to 64 times today's traffic: state the traffic in system.yaml to ask for more.",
    "Nenhum limite apareceu até 64 vezes o tráfego de hoje: informe o tráfego no system.yaml para perguntar por mais.",
)
NO_CAPACITY = Text(
    "The objective is not held even at a tenth of today's traffic, so no capacities can be compared.",
    "O objetivo não se mantém nem com um décimo do tráfego de hoje; não há capacidades a comparar.",
)


class Question(Struct, frozen=True):
    """What the requirements are decided on: a completed system, what was stated about it, and the means to experiment."""

    system: System
    factor: float
    latency_p99_ms: float
    success_ratio: float
    objective_stated: bool
    traffic_stated: bool
    seed: int


def decide(need: Need, question: Question, executor: Executor) -> Requirement:
    """Return the verdict on one requirement with its numbers; raise `load.ModelError` when the system cannot be simulated."""
    deciders: dict[Need, Callable[[Question, Executor], Requirement]] = {
        Need.SURVIVES_PEAK: _survives_peak,
        Need.FAULT_TOLERANT: _tolerates_faults,
        Need.SCALES_HORIZONTALLY: _scales,
        Need.LOW_LATENCY: _answers_fast,
    }
    return deciders[need](question, executor)


def undecided(need: Need, reason: Text) -> Requirement:
    """Return a requirement that no experiment could decide, with the reason."""
    return Requirement(id=need.value, title=TITLES[need], verdict="not-decidable", answer=reason)


def _survives_peak(question: Question, executor: Executor) -> Requirement:
    outcomes = _in_worlds(question, load.Scenario(STEADY_S, arrivals=load.constant(question.factor)), executor)
    held = [_holds(outcome, question) for outcome in outcomes]
    nominal = outcomes[0]
    numbers: dict[str, Text | str | float] = {
        "factor": figure(question.factor),
        "success": percent(nominal.success_ratio),
        "p99": milliseconds(nominal.p99_ms),
        "target": milliseconds(question.latency_p99_ms),
        "need": percent(question.success_ratio),
        "share": percent(sum(held) / len(held)),
        "bottleneck": nominal.bottleneck,
    }
    answer = sentence(
        "At a steady {factor}x, {success} of requests succeed, p99 {p99} (objective: {need} within {target}); held in {share} of plausible "
        "worlds.",
        "Com {factor}x o tempo todo, {success} das requisições têm sucesso, p99 {p99} (objetivo: {need} em até {target}); vale em "
        "{share} dos mundos plausíveis.",
        **numbers,
    )
    counterexample = sentence(
        "The busiest part is {bottleneck}.", "A parte mais ocupada é {bottleneck}.", bottleneck=nominal.bottleneck
    )
    return _verdict(Need.SURVIVES_PEAK, held, answer, counterexample, question)


def _answers_fast(question: Question, executor: Executor) -> Requirement:
    outcomes = _in_worlds(question, load.Scenario(STEADY_S), executor)
    nominal = outcomes[0]
    answer = sentence(
        "With today's traffic p99 is {p99}; the objective is {target}.",
        "Com o tráfego de hoje o p99 é {p99}; o objetivo é {target}.",
        p99=milliseconds(nominal.p99_ms),
        target=milliseconds(question.latency_p99_ms),
    )
    if not question.objective_stated:
        missing = sentence(
            "{answer} Nobody stated an objective: give one under 'objectives' in system.yaml or in the brief.",
            "{answer} Ninguém informou um objetivo: informe um em 'objectives' no system.yaml ou no briefing.",
            answer=answer,
        )
        return undecided(Need.LOW_LATENCY, missing)
    return _verdict(Need.LOW_LATENCY, [_holds(outcome, question) for outcome in outcomes], answer, None, question)


def _tolerates_faults(question: Question, executor: Executor) -> Requirement:
    parts = failing_parts(question.system)
    shares = _shares_during_faults([part.name for part in parts], question, executor)
    broken = [
        (median_low(seen), part.name)
        for part, seen in zip(parts, shares, strict=True)
        if sum(share < question.success_ratio for share in seen) > len(seen) / 2
    ]
    needed = certainly_needed(question.system)
    broken.sort(key=lambda each: (each[1] not in needed, *each[:2]))
    if not broken:
        answer = sentence(
            "{count} single failures tried, each for {seconds} s: at least {need} of requests succeed during every one.",
            "{count} falhas simples testadas, cada uma por {seconds} s: ao menos {need} das requisições têm sucesso em todas.",
            count=len(parts),
            seconds=FAULT_LASTS_S,
            need=percent(question.success_ratio),
        )
        return Requirement(id=Need.FAULT_TOLERANT.value, title=TITLES[Need.FAULT_TOLERANT], verdict="held", answer=answer)
    share, worst = broken[0]
    sure = tuple(name for _, name in broken if name in needed)
    if not sure:
        return undecided(
            Need.FAULT_TOLERANT,
            sentence(
                "{names} run without a second instance; whether their callers can answer without them was not found in the files "
                "read.",
                "{names} rodam sem uma segunda instância; se quem os chama consegue responder sem eles não foi encontrado nos "
                "arquivos lidos.",
                names=named(tuple(name for _, name in broken), 6),
            ),
        )
    answer = sentence(
        "Of {count} single failures, those of {names} break the objective of {need}.",
        "De {count} falhas simples testadas, as de {names} quebram o objetivo de {need}.",
        count=len(parts),
        need=percent(question.success_ratio),
        names=named(sure, 6),
    )
    if len(sure) < len(broken):
        answer = sentence(
            "{answer} {more} the requests that need it; whether the callers can do without was not found in the files read.",
            "{answer} {more} as requisições que dependem da peça que falhou; se quem chama consegue dispensá-la não foi encontrado "
            "nos arquivos lidos.",
            answer=answer,
            more=counted(len(broken) - len(sure), Text("more fails", "outra derruba"), Text("more fail", "outras derrubam")),
        )
    counterexample = sentence(
        "One instance of {name} is gone for {seconds} s: {share} of requests succeed meanwhile.",
        "Uma instância de {name} some por {seconds} s: {share} das requisições têm sucesso nesse tempo.",
        name=worst,
        seconds=FAULT_LASTS_S,
        share=percent(share),
    )
    run = load.run(question.system, crash_scenario(worst), seed=question.seed)
    return Requirement(
        id=Need.FAULT_TOLERANT.value,
        title=TITLES[Need.FAULT_TOLERANT],
        verdict="broken",
        answer=answer,
        counterexample=counterexample,
        series=(series_of(run, "fault", Text(worst, worst)),),
        bands=(Band(FAULT_AT_S, FAULT_AT_S + FAULT_LASTS_S, FAULT),),
    )


def _shares_during_faults(names: Sequence[str], question: Question, executor: Executor) -> list[list[float]]:
    """Return the share of successes while each part is away, in an odd number of worlds; those that agree need no more of them."""
    worlds = _worlds(question, FAULT_WORLDS)
    shares: list[list[float]] = [[] for _ in names]
    for more in (worlds[:FIRST_FAULT_WORLDS], worlds[FIRST_FAULT_WORLDS:]):
        open_ = [at for at, seen in enumerate(shares) if len({share < question.success_ratio for share in seen}) != 1]
        jobs = [(world, open_[at : at + FAULTS_A_JOB]) for world in more for at in range(0, len(open_), FAULTS_A_JOB)]
        found = executor.map(
            partial(_faulty, seed=question.seed), [(world, tuple(names[at] for at in chosen)) for world, chosen in jobs]
        )
        for (_, chosen), answers in zip(jobs, found, strict=True):
            for at, share in zip(chosen, answers, strict=True):
                shares[at].append(share)
    return shares


def _scales(question: Question, executor: Executor) -> Requirement:
    """Compare the capacity with once, twice and four times the replicas, in the middle world and in a few plausible ones."""
    worlds = _worlds(question, SCALING_WORLDS)
    systems = [with_more_replicas(world, times) for world in worlds for times in ((1, 2, 4) if world is worlds[0] else (1, 2))]
    (one, _), (two, limit), (four, _), *others = executor.map(partial(capacity, question=question), systems)
    pairs = [(one, two), *zip([factor for factor, _ in others[::2]], [factor for factor, _ in others[1::2]], strict=True)]
    judged = [pair for pair in pairs if 0 < pair[0] < HIGHEST_FACTOR]
    if not judged or not one:
        return undecided(Need.SCALES_HORIZONTALLY, NO_LIMIT if one else NO_CAPACITY)
    held = [second >= DOUBLING * first for first, second in judged]
    answer = sentence(
        "Highest load within the objective: {one}x of today's traffic, {two}x with twice the replicas of every stateless part, "
        "{four}x with four times; doubling pays in {share} of plausible worlds.",
        "Maior carga dentro do objetivo: {one}x do tráfego de hoje, {two}x com o dobro de réplicas de cada parte sem estado, "
        "{four}x com o quádruplo; dobrar compensa em {share} dos mundos plausíveis.",
        one=figure(one),
        two=figure(two),
        four=figure(four),
        share=percent(sum(held) / len(held)),
    )
    counterexample = sentence(
        "With twice the replicas the limit is {limit}.", "Com o dobro de réplicas o limite é {limit}.", limit=limit
    )
    return _verdict(Need.SCALES_HORIZONTALLY, held, answer, counterexample, question)


def failing_parts(system: System) -> tuple[Component, ...]:
    """Return the components whose failure is tried: those on a path of requests that are ours to run."""
    reached = reached_from_entries(system)
    outside = {Kind.EXTERNAL, Kind.CLIENT, Kind.PLATFORM}
    return tuple(part for part in system.components if part.kind not in outside and part.name in reached)


def certainly_needed(system: System) -> frozenset[str]:
    """Return the components that requests cannot do without as far as is known.

    The entries themselves, and what a known handler calls without saying that it can be left out. A call that only a deployment file
    shows proves a dependency, not that its failure fails the caller: some callers degrade.
    """
    known = {operation.name for operation in system.operations if operation.certainty is not Certainty.ASSUMED}
    called = {site.callee for site in call_sites(system) if site.operation in known and not policy_of(site.step).optional}
    return frozenset(called | {operation.component for operation in entries(system)})


def crash_scenario(component: str) -> load.Scenario:
    """Return the failure of one instance: 10 s without it, after 5 s of normal traffic."""
    return load.Scenario(FAULT_RUN_S, faults=(load.crash(component, FAULT_AT_S, FAULT_LASTS_S),))


def capacity(system: System, question: Question) -> tuple[float, str]:
    """Return the highest factor on today's traffic that holds the objective, within 3 %, and what is busiest just above it."""

    def outcome_at(factor: float) -> load.Outcome:
        return load.run(system, load.Scenario(CAPACITY_S, arrivals=load.constant(factor)), seed=question.seed)

    low, high = 0.0, 1.0
    outcome = outcome_at(high)
    while _holds(outcome, question) and high < HIGHEST_FACTOR:
        low, high = high, high * 2
        outcome = outcome_at(high)
    if low >= HIGHEST_FACTOR / 2 and _holds(outcome, question):
        return HIGHEST_FACTOR, outcome.bottleneck
    bottleneck = outcome.bottleneck
    for _ in range(CAPACITY_STEPS):
        middle = (low + high) / 2
        outcome = outcome_at(middle)
        if _holds(outcome, question):
            low = middle
        else:
            high, bottleneck = middle, outcome.bottleneck
    return (low if low >= 0.1 else 0.0), bottleneck


def with_more_replicas(system: System, times: int) -> System:
    """Return the system with so many times the replicas of every stateless part of ours."""
    for part in system.components:
        deployment = part.deployment
        if part.stateful or part.kind in {Kind.EXTERNAL, Kind.CLIENT} or deployment is None or deployment.replicas is None:
            continue
        replicas = structs.replace(deployment.replicas, value=deployment.replicas.value * times)
        system = replace_component(system, structs.replace(part, deployment=structs.replace(deployment, replicas=replicas)))
    return system


def _worlds(question: Question, count: int) -> list[System]:
    """Return the system as it stands and `count` - 1 plausible worlds."""
    return [question.system, *load.plausible(question.system, question.seed, WORLDS)[1:count]]


def _in_worlds(question: Question, scenario: load.Scenario, executor: Executor) -> list[load.Outcome]:
    return list(executor.map(partial(load.run, scenario=scenario, seed=question.seed), _worlds(question, WORLDS)))


def _faulty(job: tuple[System, tuple[str, ...]], seed: int) -> tuple[float, ...]:
    world, names = job
    scenarios = [crash_scenario(name) for name in names]
    return load.success_shares(world, scenarios, FAULT_AT_S, FAULT_AT_S + FAULT_LASTS_S, seed=seed)


def _holds(outcome: load.Outcome, question: Question) -> bool:
    slowest = outcome.p99_ms
    return slowest is not None and slowest <= question.latency_p99_ms and outcome.success_ratio >= question.success_ratio


def _verdict(need: Need, held: Sequence[bool], answer: Text, counterexample: Text | None, question: Question) -> Requirement:
    share = sum(held) / len(held)
    title = TITLES[need]
    if share >= SURE:
        return Requirement(id=need.value, title=title, verdict="held", answer=answer)
    if share <= 1 - SURE:
        return Requirement(id=need.value, title=title, verdict="broken", answer=answer, counterexample=counterexample)
    missing = sentence(
        "{answer} Too much is assumed to decide: {what}.",
        "{answer} Há suposições demais para decidir: {what}.",
        answer=answer,
        what=Text("the timings", "os tempos")
        if question.traffic_stated
        else Text(
            "state the traffic first (workloads in system.yaml)",
            "informe primeiro o tráfego (workloads no system.yaml)",
        ),
    )
    return undecided(need, missing)
