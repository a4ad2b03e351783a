"""The pipeline: read, check, prescribe, prove, rank. One straight corridor from files to a Result."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Protocol

from msgspec import Struct, structs

from backend_expert import __version__, rules
from backend_expert.advice.proof import Proving
from backend_expert.advice.prove import prove
from backend_expert.advice.trial import Bench
from backend_expert.lab import load
from backend_expert.model import Certainty, System, Text, dependencies
from backend_expert.model.assume import assumptions, complete
from backend_expert.readers.repository import Repository
from backend_expert.review import consistency, executors
from backend_expert.review.brief import BASIC, Brief, Need
from backend_expert.review.database_advice import proposals
from backend_expert.review.drawing import edges_of, nodes_of
from backend_expert.review.findings import reported
from backend_expert.review.measuring import measure_first
from backend_expert.review.peak import peak_study
from backend_expert.review.planned import NOTHING, Given, Planning, planned
from backend_expert.review.recover import Recovered, recover
from backend_expert.review.requirements import Question, decide, undecided
from backend_expert.review.result import (
    Assumption,
    CheckedRule,
    Footer,
    MeasureFirst,
    PeakStudy,
    ReportedFinding,
    Requirement,
    Result,
)
from backend_expert.review.scoring import overall, scores
from backend_expert.review.verdict import read_sentence, verdict_sentence

DEFAULT_PEAK = 3.0
"""The factor that is tried when nobody states one; the peak-to-mean ratio of a day is between 2 and 3 at most public sites."""

__all__ = ["DEFAULT_PEAK", "Request", "recover", "review"]


class Advance(Protocol):
    """Tell whoever waits what is being done and how far it is."""

    def __call__(self, step: str, done: int = 0, total: int = 0) -> None:
        """Announce `step`; `done` of `total` when there is something to count."""


class Request(Struct, frozen=True, kw_only=True):
    """What is asked: the repository, the peak to survive, the brief, what production tells, the seed, the command for the footer."""

    path: Path
    peak: float = DEFAULT_PEAK
    brief: Brief = BASIC
    seed: int = 1
    system_file: tuple[str, str] | None = None
    lab: bool = True
    given: Given = NOTHING
    command: str = "backend-expert review"


def review(request: Request, advance: Advance | None = None, executor: Executor | None = None) -> Result:
    """Review a repository and return everything that a report shows.

    Raises `NothingToRead` when there is no system at the path and `SystemFileError` when the overlay cannot be used. A lab that
    cannot run leaves its questions undecided and says why; it does not end the review.
    """
    announce = advance or _silent
    announce("read")
    recovered = recover(request.path, request.system_file)
    announce("rules")
    completed = complete(recovered.system)
    findings = rules.check(
        at_peak(recovered.system, request.peak), tuple(each for each in rules.all_rules() if each.family != "data")
    )
    repository = Repository.open(request.path)
    with ThreadPoolExecutor(1) as beside, nullcontext(executor) if executor is not None else executors.executor() as pool:
        # The planner is a server of its own, and a thread that waits for it takes no core from the experiments.
        planning = beside.submit(planned, repository, recovered.system, lab=request.lab, given=request.given)
        # Exploring flows is plain Python and the load lab's kernel is not: side by side they use two cores.
        exploring = pool.submit(consistency.explored, recovered.system) if request.lab else None
        bench = Bench(peak=request.peak, seed=request.seed, executor=pool)
        proving = prove(
            completed,
            findings,
            bench if request.lab else structs.replace(bench, replications=0, draws=0),
            consider=tuple(word.value for word in request.brief.consider),
            progress=lambda done, total: announce("lab", done, total),
        )
        announce("flows")
        flows = exploring.result() if exploring is not None else ()
        requirements = _requirements(completed, recovered.system, request, flows, pool, announce)
        announce("peak")
        study, first, notes = _peak(completed, proving.after_all, request, pool)
        announce("queries")
        data = planning.result()
    advised = proposals(data, rank=1 + sum(each.rank > 0 for each in proving.proposals))
    proving = structs.replace(proving, proposals=(*proving.proposals, *advised), notes=(*proving.notes, *data.notes))
    comparisons = {each.finding.fingerprint: each.comparisons for each in data.findings}
    found = (*findings, *(each.finding for each in data.findings))
    shown = consistency.proved(reported(found, rules.all_rules(), proving.proposals, repository, comparisons), flows)
    return _result(request, recovered, completed, shown, proving, requirements, study, first, notes, data)


def at_peak(system: System, factor: float) -> System:
    """Return the system with the traffic of the peak: a place that is too small for it is a problem before the peak comes."""
    return structs.replace(
        system,
        workloads=tuple(
            structs.replace(each, rate_per_s=structs.replace(each.rate_per_s, value=each.rate_per_s.value * factor))
            for each in system.workloads
        ),
    )


def question_of(completed: System, recovered: System, request: Request) -> Question:
    """Return what the requirements are decided on; the brief's objective wins over that of the system."""
    stated = recovered.objectives
    goals = completed.objectives
    latency = request.brief.latency_p99_ms or next((each.latency_p99_ms for each in goals if each.latency_p99_ms), 500.0)
    success = request.brief.success_ratio or next((each.success_ratio for each in goals if each.success_ratio), 0.99)
    return Question(
        system=completed,
        factor=request.peak,
        latency_p99_ms=latency,
        success_ratio=success,
        objective_stated=bool(stated) or request.brief.latency_p99_ms is not None,
        traffic_stated=bool(recovered.workloads),
        seed=request.seed,
    )


def _requirements(
    completed: System,
    recovered: System,
    request: Request,
    flows: tuple[consistency.FlowStudy, ...],
    pool: Executor,
    announce: Advance,
) -> tuple[Requirement, ...]:
    needs = request.brief.requirements or tuple(Need)
    if not request.lab:
        reason = Text("Not tried: the lab was switched off.", "Não testado: o laboratório foi desligado.")
        return tuple(undecided(need, reason) for need in request.brief.requirements)
    question = question_of(completed, recovered, request)
    answers = []
    for position, need in enumerate(needs):
        announce("requirements", position, len(needs))
        try:
            answers.append(consistency.requirement(flows) if need is Need.EVENTUALLY_CONSISTENT else decide(need, question, pool))
        except load.ModelError as error:
            answers.append(undecided(need, Text(f"The lab could not run: {error}", f"O laboratório não pôde rodar: {error}")))
    return tuple(answers)


def _peak(
    completed: System, after: System, request: Request, pool: Executor
) -> tuple[PeakStudy | None, tuple[MeasureFirst, ...], tuple[Text, ...]]:
    if not request.lab or not completed.workloads:
        return None, (), ()
    try:
        study = peak_study(completed, after, request.peak, request.seed, pool)
        return study, measure_first(completed, request.peak, request.seed, pool), ()
    except load.ModelError as error:
        return None, (), (Text(f"The peak was not tried: {error}", f"O pico não foi testado: {error}"),)


def _result(
    request: Request,
    recovered: Recovered,
    completed: System,
    shown: tuple[ReportedFinding, ...],
    proving: Proving,
    requirements: tuple[Requirement, ...],
    study: PeakStudy | None,
    first: tuple[MeasureFirst, ...],
    notes: tuple[Text, ...],
    data: Planning,
) -> Result:
    catalogue = rules.all_rules()
    counts = {rule.id: sum(finding.rule == rule.id for finding in shown) for rule in catalogue}
    checked = tuple(
        CheckedRule(id=rule.id, code=rule.code, category=rule.family, title=rule.title, found=counts[rule.id]) for rule in catalogue
    )
    known = any(operation.certainty is not Certainty.ASSUMED for operation in recovered.system.operations)
    tables = any(dataset.columns for dataset in data.system.datasets)
    parts = scores(shown, checked, requirements, handlers_known=known, tables_known=tables)
    score, grade = overall(parts)
    return Result(
        system=recovered.system.name,
        verdict=verdict_sentence(shown, proving.proposals, requirements),
        read=read_sentence(recovered.system, recovered.files),
        grade=grade,
        score=score,
        scores=parts,
        requirements=requirements,
        recommendations=proving.proposals,
        nodes=nodes_of(recovered.system, shown),
        edges=edges_of(recovered.system, shown),
        peak=study,
        findings=shown,
        assumptions=_assumed(completed, first),
        measure_first=first,
        questions=_questions(recovered.system),
        unread=recovered.unread,
        notes=(*recovered.notes, *proving.notes, *notes),
        rules=checked,
        footer=Footer(
            command=request.command,
            seed=request.seed,
            version=__version__,
            digest=recovered.digest,
            commit=recovered.commit,
            commit_date="",
        ),
        databases=data.studies,
    )


def _assumed(completed: System, first: tuple[MeasureFirst, ...]) -> tuple[Assumption, ...]:
    """Return every assumed number, the ones that matter most first, then in the order of the file form."""
    matters = {path: each.weight for each in first for path in each.numbers}
    listed = [
        Assumption(
            path=each.path,
            value=each.estimate.value,
            low=each.estimate.value / each.estimate.spread,
            high=each.estimate.value * each.estimate.spread,
            reason=each.reason,
            matters=matters.get(each.path),
        )
        for each in assumptions(completed)
    ]
    return tuple(sorted(listed, key=lambda each: -(each.matters or 0.0)))


def _questions(system: System) -> tuple[Text, ...]:
    """Return what only the user can answer, the most useful first."""
    questions = []
    if not system.workloads:
        questions.append(
            Text(
                "How many requests per second arrive, and at which operations? State it under 'workloads' in system.yaml.",
                "Quantas requisições por segundo chegam, e em quais operações? Informe em 'workloads' no system.yaml.",
            )
        )
    if not system.objectives:
        questions.append(
            Text(
                "How fast must the slowest 1 % be answered, and what share must succeed? State it under 'objectives'.",
                "Em quanto tempo o 1 % mais lento deve ser respondido, e que parte deve ter sucesso? Informe em 'objectives'.",
            )
        )
    questions += [
        Text(
            f"Does {each.caller} really use {each.callee}? Only a start order says so.",
            f"{each.caller} usa mesmo {each.callee}? Só uma ordem de partida diz isso.",
        )
        for each in dependencies(system)
        if each.certainty is Certainty.ASSUMED
    ]
    return tuple(questions)


def _silent(step: str, done: int = 0, total: int = 0) -> None:  # noqa: ARG001 - nobody waits
    return None
