"""Try one change in the load lab: paired runs, then the same settings in every plausible world."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from msgspec import Struct

from backend_expert.advice.candidates import Candidate, applied
from backend_expert.advice.proof import Band, Interval, Measure, Proof, Series, Verdict
from backend_expert.lab import load
from backend_expert.lab.load.outcome import DECIDING, matters
from backend_expert.model import System, Text
from backend_expert.model.wording import figure, percent, sentence, together

SCENARIOS_TRIED = 3
"""Findings of one remedy may bite under different faults; the worst of the first three is the experiment."""

MORE_OFTEN_THAN_NOT = 0.5
"""A change that helps with the assumed numbers as they stand is not proved unless it helps in more than half of the plausible draws, by
the lower end of the Wilson interval of that share: what helps in 6 of 11 draws may as well be chance."""

LOOKS = (6, 10)
"""Draws after which a trial ends when the share of better ones is settled: with six of six, its Wilson interval begins at 0.61.

A change that is no better than a coin passes one of the looks at 6, 10 and 16 draws in 5 % of all trials (binomial).
"""

MESSAGE_MARGIN = dict(DECIDING)["message_p95_ms"]

FIRST_PAIRS = 2
"""Paired runs after which a trial ends when none of them shows any difference at all."""

TITLES = {
    "success_ratio": Text("requests that succeed", "requisições com sucesso"),
    "goodput_per_s": Text("successful answers per second", "respostas com sucesso por segundo"),
    "latency_p50_ms": Text("latency p50 of successful answers", "latência p50 das respostas com sucesso"),
    "latency_p95_ms": Text("latency p95 of successful answers", "latência p95 das respostas com sucesso"),
    "latency_p99_ms": Text("latency p99 of successful answers", "latência p99 das respostas com sucesso"),
    "message_p95_ms": Text("time until 95 % of the messages are handled", "tempo até 95 % das mensagens serem processadas"),
}


Enough = Callable[[Sequence[load.Difference]], bool]


class Bench(Struct, frozen=True, kw_only=True):
    """The conditions of all trials: the peak, how many paired runs, the most draws of the assumed numbers, the seed, who computes.

    `memory` holds what the system under review did in earlier trials, which need not be run again.
    """

    peak: float
    replications: int = 4
    draws: int = 16
    seed: int = 1
    executor: Executor | None = None
    memory: load.Memory | None = None


class Trial(Struct, frozen=True):
    """A change with what the lab measured; `plausible` is `None` where the change did not help in the first place."""

    scenario: load.Scenario
    comparison: load.Comparison
    plausible: load.MonteCarlo | None

    @property
    def verdict(self) -> Verdict:
        """Return what both experiments say together."""
        verdict = self.comparison.verdict
        if verdict == "helps" and self.plausible is not None and self.plausible.share_better.low <= MORE_OFTEN_THAN_NOT:
            return "undecided"
        return verdict

    @property
    def gain(self) -> tuple[float, float, float]:
        """Return what the ranking goes by, more is better: successes won, then successful answers, then the slowest answers.

        All are relative, so that systems and experiments of any size stand in one list; successes are rounded to a tenth of a
        point, for which nobody would prefer one change to another.
        """
        success, goodput, slowest = (self.comparison.measure(name) for name in ("success_ratio", "goodput_per_s", "latency_p99_ms"))
        return (
            round(success.difference.value, 3),
            round(goodput.difference.value / max(goodput.before.value, 1e-9), 2),
            round(-slowest.difference.value / max(slowest.before.value, 1e-9), 4),
        )


def try_out(system: System, candidate: Candidate, bench: Bench) -> Trial:
    """Compare the system before and after a candidate; raise `load.ModelError` when one of the two cannot be simulated."""

    def change(before: System) -> System:
        if before is system:
            return candidate.after
        return applied(candidate.remedy, candidate.findings, before, bench.peak)

    return measured(system, change, worst_scenario(system, candidate, bench), bench)


def measured(
    before: System, change: Callable[[System], System], scenario: load.Scenario, bench: Bench, *, enough: Enough | None = None
) -> Trial:
    """Run both experiments for one change; the second only when the change helps in the first.

    The paired runs end early when the first of them are `enough`: where nothing else is said, when they show no difference at all. The
    settings that the change works out are those of the report in every draw: an engineer sets 320 ms once, and does not set it again
    for each world that may be the true one.
    """
    seed, executor, memory = bench.seed, bench.executor, bench.memory
    comparison = load.compare(
        before,
        change(before),
        scenario,
        replications=_up_to(bench.replications, (FIRST_PAIRS,)),
        seed=seed,
        executor=executor,
        enough=enough or shows_nothing,
        memory=memory,
    )
    plausible = None
    if comparison.verdict == "helps" and bench.draws > 0:
        draws = _up_to(bench.draws, LOOKS)
        plausible = load.monte_carlo(before, change, scenario, draws=draws, seed=seed, executor=executor, memory=memory)
    return Trial(scenario, comparison, plausible)


def _up_to(most: int, looks: tuple[int, ...]) -> tuple[int, ...]:
    return (*(each for each in looks if each < most), most)


def shows_nothing(measures: Sequence[load.Difference]) -> bool:
    """Tell whether no measure differs in any pair."""
    return all(each.verdict == "no-difference" for each in measures)


def shows_no_harm(measures: Sequence[load.Difference]) -> bool:
    """Tell whether the first measure whose mean moves by more than its margin moves to the better, or none does."""
    found = {each.id: each for each in measures}
    for name, margin in DECIDING:
        each = found[name]
        if matters(name, each.before.value, each.after.value, margin):
            return (each.difference.value < 0) == each.lower_is_better
    return True


def worst_scenario(system: System, candidate: Candidate, bench: Bench) -> load.Scenario:
    """Return the experiment of the finding under which the system, as it is, answers the fewest requests."""
    experiment = candidate.remedy.experiment
    if experiment is None:
        raise ValueError(f"{candidate.remedy.id} has no experiment")
    scenarios = list(dict.fromkeys(experiment(system, finding, bench.peak) for finding in candidate.findings))[:SCENARIOS_TRIED]
    if len(scenarios) == 1:
        return scenarios[0]
    outcomes = load.run_all(system, scenarios, seed=bench.seed, executor=bench.executor, memory=bench.memory)
    return min(zip(scenarios, outcomes, strict=True), key=lambda each: each[1].success_ratio)[0]


def proof_of(trial: Trial, system: System) -> Proof:
    """Return a trial in the words and numbers of the report."""
    comparison, plausible = trial.comparison, trial.plausible
    objective = min((each.latency_p99_ms for each in system.objectives if each.latency_p99_ms is not None), default=None)
    return Proof(
        experiment=described(trial.scenario),
        verdict=trial.verdict,
        summary=_summary(trial),
        measures=_measures(comparison),
        share_better=plausible.share_better.value if plausible is not None else None,
        draws=plausible.draws if plausible is not None else 0,
        replications=comparison.replications,
        series=(
            _series("before", Text("before", "antes"), comparison.before.series),
            _series("after", Text("after", "depois"), comparison.after.series),
        ),
        bands=_bands(trial.scenario),
        objective_ms=objective,
    )


def _measures(comparison: load.Comparison) -> tuple[Measure, ...]:
    """Return the figures of a comparison, the one that decided first: it is the headline of the proof."""
    messages = any(delivery.published for delivery in comparison.after.deliveries)
    shown = [each for each in comparison.measures if each.id in TITLES and (messages or not each.id.startswith("message_"))]
    return tuple(_measure(each) for each in sorted(shown, key=lambda each: each.id != comparison.decided_by))


def described(scenario: load.Scenario) -> Text:
    """Say in words what an experiment does to the system."""
    peaks = [
        sentence(
            "Traffic at {factor} times the usual from {start} to {end} s.",
            "Tráfego {factor} vezes o normal de {start} a {end} s.",
            factor=factor,
            start=start,
            end=end,
        )
        for start, end, factor in _peaks(scenario)
    ]
    parts = peaks + [_fault(fault) for fault in scenario.faults]
    return together(parts) if parts else Text("Undisturbed traffic.", "Tráfego normal.")


def _fault(fault: load.Fault) -> Text:
    when = sentence("from {start} to {end} s", "de {start} a {end} s", start=fault.at_s, end=fault.at_s + fault.lasting_s)
    match fault:
        case load.Slow():
            text = sentence(
                "`{name}` is {by} times slower {when}.",
                "`{name}` fica {by} vezes mais lento {when}.",
                name=fault.component,
                by=fault.by,
                when=when,
            )
        case load.Crash(silent=True):
            text = sentence(
                "`{name}` gives no answer at all {when}.", "`{name}` não responde nada {when}.", name=fault.component, when=when
            )
        case load.Crash():
            text = sentence(
                "One instance of `{name}` is gone {when}.",
                "Uma instância de `{name}` some {when}.",
                name=fault.component,
                when=when,
            )
        case load.Flush():
            text = sentence(
                "`{name}` forgets everything at {start} s.",
                "`{name}` esquece tudo aos {start} s.",
                name=fault.component,
                start=fault.at_s,
            )
        case _:
            text = sentence("A fault at `{name}` {when}.", "Uma falha em `{name}` {when}.", name=fault.component, when=when)
    return text


def _peaks(scenario: load.Scenario) -> list[tuple[float, float, float]]:
    segments = scenario.arrivals.segments
    ends = [segment.start_s for segment in segments[1:]] + [scenario.duration_s]
    return [(segment.start_s, end, segment.factor) for segment, end in zip(segments, ends, strict=True) if segment.factor != 1.0]


def _bands(scenario: load.Scenario) -> tuple[Band, ...]:
    peaks = [Band(start, end, Text("peak", "pico")) for start, end, _ in _peaks(scenario)]
    faults = [Band(fault.at_s, fault.at_s + fault.lasting_s, Text("fault", "falha")) for fault in scenario.faults]
    return (*peaks, *faults)


def _summary(trial: Trial) -> Text:
    parts = [_successes(trial.comparison), _slowest(trial.comparison), _messages(trial.comparison), _recovery(trial.comparison)]
    if trial.plausible is not None:
        parts.append(
            sentence(
                "Better in {share} of {draws} plausible draws of the numbers that nobody stated.",
                "Melhor em {share} de {draws} sorteios plausíveis dos números que ninguém informou.",
                share=percent(trial.plausible.share_better.value),
                draws=trial.plausible.draws,
            )
        )
    return together([part for part in parts if part.en])


def _successes(comparison: load.Comparison) -> Text:
    success = comparison.measure("success_ratio")
    if percent(success.before.value) == percent(success.after.value):
        return sentence(
            "As many requests succeed ({share}).",
            "O mesmo tanto de requisições tem sucesso ({share}).",
            share=percent(success.after.value),
        )
    return sentence(
        "Requests that succeed: {before} → {after} (difference {low} to {high} points, 95 % interval).",
        "Requisições com sucesso: {before} → {after} (diferença de {low} a {high} pontos, intervalo de 95 %).",
        before=percent(success.before.value),
        after=percent(success.after.value),
        low=_signed(100 * success.difference.low),
        high=_signed(100 * success.difference.high),
    )


def _slowest(comparison: load.Comparison) -> Text:
    slowest = comparison.measure("latency_p99_ms")
    if figure(slowest.before.value) == figure(slowest.after.value):
        return sentence("p99 stays at {ms} ms.", "O p99 fica em {ms} ms.", ms=slowest.after.value)
    return sentence(
        "p99 of the successful answers: {before} → {after} ms ({low} to {high}, 95 % interval).",
        "p99 das respostas com sucesso: {before} → {after} ms ({low} a {high}, intervalo de 95 %).",
        before=slowest.before.value,
        after=slowest.after.value,
        low=max(0.0, slowest.after.low),
        high=slowest.after.high,
    )


def _messages(comparison: load.Comparison) -> Text:
    """Say how the wait of messages changes where anyone would act on it."""
    waited = comparison.measure("message_p95_ms")
    if waited.verdict not in {"helps", "hurts"} or not matters(waited.id, waited.before.value, waited.after.value, MESSAGE_MARGIN):
        return Text("", "")
    return sentence(
        "95 % of the messages are handled within {before} → {after} ms ({low} to {high}, 95 % interval).",
        "95 % das mensagens são processadas em até {before} → {after} ms ({low} a {high}, intervalo de 95 %).",
        before=waited.before.value,
        after=waited.after.value,
        low=max(0.0, waited.after.low),
        high=waited.after.high,
    )


def _recovery(comparison: load.Comparison) -> Text:
    before, after = comparison.before.recovery, comparison.after.recovery
    if before.verdict == "never" and after.verdict == "recovers" and after.after_s:
        return sentence(
            "Without it the system does not come back within the run; with it after {seconds} s.",
            "Sem isso o sistema não volta dentro do experimento; com isso, depois de {seconds} s.",
            seconds=after.after_s,
        )
    if before.verdict == "never" and after.verdict in {"recovers", "unhurt"}:
        return Text(
            "Without it the system does not come back within the run.", "Sem isso o sistema não volta dentro do experimento."
        )
    return Text("", "")


def _signed(value: float) -> Text:
    shown = figure(round(value, 2) + 0.0)
    return shown if value < 0 else Text(f"+{shown.en}", f"+{shown.pt}")


def _measure(difference: load.Difference) -> Measure:
    return Measure(
        id=difference.id,
        title=TITLES[difference.id],
        lower_is_better=difference.lower_is_better,
        before=_interval(difference.before),
        after=_interval(difference.after),
        difference=_interval(difference.difference),
    )


def _interval(interval: load.Interval) -> Interval:
    return Interval(interval.value, interval.low, interval.high)


def _series(name: str, title: Text, series: load.SliceSeries) -> Series:
    return Series(
        id=name,
        title=title,
        time_s=series.time_s,
        latency_p50_ms=series.latency_p50_ms,
        latency_p99_ms=series.latency_p99_ms,
        success_ratio=series.success_ratio,
        offered_per_s=series.offered_per_s,
        goodput_per_s=series.goodput_per_s,
    )
