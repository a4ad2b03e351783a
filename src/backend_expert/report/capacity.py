"""The capacity of a system, for a terminal or as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

import msgspec

from backend_expert.report.hostile import one_line
from backend_expert.report.numbers import number, percent, quantity
from backend_expert.report.simulation import wrapped
from backend_expert.review.capacity import CapacityStudy

FLAT = 0.1
"""Share of the capacity of one below which another replica is of no use."""

WORDS = {
    "en": {
        "title": "Capacity of {system}",
        "objective": "objective: {parts}",
        "p99": "p99 within {value}",
        "success": "{value} succeed",
        "held": "It holds up to {rate} requests/s, {factor} times today's traffic. Busiest there: {bottleneck} ({busy}).",
        "none": "The objective is not held at any load: it is broken in a nearly idle system too.",
        "breaks": "What breaks first: {what}",
        "replicas": "replicas",
        "rate": "requests/s",
        "each": "per replica more",
        "bottleneck": "busiest",
        "busy": "busy",
        "linear": "It scales in a straight line as far as it was tried.",
        "law": "Fitted scalability (Gunther's universal law): contention {contention}, coherency {coherency}; it misses the capacities "
        "above by at most {error}.{best}",
        "falls": " Beyond {best}x the replicas it gets slower.",
        "flat": " From {best}x the replicas on, another one adds less than a tenth of what the first did: {bottleneck} is the limit.",
        "assumed": "{count} numbers are assumed; 'backend-expert model --assumed' lists them, system.yaml replaces them.",
        "again": "again: {command}",
    },
    "pt-BR": {
        "title": "Capacidade de {system}",
        "objective": "objetivo: {parts}",
        "p99": "p99 em até {value}",
        "success": "{value} com sucesso",
        "held": "Aguenta até {rate} requisições/s, {factor} vezes o tráfego de hoje. Mais ocupado ali: {bottleneck} ({busy}).",
        "none": "O objetivo não se mantém com carga nenhuma: falha até com o sistema quase ocioso.",
        "breaks": "O que quebra primeiro: {what}",
        "replicas": "réplicas",
        "rate": "requisições/s",
        "each": "por réplica a mais",
        "bottleneck": "mais ocupado",
        "busy": "ocupado",
        "linear": "Escala em linha reta até onde foi testado.",
        "law": "Escalabilidade ajustada (lei universal de Gunther): contenção {contention}, coerência {coherency}; erra as capacidades "
        "acima em no máximo {error}.{best}",
        "falls": " Acima de {best}x as réplicas ele fica mais lento.",
        "flat": " A partir de {best}x as réplicas, cada uma a mais acrescenta menos de um décimo da primeira: o limite é {bottleneck}.",
        "assumed": "{count} números são supostos; 'backend-expert model --assumed' os lista, o system.yaml os substitui.",
        "again": "de novo: {command}",
    },
}


def render_capacity(study: CapacityStudy, format_: Literal["text", "json"], language: Literal["en", "pt-BR"]) -> str:
    """Return the capacity as text of at most 80 columns (names cut) or as JSON."""
    if format_ == "json":
        return msgspec.json.format(msgspec.json.encode(study), indent=2).decode() + "\n"
    lines = [part for line in _lines(study, language) for part in wrapped(line)]
    return "\n".join(lines) + "\n"


def _lines(study: CapacityStudy, language: str) -> Iterable[str]:
    word, found = WORDS[language], study.found
    yield word["title"].format(system=one_line(study.system))
    for objective in found.objectives:
        parts = []
        if objective.success_ratio is not None:
            parts.append(word["success"].format(value=percent(objective.success_ratio, language)))
        if objective.latency_p99_ms is not None:
            parts.append(word["p99"].format(value=quantity("latency_ms", objective.latency_p99_ms, language)))
        yield word["objective"].format(parts=", ".join(parts)) + (
            f" ({one_line(objective.operation)})" if objective.operation else ""
        )
    yield ""
    if found.factor <= 0:
        yield word["none"]
    else:
        yield word["held"].format(
            rate=number(found.rate_per_s, language),
            factor=number(found.factor, language),
            bottleneck=one_line(found.bottleneck),
            busy=percent(found.utilisation, language),
        )
    if found.first_to_break:
        yield word["breaks"].format(what=one_line(found.first_to_break))
    yield ""
    yield from _scaling(study, language)
    yield ""
    law = found.scalability
    if law is not None:
        curved = law.contention > 0 or law.coherency > 0
        shown = {
            "contention": percent(law.contention, language),
            "coherency": percent(law.coherency, language),
            "error": percent(law.largest_error, language),
            "best": _end_of_growth(study, language),
        }
        yield word["law"].format(**shown) if curved else word["linear"]
    if study.assumed:
        yield word["assumed"].format(count=number(study.assumed, language))
    yield word["again"].format(command=study.command)


def _end_of_growth(study: CapacityStudy, language: str) -> str:
    """Say from where on more replicas are of no use, as it was measured and not as the law continues it."""
    word, scalings = WORDS[language], study.found.scalings
    each = scalings[0].rate_per_s / scalings[0].replicas
    for one, more in pairwise(scalings):
        gain = (more.rate_per_s - one.rate_per_s) / (more.replicas - one.replicas)
        if gain < 0:
            return word["falls"].format(best=number(one.replicas, language))
        if gain < FLAT * each:
            return word["flat"].format(best=number(one.replicas, language), bottleneck=one_line(more.bottleneck))
    return ""


def _scaling(study: CapacityStudy, language: str) -> Iterable[str]:
    word = WORDS[language]
    yield f"{word['replicas']:>8} {word['rate']:>13} {word['each']:>18}  {word['bottleneck']:<28} {word['busy']:>8}"
    before = None
    for each in study.found.scalings:
        more = "" if before is None else number((each.rate_per_s - before.rate_per_s) / (each.replicas - before.replicas), language)
        yield (
            f"{each.replicas:>7}x {number(each.rate_per_s, language):>13} {more:>18}  {one_line(each.bottleneck)[:28]:<28} "
            f"{percent(each.utilisation, language):>8}"
        )
        before = each
