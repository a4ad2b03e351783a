"""The numbers of one simulation, for a terminal or as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from backend_expert.report.hostile import one_line
from backend_expert.report.numbers import number, percent, quantity
from backend_expert.review.simulation import Simulation

_ROWS = 24
"""Most rows of the table over time: a screen."""

_WORDS = {
    "en": {
        "title": "Simulation of {system}",
        "time": "time",
        "offered": "offered/s",
        "good": "good/s",
        "success": "success",
        "verdict.undisturbed": "Nothing was done to it: no fault, no peak.",
        "verdict.unhurt": "It does not notice: no second was bad.",
        "verdict.recovers": "It recovers {after} s after the last disturbance.",
        "verdict.never": "It does not recover within the run.",
        "verdict.metastable": "Metastable: it stays bad although what caused it has long been gone.",
        "requests": "{offered} requests: {success} succeed, {failed} fail, {shed} are turned away, {late} come too late, "
        "{flight} were still running",
        "latency": "latency of the successful: p50 {p50}, p95 {p95}, p99 {p99}",
        "extra": "{retries} retries, {timeouts} timeouts, {wasted} of the work served nobody",
        "busiest": "Where the time goes",
        "component": "component",
        "busy": "busy",
        "waiting": "waiting",
        "longest": "most waiting",
        "assumed": "{count} numbers are assumed; 'backend-expert model --assumed' lists them, system.yaml replaces them.",
        "again": "again: {command}",
        "none": "no answer",
    },
    "pt-BR": {
        "title": "Simulação de {system}",
        "time": "tempo",
        "offered": "chegam/s",
        "good": "boas/s",
        "success": "sucesso",
        "verdict.undisturbed": "Nada foi feito: nenhuma falha, nenhum pico.",
        "verdict.unhurt": "Nem percebe: nenhum segundo foi ruim.",
        "verdict.recovers": "Recupera-se {after} s depois da última perturbação.",
        "verdict.never": "Não se recupera durante a execução.",
        "verdict.metastable": "Metaestável: continua mal embora a causa já tenha passado há muito.",
        "requests": "{offered} requisições: {success} têm sucesso, {failed} falham, {shed} são recusadas, {late} chegam tarde, "
        "{flight} ainda rodavam",
        "latency": "latência das bem-sucedidas: p50 {p50}, p95 {p95}, p99 {p99}",
        "extra": "{retries} retries, {timeouts} timeouts, {wasted} do trabalho não serviu a ninguém",
        "busiest": "Onde o tempo é gasto",
        "component": "componente",
        "busy": "ocupado",
        "waiting": "em fila",
        "longest": "maior fila",
        "assumed": "{count} números são supostos; 'backend-expert model --assumed' os lista, o system.yaml os substitui.",
        "again": "de novo: {command}",
        "none": "sem resposta",
    },
}


def render_simulation(simulation: Simulation, format_: Literal["text", "json"], language: Literal["en", "pt-BR"]) -> str:
    """Return the numbers of a simulation as text of at most 80 columns (names of components cut) or as JSON."""
    if format_ == "json":
        return msgspec.json.format(msgspec.json.encode(simulation), indent=2).decode() + "\n"
    word = _WORDS[language]
    outcome = simulation.outcome
    parts = (
        word["title"].format(system=one_line(simulation.system)),
        "",
        _verdict(simulation, language),
        word["requests"].format(
            offered=number(outcome.offered, language),
            success=percent(outcome.success_ratio, language),
            failed=number(outcome.failed, language),
            shed=number(outcome.shed, language),
            late=number(outcome.late, language),
            flight=number(outcome.in_flight, language),
        ),
        word["latency"].format(
            **{name: _latency(getattr(outcome, f"{name}_ms"), language) for name in ("p50", "p95", "p99")},
        ),
        word["extra"].format(
            retries=number(outcome.retries, language),
            timeouts=number(outcome.timeouts, language),
            wasted=percent(outcome.wasted_s / outcome.work_s if outcome.work_s else 0.0, language),
        ),
        "",
        *_over_time(simulation, language),
        "",
        word["busiest"],
        *_components(simulation, language),
        "",
        *([word["assumed"].format(count=number(simulation.assumed, language))] if simulation.assumed else []),
        word["again"].format(command=simulation.command),
    )
    return "\n".join(line for part in parts for line in wrapped(part)) + "\n"


def _verdict(simulation: Simulation, language: str) -> str:
    recovery = simulation.outcome.recovery
    name = "metastable" if recovery.verdict == "never" and recovery.metastable else recovery.verdict
    after = "" if recovery.after_s is None else number(recovery.after_s, language)
    return _WORDS[language]["verdict." + name].format(after=after)


def _over_time(simulation: Simulation, language: str) -> Iterable[str]:
    word = _WORDS[language]
    series = simulation.outcome.series
    yield f"{word['time']:>7} {word['offered']:>11} {word['good']:>9} {word['success']:>9} {'p50':>13} {'p99':>13}"
    step = -(-len(series.time_s) // _ROWS) or 1
    for index in range(0, len(series.time_s), step):
        success = series.success_ratio[index]
        yield (
            f"{number(series.time_s[index], language):>5} s {number(series.offered_per_s[index], language):>11} "
            f"{number(series.goodput_per_s[index], language):>9} "
            f"{'–' if success is None else percent(success, language):>9} "
            f"{_latency(series.latency_p50_ms[index], language):>13} {_latency(series.latency_p99_ms[index], language):>13}"
        )


def _components(simulation: Simulation, language: str) -> Iterable[str]:
    word = _WORDS[language]
    yield f"{word['component']:<32} {word['busy']:>9} {word['waiting']:>10} {word['longest']:>14}"
    busiest = sorted(simulation.outcome.components, key=lambda each: (-each.utilisation, each.component))
    for each in busiest[:12]:
        longest = max(each.queue_series, default=0.0)
        yield (
            f"{one_line(each.component)[:32]:<32} {percent(each.utilisation, language):>9} {number(each.queue, language):>10} "
            f"{number(longest, language):>14}"
        )


def _latency(value: float | None, language: str) -> str:
    return _WORDS[language]["none"] if value is None else quantity("latency_ms", value, language)


def wrapped(line: str, width: int = 80) -> list[str]:
    """Return a line as lines of at most `width` columns; words longer than that stay whole."""
    if len(line) <= width:
        return [line]
    import textwrap

    return textwrap.wrap(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
