"""Prove remedies on the reviewed system: each alone, then as a set, and rank them by what they won."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct, structs

from backend_expert.advice.candidates import Candidate, applied, candidates
from backend_expert.advice.difference import changed_components, differences
from backend_expert.advice.experiments import AFTER_S, BEFORE_S, PEAK_S
from backend_expert.advice.proof import Proposal, Proving
from backend_expert.advice.trial import Bench, Trial, measured, proof_of, shows_no_harm, try_out
from backend_expert.lab import load
from backend_expert.model import Finding, System, Text
from backend_expert.model.assume import complete
from backend_expert.model.wording import sentence, together

Progress = Callable[[int, int], None]

SECTIONS = {
    "pseudocode": Text("Pseudocode", "Pseudocódigo"),
    "trade_off": Text("What it costs", "Quanto custa"),
    "when_not": Text("When not", "Quando não"),
    "does_not_fix": Text("What it does not fix", "O que não resolve"),
}
"""The headings of a remedy's page that a proposal quotes."""


IF_SO = Text("Once the finding is confirmed:", "Depois de confirmada a constatação:")
HURTS_THE_PEAK = Text(
    "It helps alone, but with it the whole set hurts the peak:", "Ajuda sozinho, mas com ele o conjunto piora o pico:"
)
MAY_BE_CHANCE = Text(
    "It helps alone, but where so many remedies are tried a difference like this may be chance:",
    "Ajuda sozinho, mas entre tantos remédios testados uma diferença assim pode ser acaso:",
)
HURTS_THE_SET = Text("It helps alone, but not beside the others:", "Ajuda sozinho, mas não ao lado dos outros:")


CHANCE = 0.05


class Tried(Struct, frozen=True):
    """A candidate with its trial, or with the reason why there is none."""

    candidate: Candidate
    trial: Trial | None
    refusal: Text = Text("", "")

    @property
    def helps(self) -> bool:
        """Tell whether the lab accepted it."""
        return self.trial is not None and self.trial.verdict == "helps" and not self.refusal.en

    @property
    def p_value(self) -> float:
        """Return the p-value of the difference that decided, 1 where none did."""
        comparison = self.trial.comparison if self.trial is not None else None
        return comparison.measure(comparison.decided_by).p_value if comparison is not None and comparison.decided_by else 1.0


def prove(
    system: System,
    findings: tuple[Finding, ...],
    bench: Bench,
    *,
    consider: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Proving:
    """Try every remedy that fits a finding, and return them ranked, with what was rejected and what no lab can decide.

    Unknown numbers are filled from the table of defaults first. Proved ones are ordered by `Trial.gain`: successes won, then
    successful answers, then the slowest answers; among equals the cheaper one leads. What answers a known problem comes before what
    answers a question. The words of `consider` decide which are tried, and put into the set, first. A remedy that hurts the peak or
    the set is rejected with its numbers.
    """
    before = complete(system)
    bench = structs.replace(bench, memory=bench.memory or load.Memory())
    fitting = candidates(before, findings, bench.peak, consider, lab=bench.replications > 0)
    tried = []
    for done, candidate in enumerate(fitting):
        if progress is not None:
            progress(done, len(fitting))
        tried.append(_tried(before, candidate, bench))
    tried = surely(tried)
    ranked = sorted((each for each in tried if each.helps), key=_order)
    kept, dropped, whole = _as_a_set(before, ranked, bench)
    accepted = [each for each in ranked if each in kept]
    if progress is not None:
        progress(len(fitting), len(fitting))
    rejected = [each for each in tried if each.trial is not None and not each.helps]
    return Proving(
        proposals=(
            *(_proposal(before, each, "proved", rank) for rank, each in enumerate(accepted, 1)),
            *(_proposal(before, each, "rejected", 0) for each in (*dropped, *rejected)),
            *(_proposal(before, each, "inferred", 0) for each in tried if each.trial is None),
        ),
        after_all=_change(kept, bench.peak)(before),
        together=proof_of(whole, before) if whole is not None else None,
        notes=tuple(dict.fromkeys(each.refusal for each in tried if each.trial is None and each.refusal.en)),
    )


def _tried(system: System, candidate: Candidate, bench: Bench) -> Tried:
    if candidate.remedy.experiment is None or bench.replications == 0:
        return Tried(candidate, None)
    try:
        return Tried(candidate, try_out(system, candidate, bench))
    except load.ModelError as error:
        reason = sentence(
            "{title}: not tried, the lab could not run ({error})",
            "{title}: não testado, o laboratório não pôde rodar ({error})",
            title=candidate.remedy.title,
            error=str(error),
        )
        return Tried(candidate, None, reason)


def surely(tried: Sequence[Tried]) -> list[Tried]:
    """Return what was tried, with a refusal where a difference may be chance among so many: Holm's correction over all trials, at 5 %."""
    corrected = iter(load.holm([each.p_value for each in tried if each.trial is not None]))
    return [
        structs.replace(each, refusal=MAY_BE_CHANCE) if each.trial is not None and next(corrected) > CHANCE and each.helps else each
        for each in tried
    ]


def _order(tried: Tried) -> tuple[bool, tuple[float, ...], int, str]:
    gain = tried.trial.gain if tried.trial is not None else (0.0,)
    cost = ("hours", "days", "weeks").index(tried.candidate.remedy.effort)
    return tried.candidate.asked, tuple(-each for each in gain), cost, tried.candidate.remedy.id


def _as_a_set(system: System, ranked: list[Tried], bench: Bench) -> tuple[list[Tried], list[Tried], Trial | None]:
    """Return which accepted remedies go together, which do not, and the trial of all of them at the peak.

    They enter one after the other; what hurts in its own experiment, beside those that are in already, stays out. One that has nothing
    left to change is in already, under another name. When the whole set hurts the peak, the last to enter leaves until it does not.
    The plausible draws are not needed again: the question is only whether two changes undo each other.
    """
    pairs = structs.replace(bench, draws=0)
    kept: list[Tried] = []
    dropped: list[Tried] = []
    current = system
    for each in sorted(ranked, key=lambda one: not one.candidate.considered):
        change = _change((each,), bench.peak)
        following = change(current)
        beside = None
        if kept and following is not current and each.trial is not None:
            beside = measured(current, change, each.trial.scenario, pairs, enough=shows_no_harm)
        if beside is not None and beside.verdict == "hurts":
            dropped.append(Tried(each.candidate, beside, HURTS_THE_SET))
        else:
            kept.append(each)
            current = following
    scenario = load.Scenario(BEFORE_S + PEAK_S + AFTER_S, arrivals=load.spike(bench.peak, BEFORE_S, PEAK_S))
    while kept:
        whole = measured(system, _change(kept, bench.peak), scenario, pairs)
        if whole.verdict != "hurts":
            return kept, dropped, whole
        dropped.append(Tried(kept.pop().candidate, whole, HURTS_THE_PEAK))
    return kept, dropped, None


def _change(tried: Sequence[Tried], peak: float) -> Callable[[System], System]:
    """Return the function that puts the remedies into a system, one after the other."""

    def change(system: System) -> System:
        for each in tried:
            system = applied(each.candidate.remedy, each.candidate.findings, system, peak)
        return system

    return change


def _proposal(system: System, tried: Tried, status: Literal["proved", "rejected", "inferred"], rank: int) -> Proposal:
    candidate, remedy = tried.candidate, tried.candidate.remedy
    sections = {name: remedy.section(heading) for name, heading in SECTIONS.items()}
    proof = proof_of(tried.trial, system) if tried.trial is not None else None
    if proof is not None and tried.refusal.en:
        proof = structs.replace(proof, summary=together((tried.refusal, proof.summary)))
    fingerprints = tuple(sorted(finding.fingerprint for finding in candidate.findings))
    return Proposal(
        id=hashlib.sha256("\0".join((remedy.id, *fingerprints)).encode()).hexdigest()[:12],
        remedy=remedy.id,
        rank=rank,
        title=remedy.title,
        action=together(((IF_SO,) if candidate.asked else ()) + differences(system, candidate.after)),
        findings=tuple(finding.fingerprint for finding in candidate.findings),
        components=changed_components(system, candidate.after),
        effort=remedy.effort,
        status=status,
        proof=proof,
        examples=remedy.examples(),
        **sections,
    )
