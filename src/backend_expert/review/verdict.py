"""The first sentences of a report: what was read, and the verdict."""

from __future__ import annotations

from collections import Counter

from backend_expert.model import System, Text, dependencies
from backend_expert.review.result import PeakStudy, Recommendation, ReportedFinding, Requirement
from backend_expert.review.words import percent, phrase


def read_sentence(system: System, files: tuple[str, ...]) -> Text:
    """Return what was read in one line."""
    return phrase(
        "{files} files read: {components} components, {calls} dependencies between them.",
        "{files} arquivos lidos: {components} componentes, {calls} dependências entre eles.",
        files=len(files),
        components=len(system.components),
        calls=len(dependencies(system)),
    )


def verdict_sentence(
    findings: tuple[ReportedFinding, ...],
    recommendations: tuple[Recommendation, ...],
    requirements: tuple[Requirement, ...],
    peak: PeakStudy | None,
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
            phrase(
                "{severe} severe of {all} findings; the worst: {worst}.",
                "{severe} graves entre {all} achados; o pior: {worst}.",
                severe=severe,
                all=sum(found.values()),
                worst=_clause(worst.title),
            )
        )
    broken = [each for each in requirements if each.verdict == "broken"]
    if broken:
        names = Text(", ".join(each.id for each in broken), ", ".join(each.id for each in broken))
        parts.append(phrase("Broken: {names}.", "Não cumprido: {names}.", names=names))
    first = next((each for each in recommendations if each.rank == 1), None)
    if first is not None:
        parts.append(phrase("Do first: {action}", "Faça primeiro: {action}", action=_sentence(first.action)))
    if peak is not None and not broken and first is None:
        ratio = peak.series[0].success_ratio if peak.series else ()
        known = [value for value in ratio if value is not None]
        if known:
            parts.append(
                phrase(
                    "At the stated peak the worst second answers {share} of requests.",
                    "No pico informado o pior segundo responde {share} das requisições.",
                    share=percent(min(known)),
                )
            )
    return Text(" ".join(part.en for part in parts), " ".join(part.pt for part in parts))


def _clause(text: Text) -> Text:
    return Text(text.en.rstrip("."), text.pt.rstrip("."))


def _sentence(text: Text) -> Text:
    return Text(*(part if part.endswith(".") else part + "." for part in (text.en, text.pt)))
