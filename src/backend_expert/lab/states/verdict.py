"""What an exploration says: one answer for each invariant, its shortest history, and the bounds that it holds within."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from backend_expert.lab.states.flow import AnomalyClass, Bounds
from backend_expert.model import Evidence, Text


class Change(Struct, frozen=True):
    """A variable that a step changed, in the words of the flow."""

    name: str
    before: str
    after: str


class Event(Struct, frozen=True):
    """One step of a history.

    `text` tells it whole, `arrow` without the names of the lanes. `kind` is `fault` where something went wrong, `request` where a client
    starts something new; `fine` is false for a step that does not get what it wants.
    """

    number: int
    actor: str
    target: str
    kind: Literal["internal", "environment", "request", "fault"]
    text: Text
    arrow: Text
    fault: str = ""
    evidence: Evidence | None = None
    changes: tuple[Change, ...] = ()
    fine: bool = True


class History(Struct, frozen=True):
    """The steps from the start to a broken invariant, and the state in which they end (what nobody changed left out)."""

    events: tuple[Event, ...]
    final: tuple[tuple[str, str], ...]

    @property
    def faults(self) -> tuple[tuple[str, int], ...]:
        """Return how much of each budget the history spends, in order of name."""
        names = sorted({event.fault for event in self.events if event.fault})
        return tuple((name, sum(event.fault == name for event in self.events)) for name in names)

    @property
    def depth(self) -> int:
        """Return the number of steps."""
        return len(self.events)


class Answer(Struct, frozen=True, kw_only=True):
    """The answer for one invariant.

    `violated` is true even when the exploration was capped. `none` is said only when every state within the bounds was seen.
    `capped` says nothing about absence; `no-verdict` means that a counter was too narrow and neither answer would be honest.
    """

    anomaly: AnomalyClass
    of: str
    meaning: Text
    verdict: Literal["violated", "none", "capped", "no-verdict"]
    states: int
    transitions: int
    history: History | None = None
    narrow: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the id of the invariant."""
        return f"{self.anomaly}({self.of})" if self.of else self.anomaly

    @property
    def depth(self) -> int | None:
        """Return the steps of the history, `None` without one."""
        return self.history.depth if self.history else None


class Verdict(Struct, frozen=True, kw_only=True):
    """The answers of a flow within its bounds, and what was assumed to give them."""

    flow: str
    bounds: Bounds
    answers: tuple[Answer, ...]
    assumptions: tuple[Text, ...] = ()

    @property
    def violated(self) -> tuple[Answer, ...]:
        """Return the answers that have a history."""
        return tuple(answer for answer in self.answers if answer.verdict == "violated")

    @property
    def holds(self) -> bool:
        """Tell whether every state within the bounds was seen and no invariant was broken."""
        return all(answer.verdict == "none" for answer in self.answers)

    def answer(self, anomaly: str, of: str = "") -> Answer:
        """Return the answer for an invariant (for the only one of its class without `of`); raise `KeyError` when there is none."""
        for answer in self.answers:
            if answer.anomaly == anomaly and of in {"", answer.of}:
                return answer
        raise KeyError(f"{anomaly}({of})")


def sentence(answer: Answer, bounds: Bounds) -> Text:
    """Return the answer as a sentence with its bounds; it never says `correct` or `safe`."""
    en, pt = _within(bounds)
    match answer.verdict:
        case "violated":
            assert answer.history is not None
            spent = answer.history.faults
            faults = ", ".join(f"{count} {FAULTS[name].en}" for name, count in spent) or "no fault"
            falhas = ", ".join(f"{count} {FAULTS[name].pt}" for name, count in spent) or "nenhuma falha"
            depth = answer.history.depth
            return Text(f"violated in {depth} steps using {faults}", f"violado em {depth} passos usando {falhas}")
        case "none":
            return Text(
                f"no violation within bounds ({en}; {answer.states:,} states, exhaustive)",
                f"nenhuma violação dentro dos limites ({pt}; {_pt(answer.states)} estados, exaustivo)",
            )
        case "capped":
            return Text(
                f"CAPPED at {answer.states:,} states ({en}): no verdict of absence",
                f"INTERROMPIDO em {_pt(answer.states)} estados ({pt}): sem veredito de ausência",
            )
        case _:
            narrow = ", ".join(answer.narrow)
            return Text(f"NO VERDICT: counter {narrow} too narrow", f"SEM VEREDITO: contador {narrow} estreito demais")


FAULTS = {
    "crash": Text("crash", "queda"),
    "duplicate": Text("duplicate", "duplicata"),
    "loss": Text("loss", "perda"),
    "timeout": Text("timeout", "timeout"),
    "retry": Text("client retry", "nova tentativa do cliente"),
    "pause": Text("pause", "pausa"),
}


def _within(bounds: Bounds) -> tuple[str, str]:
    spent = [(name, budget) for name, budget in bounds.faults if budget]
    en = ", ".join([f"{bounds.requests} requests", *(f"{budget} {FAULTS[name].en}" for name, budget in spent)])
    pt = ", ".join([f"{bounds.requests} requisições", *(f"{budget} {FAULTS[name].pt}" for name, budget in spent)])
    return en, pt


def _pt(value: int) -> str:
    return f"{value:,}".replace(",", ".")
