"""The first sentences of a report: what was read, and the verdict."""

from __future__ import annotations

from collections import Counter

from backend_expert.model import System, Text, dependencies
from backend_expert.model.wording import counted, percent, sentence, together
from backend_expert.review.result import Recommendation, ReportedFinding, Requirement


def read_sentence(system: System, files: tuple[str, ...]) -> Text:
    """Return what was read in one line."""
    return sentence(
        "{files} read: {components}, {calls} between them.",
        "{files}: {components}, {calls} entre eles.",
        files=counted(len(files), Text("file", "arquivo lido"), Text("files", "arquivos lidos")),
        components=counted(len(system.components), Text("component", "componente"), Text("components", "componentes")),
        calls=counted(len(dependencies(system)), Text("dependency", "dependência"), Text("dependencies", "dependências")),
    )


def verdict_sentence(
    findings: tuple[ReportedFinding, ...],
    recommendations: tuple[Recommendation, ...],
    requirements: tuple[Requirement, ...],
) -> Text:
    """Return the verdict: how much is wrong, what decides it, and the first thing to do with what it gains."""
    found = Counter(finding.severity.value for finding in findings if finding.status != "asked")
    severe = found["critical"] + found["high"]
    parts = []
    if not sum(found.values()):
        parts.append(Text("Nothing was found that these rules look for.", "Nada foi encontrado do que estas regras procuram."))
    else:
        worst = next(finding for finding in findings if finding.status != "asked")
        parts.append(
            sentence(
                "{all}, {severe} severe; the worst: {worst}.",
                "{all}, {severe}; o pior: {worst}.",
                all=counted(len(findings), Text("finding", "achado"), Text("findings", "achados")),
                severe=Text(str(severe), counted(severe, Text("", "grave"), Text("", "graves")).pt),
                worst=_clause(worst.title),
            )
        )
    broken = [each for each in requirements if each.verdict == "broken"]
    if broken:
        titles = Text("; ".join(each.title.en for each in broken).lower(), "; ".join(each.title.pt for each in broken).lower())
        parts.append(sentence("Not held: {titles}.", "Não se cumpre: {titles}.", titles=titles))
    first = next((each for each in recommendations if each.rank == 1), None)
    if first is not None:
        parts.append(_first(first))
    return together(parts)


def _first(recommendation: Recommendation) -> Text:
    """Return what to do first, with the figure that decided it."""
    title = _sentence(recommendation.title)
    measures = recommendation.proof.measures if recommendation.proof is not None else ()
    success = next((each for each in measures if each.id == "success_ratio"), None)
    if success is None or success.difference.value < 0.001:
        return sentence("Do first: {title}", "Faça primeiro: {title}", title=title)
    return sentence(
        "Do first: {title} In its experiment {before} of requests succeed without it and {after} with it.",
        "Faça primeiro: {title} No experimento, {before} das requisições têm sucesso sem isso e {after} com isso.",
        title=title,
        before=percent(success.before.value),
        after=percent(success.after.value),
    )


def _clause(text: Text) -> Text:
    return Text(text.en.rstrip("."), text.pt.rstrip("."))


def _sentence(text: Text) -> Text:
    return Text(*(part if part.endswith(".") else part + "." for part in (text.en, text.pt)))
