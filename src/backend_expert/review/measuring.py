"""What to measure first: the assumed quantities whose true value would change most of what the review says about the peak."""

from __future__ import annotations

from concurrent.futures import Executor

from backend_expert.lab import load
from backend_expert.model import Estimate, System, Text
from backend_expert.model.assume import RATIOS, estimates
from backend_expert.model.wording import figure, milliseconds, percent, sentence, together
from backend_expert.review.result import MeasureFirst

RUN_S = 10.0
"""Ten seconds of the peak after the warm-up: the two ends of a range are compared with the same draws, so that short runs are enough."""

MOST = 3

TRAFFIC = "rate_per_s"
"""The kind of the rates of all workloads together, which have no subject; a component may have a rate of its own, its limit."""

TITLES = {
    TRAFFIC: Text("The traffic", "O tráfego"),
    "cpu_ms": Text("The processor time of a request in `{subject}`", "O tempo de processador de uma requisição em `{subject}`"),
    "time_ms": Text("The time that `{subject}` takes to answer", "O tempo que `{subject}` leva para responder"),
    "size": Text("The connections from `{subject}` to `{other}`", "As conexões de `{subject}` para `{other}`"),
    "workers": Text(
        "How many requests an instance of `{subject}` works on at once",
        "Quantas requisições uma instância de `{subject}` atende ao mesmo tempo",
    ),
    "cpu_cores": Text("The cores of an instance of `{subject}`", "Os núcleos de uma instância de `{subject}`"),
    "replicas": Text("The instances of `{subject}`", "As instâncias de `{subject}`"),
    "count": Text("How often the loop of `{subject}` turns", "Quantas voltas dá o laço de `{subject}`"),
    "probability": Text("How often `{subject}` takes a branch", "Com que frequência `{subject}` entra em um desvio"),
    "hit_ratio": Text("The hit ratio of the cache `{subject}`", "A taxa de acerto do cache `{subject}`"),
    "concurrency": Text(
        "How many messages an instance of `{subject}` works on at once",
        "Quantas mensagens uma instância de `{subject}` processa ao mesmo tempo",
    ),
    "rows": Text("The rows of `{subject}`", "As linhas de `{subject}`"),
    "network_ms": Text("The time of a message between two containers", "O tempo de uma mensagem entre dois contêineres"),
}
OTHER = Text("`{kind}` of `{subject}`", "`{kind}` de `{subject}`")


def measure_first(system: System, factor: float, seed: int, executor: Executor) -> tuple[MeasureFirst, ...]:
    """Return the three quantities that matter most at the peak; raise `load.ModelError` when the system cannot be simulated."""
    scenario = load.Scenario(RUN_S, arrivals=load.constant(factor))
    swings = load.screen(system, scenario, most=MOST, seed=seed, executor=executor)
    values = dict(estimates(system))
    return tuple(told(swing, [values[path] for path in swing.numbers], factor, swings[0]) for swing in swings)


def told(swing: load.Swing, numbers: list[Estimate], factor: float, strongest: load.Swing) -> MeasureFirst:
    """Return a swing in words and numbers, given the assumed numbers that it is about."""
    quantity, low, high = swing.quantity, swing.at_low, swing.at_high
    title = OTHER if quantity.kind == TRAFFIC and quantity.subject else TITLES.get(quantity.kind, OTHER)
    names = {"kind": quantity.kind, "subject": quantity.subject, "other": quantity.other}
    return MeasureFirst(
        title=Text(title.en.format_map(names), title.pt.format_map(names)),
        effect=together((_range(quantity.kind, numbers), _effect(low, high, factor))),
        numbers=swing.numbers,
        weight=round(_width(swing) / _width(strongest), 3),
        success_ratio_low=low.success_ratio,
        success_ratio_high=high.success_ratio,
        latency_p99_ms_low=low.p99_ms,
        latency_p99_ms_high=high.p99_ms,
    )


def _width(swing: load.Swing) -> float:
    return abs(swing.at_low.cost_ms - swing.at_high.cost_ms)


def _range(kind: str, numbers: list[Estimate]) -> Text:
    """Say what is assumed, and between what it may lie: the sum of all traffic, one value where all are equal, else factors."""
    first = numbers[0]
    value = sum(each.value for each in numbers) if kind == TRAFFIC else first.value
    if kind != TRAFFIC and any((each.value, each.spread) != (first.value, first.spread) for each in numbers):
        return sentence(
            "{count} assumed numbers, plausible from {low} to {high} times what they are.",
            "{count} números supostos, plausíveis de {low} a {high} vezes o que são.",
            count=float(len(numbers)),
            low=1 / first.spread,
            high=first.spread,
        )
    highest = min(1.0, value * first.spread) if kind in RATIOS else value * first.spread
    return sentence(
        "Assumed: {value}, plausible from {low} to {high}.",
        "Suposto: {value}, plausível de {low} a {high}.",
        value=_amount(kind, value),
        low=_amount(kind, value / first.spread),
        high=_amount(kind, highest),
    )


def _amount(kind: str, value: float) -> Text:
    if kind == TRAFFIC:
        return sentence("{rate} requests/s", "{rate} requisições/s", rate=value)
    if kind in RATIOS:
        return percent(value)
    return milliseconds(value) if kind.endswith("_ms") else figure(value)


def _effect(low: load.Effect, high: load.Effect, factor: float) -> Text:
    slowest = sentence(
        "At {factor}x the p99 is {low} at the low end and {high} at the high end",
        "Com {factor}x o p99 é {low} na ponta baixa e {high} na ponta alta",
        factor=factor,
        low=milliseconds(low.p99_ms),
        high=milliseconds(high.p99_ms),
    )
    if percent(low.success_ratio) == percent(high.success_ratio):
        return sentence("{slowest}.", "{slowest}.", slowest=slowest)
    return sentence(
        "{slowest}; {good} of requests succeed at the one, {bad} at the other.",
        "{slowest}; {good} das requisições têm sucesso em uma, {bad} na outra.",
        slowest=slowest,
        good=percent(low.success_ratio),
        bad=percent(high.success_ratio),
    )
