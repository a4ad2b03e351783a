"""The brief: what the review is for. Without one all four foci are looked at; with one, its requirements are decided.

A brief is YAML with fixed keys, or prose in English or Portuguese in which the words of the field are found:

    context: an order platform with six services
    task: survive the sales day and keep stock consistent
    requirements: [fault-tolerant, survives-peak, scales-horizontally, eventually-consistent, low-latency]
    consider: [asynchronous-communication, caching, resilience]
    peak: 5x
    objective: {latency_p99_ms: 400, success_ratio: 0.999}
"""

from __future__ import annotations

import difflib
import re
from enum import StrEnum

from msgspec import Struct

from backend_expert.model import Text
from backend_expert.model.positions import Mapping, Node, PositionError, Scalar, Sequence, parse_documents

KEYS = ("context", "task", "requirements", "consider", "answer", "peak", "objective")


class Need(StrEnum):
    """A requirement that an experiment decides."""

    FAULT_TOLERANT = "fault-tolerant"
    SURVIVES_PEAK = "survives-peak"
    SCALES_HORIZONTALLY = "scales-horizontally"
    EVENTUALLY_CONSISTENT = "eventually-consistent"
    LOW_LATENCY = "low-latency"


class Consideration(StrEnum):
    """A direction in which remedies are tried first."""

    ASYNCHRONOUS_COMMUNICATION = "asynchronous-communication"
    CACHING = "caching"
    RESILIENCE = "resilience"


TITLES = {
    Need.FAULT_TOLERANT: Text("Tolerates the failure of any one instance", "Tolera a falha de qualquer instância"),
    Need.SURVIVES_PEAK: Text("Survives the stated peak", "Suporta o pico informado"),
    Need.SCALES_HORIZONTALLY: Text("Scales with more replicas", "Escala com mais réplicas"),
    Need.EVENTUALLY_CONSISTENT: Text("Becomes consistent in the end", "Torna-se consistente ao final"),
    Need.LOW_LATENCY: Text("Answers within the objective", "Responde dentro do objetivo"),
}

# What people write when they mean it, in the two languages of the product.
_PROSE: dict[Need | Consideration, str] = {
    Need.FAULT_TOLERANT: r"fault[- ]toleran|toleran\w+ a falhas?|resilient to failure",
    Need.SURVIVES_PEAK: r"(traffic|load) (peak|spike)s?|peaks? (of|in) traffic|picos? de (tr[aá]fego|carga|acesso)",
    Need.SCALES_HORIZONTALLY: r"horizontal\w* scal|scal\w+ horizontal|escal\w+ horizontal|scale[sd]? out",
    Need.EVENTUALLY_CONSISTENT: r"eventual\w* consisten|consist[eê]ncia eventual|eventualmente consistente|"
    r"consisten\w+ between services|consisten\w+ entre (os )?servi[cç]os",
    Need.LOW_LATENCY: r"(low|improve|reduce)\w* (the )?latency|(baixa|melhor\w*|reduz\w*) (a )?lat[eê]ncia",
    Consideration.ASYNCHRONOUS_COMMUNICATION: r"asynchron|ass[ií]ncron",
    Consideration.CACHING: r"\bcach",
    Consideration.RESILIENCE: r"resilien|resili[eê]n",
}
_PEAK = re.compile(r"(\d+(?:\.\d+)?)\s*x", re.IGNORECASE)


class BriefError(Exception):
    """Report a brief that cannot be used; the message names the file and the line."""


class Brief(Struct, frozen=True, kw_only=True):
    """What is asked of a review. `peak` is the factor on today's traffic; `None` leaves it to the command line."""

    context: str = ""
    task: str = ""
    requirements: tuple[Need, ...] = ()
    consider: tuple[Consideration, ...] = ()
    answer: tuple[str, ...] = ()
    peak: float | None = None
    latency_p99_ms: float | None = None
    success_ratio: float | None = None


BASIC = Brief()


def parse_peak(text: str) -> float:
    """Return the factor in `5x` or `5`; raise `ValueError` with one sentence when it is not a factor from 1 to 1000."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*x?\s*", text, re.IGNORECASE)
    factor = float(match[1]) if match else 0.0
    if not 1 <= factor <= 1000:
        raise ValueError(f"a peak is a factor on today's traffic from 1x to 1000x, for example 5x; '{text}' is not one")
    return factor


def read_brief(text: str, file: str) -> Brief:
    """Return the brief in a text; raise `BriefError` naming file and line for a key or a word that does not exist."""
    try:
        documents = parse_documents(text)
    except PositionError:
        documents = ()  # prose may hold colons and dashes that YAML refuses
    root = documents[0] if len(documents) == 1 else None
    if not isinstance(root, Mapping) or not any(key.text in KEYS for key, _ in root.pairs):
        return _from_prose(text)
    fields: dict[str, object] = {}
    for key, node in root.pairs:
        match key.text:
            case "context" | "task":
                fields[key.text] = _text(node, file)
            case "requirements":
                fields[key.text] = tuple(_word(item, Need, file) for item in _items(node, file))
            case "consider":
                fields[key.text] = tuple(_word(item, Consideration, file) for item in _items(node, file))
            case "answer":
                fields[key.text] = tuple(_text(item, file) for item in _items(node, file))
            case "peak":
                fields[key.text] = _peak(node, file)
            case "objective":
                fields |= _objective(node, file)
            case _:
                raise BriefError(f"{file}:{key.line}: there is no key '{key.text}' in a brief; use {', '.join(KEYS)}")
    return Brief(**fields)  # type: ignore[arg-type]


def _from_prose(text: str) -> Brief:
    found = [word for word, pattern in _PROSE.items() if re.search(pattern, text, re.IGNORECASE)]
    peak = _PEAK.search(text)
    return Brief(
        context=text.strip(),
        requirements=tuple(word for word in found if isinstance(word, Need)),
        consider=tuple(word for word in found if isinstance(word, Consideration)),
        peak=min(1000.0, max(1.0, float(peak[1]))) if peak else None,
    )


def _text(node: Node, file: str) -> str:
    if not isinstance(node, Scalar):
        raise BriefError(f"{file}:{node.line}: expected a sentence here")
    return node.text.strip()


def _items(node: Node, file: str) -> tuple[Node, ...]:
    if not isinstance(node, Sequence):
        raise BriefError(f"{file}:{node.line}: expected a list here, for example [{Need.FAULT_TOLERANT}]")
    return node.items


def _word(node: Node, kind: type[Need] | type[Consideration], file: str) -> Need | Consideration:
    text = _text(node, file)
    words = [each.value for each in kind]
    if text not in words:
        close = difflib.get_close_matches(text, words, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"use {', '.join(words)}"
        raise BriefError(f"{file}:{node.line}: '{text}' is nothing that can be decided here; {hint}")
    return kind(text)


def _peak(node: Node, file: str) -> float:
    try:
        return parse_peak(_text(node, file))
    except ValueError as error:
        raise BriefError(f"{file}:{node.line}: {error}") from None


def _objective(node: Node, file: str) -> dict[str, object]:
    if not isinstance(node, Mapping):
        raise BriefError(f"{file}:{node.line}: an objective is a mapping with latency_p99_ms and success_ratio")
    fields: dict[str, object] = {}
    for key, inner in node.pairs:
        value = inner.value() if isinstance(inner, Scalar) else None
        if key.text not in {"latency_p99_ms", "success_ratio"}:
            raise BriefError(f"{file}:{key.line}: an objective has latency_p99_ms and success_ratio, not '{key.text}'")
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or value <= 0
            or (key.text == "success_ratio" and value > 1)
        ):
            expected = "a share up to 1" if key.text == "success_ratio" else "a number of milliseconds above 0"
            raise BriefError(f"{file}:{inner.line}: {key.text} is {expected}")
        fields[key.text] = float(value)
    return fields
