"""Recommendations about data, with what the planner says of each: build, drop, write otherwise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from backend_expert.advice.candidates import Candidate, candidates
from backend_expert.advice.catalogue import Example
from backend_expert.advice.proof import Proof, Proposal
from backend_expert.advice.prove import SECTIONS
from backend_expert.lab.planner.answer import Compared, IndexAdvice
from backend_expert.lab.planner.evidence import worst
from backend_expert.model import Finding, Text
from backend_expert.model.wording import counted, figure, percent, sentence, together
from backend_expert.review.planned import Planning
from backend_expert.review.queries import Told
from backend_expert.review.result import DatabaseStudy

_LISTED = 6


def proposals(planning: Planning, rank: int) -> tuple[Proposal, ...]:
    """Return one recommendation for each remedy of data that fits a finding; those that the planner proved are ranked from `rank` on."""
    findings = tuple(each.finding for each in planning.findings)
    fitting = candidates(planning.system, findings, 1.0, lab=False)
    made = [_with_plans(_proposal(candidate), planning) for candidate in fitting]
    proved = [each for each in made if each.status == "proved"]
    ranked = {each.id: place for place, each in enumerate(proved, rank)}
    return tuple(replace(each, rank=ranked.get(each.id, 0)) for each in made)


def _proposal(candidate: Candidate) -> Proposal:
    remedy = candidate.remedy
    fingerprints = tuple(sorted(finding.fingerprint for finding in candidate.findings))
    return Proposal(
        id=hashlib.sha256("\0".join((remedy.id, *fingerprints)).encode()).hexdigest()[:12],
        remedy=remedy.id,
        rank=0,
        title=remedy.title,
        action=_places(candidate.findings),
        findings=tuple(finding.fingerprint for finding in candidate.findings),
        components=tuple(sorted({name for finding in candidate.findings for name in finding.components})),
        effort=remedy.effort,
        status="inferred",
        proof=None,
        examples=remedy.examples(),
        **{name: remedy.section(heading) for name, heading in SECTIONS.items()},
    )


def _places(findings: Iterable[Finding]) -> Text:
    """Return the tables and columns concerned, in the words of the findings."""
    named = [f"`{each.subject.partition('/')[2] or each.subject}`" for each in findings]
    return _listed(Text(name, name) for name in named)


def _listed(parts: Iterable[Text]) -> Text:
    shown = list(parts)
    more = len(shown) - _LISTED
    if more > 0:
        shown = [*shown[:_LISTED], Text(f"{more} more", f"mais {more}")]
    return together((together(shown, ", "), Text(".", ".")), "")


def _with_plans(proposal: Proposal, planning: Planning) -> Proposal:
    match proposal.remedy:
        case "build-index":
            return _built(proposal, planning)
        case "drop-index":
            return _dropped(proposal, planning)
        case "rewritten-statement":
            return _rewritten(proposal, planning)
        case _:
            return proposal


def _built(proposal: Proposal, planning: Planning) -> Proposal:
    """Return the recommendation with the indexes that the planner chose, and those of foreign keys that no statement asks for."""
    advised = [(study, each) for study in planning.studies for each in study.answer.indexes]
    keys = [each for each in planning.findings if each.remedy]
    if not planning.studies or not (advised or keys):
        return proposal
    answered = tuple(each.finding for each in planning.findings if each.remedy or _serves(each.finding, advised))
    lines = [_index(each) for _, each in advised] + [_places((each.finding,)) for each in keys]
    proposal = replace(
        proposal,
        action=_listed(Text(line.en.rstrip("."), line.pt.rstrip(".")) for line in lines),
        findings=tuple(each.fingerprint for each in answered if each.fingerprint in proposal.findings),
        examples=(_example([(study.name, each.create, each.drop) for study, each in advised], keys),),
    )
    return replace(proposal, status="proved", proof=_index_proof(planning.studies)) if advised else proposal


def _serves(finding: Finding, advised: Iterable[tuple[DatabaseStudy, IndexAdvice]]) -> bool:
    """Tell whether an index of the advice begins with a column of the finding, on its table."""
    table = finding.dataset.rpartition("/")[2].rpartition(".")[2].lower()
    wanted = {name.lower() for name in finding.columns}
    return any(
        each.table.rpartition(".")[2].lower() == table and each.columns and each.columns[0].lower() in wanted for _, each in advised
    )


def _index(each: IndexAdvice) -> Text:
    size = figure(max(0.1, each.bytes / 1e6))
    return sentence("`{index}`: {size} MB", "`{index}`: {size} MB", index=each.index, size=size)


def _example(advised: list[tuple[str, tuple[str, ...], tuple[str, ...]]], keys: Sequence[Told]) -> Example:
    given = [line for _, create, drop in advised for line in (*create, *drop)] + [line for each in keys for line in each.remedy]
    lines = [line for line in dict.fromkeys(given) if line.startswith("SET ")]
    for name in dict.fromkeys(name for name, _, _ in advised):
        lines += [f"-- {name}", *_statements(create for owner, create, _ in advised if owner == name)]
    lines += _statements(each.remedy for each in keys)
    if advised:
        lines += ["", "-- the way back", *_statements(drop for _, _, drop in advised)]
    return Example("PostgreSQL" if lines[0].startswith("SET ") else "SQL", "sql", "\n".join(lines) + "\n")


def _statements(blocks: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield from dict.fromkeys(line for block in blocks for line in block if not line.startswith("SET "))


def _index_proof(studies: Iterable[DatabaseStudy]) -> Proof:
    used = [study for study in studies if study.answer.indexes]
    before, after = (sum(getattr(study.answer, when) for study in used) for when in ("before", "after"))
    count = sum(len(study.answer.queries) for study in used)
    level = worst([index.level for study in used for index in study.answer.indexes])
    return Proof(
        lab="planner",
        experiment=_experiment(used, count),
        verdict="helps",
        summary=sentence(
            "planner cost of {statements}: {before} → {after} ({level})",
            "custo de planner de {statements}: {before} → {after} ({level})",
            statements=counted(count, Text("statement", "comando"), Text("statements", "comandos")),
            before=figure(before),
            after=figure(after),
            level=level.value,
        ),
    )


def _experiment(studies: Iterable[DatabaseStudy], count: int) -> Text:
    derived = sum(study.derived for study in studies)
    made = (
        sentence(
            " {derived} of them are what an ORM would send, made from the calls in the code.",
            " {derived} deles são o que um ORM enviaria, montados a partir das chamadas no código.",
            derived=derived,
        )
        if derived
        else Text("", "")
    )
    plain = sentence(
        "PostgreSQL's own planner on an empty database with this schema, {statements}, with and without the indexes.",
        "O planner do próprio PostgreSQL num banco vazio com este esquema, {statements}, com e sem os índices.",
        statements=counted(count, Text("statement", "comando"), Text("statements", "comandos")),
    )
    sizes = Text(
        " Row counts that nobody stated are assumed: costs are the planner's unit, never seconds.",
        " Números de linhas que ninguém informou são supostos: custos na unidade do planner, nunca em segundos.",
    )
    return together((plain, made, sizes), "")


def _dropped(proposal: Proposal, planning: Planning) -> Proposal:
    removals = [(study, each) for study in planning.studies for each in study.answer.removals]
    if not removals:
        return proposal
    blocks = [(study.name, each.drop, each.create) for study, each in removals]
    proposal = replace(proposal, examples=(_example(blocks, ()),))
    planned = [(study, each) for study, each in removals if study.answer.queries]
    if not planned:
        return proposal
    worst_ratio = max(each.cost_ratio for _, each in planned)
    proof = Proof(
        lab="planner",
        experiment=Text(
            "Each index alone hidden from PostgreSQL's own planner, on an empty database with this schema.",
            "Cada índice, sozinho, escondido do planner do próprio PostgreSQL, num banco vazio com este esquema.",
        ),
        verdict="helps",
        summary=sentence(
            "without any one of them the statements cost at most {share} of today's ({level})",
            "sem qualquer um deles, os comandos custam no máximo {share} do atual ({level})",
            share=percent(worst_ratio),
            level=worst([study.answer.level for study, _ in planned]).value,
        ),
    )
    return replace(proposal, status="proved", proof=proof)


def _rewritten(proposal: Proposal, planning: Planning) -> Proposal:
    plans = [each for told in planning.findings if told.finding.fingerprint in proposal.findings for each in told.comparisons]
    won = [each for each in plans if each.proved]
    if not plans:
        return proposal
    proposal = replace(proposal, examples=(Example("PostgreSQL", "sql", "\n".join(map(_both, plans))),))
    if not won:
        return proposal
    best = max(won, key=lambda each: each.before / max(each.after, 1e-9))
    proof = Proof(
        lab="planner",
        experiment=Text(
            "Both forms planned by PostgreSQL itself on an empty database with this schema, with the index that the better one needs.",
            "As duas formas planejadas pelo próprio PostgreSQL num banco vazio com este esquema, com o índice de que a melhor precisa.",
        ),
        verdict="helps",
        summary=sentence(
            "{won} of {all} cheaper by plan; the most: {before} → {after} ({level})",
            "{won} de {all} mais baratas pelo plano; a que mais ganha: {before} → {after} ({level})",
            won=len(won),
            all=len(plans),
            before=figure(best.before),
            after=figure(best.after),
            level=worst([each.level for each in plans]).value,
        ),
    )
    return replace(proposal, status="proved", proof=proof)


def _both(each: Compared) -> str:
    needed = f"{each.create}\n" if each.create else ""
    return f"-- planner cost {each.before:.0f}\n{each.statement};\n{needed}-- planner cost {each.after:.0f}\n{each.better};\n"
