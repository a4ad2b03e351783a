"""Experiments: one run, a paired comparison, a comparison over everything that is not known."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Literal

from backend_expert.lab.load.outcome import Comparison, MonteCarlo, Outcome
from backend_expert.lab.load.scenario import Scenario
from backend_expert.model import System

Progress = Callable[[int, int], None]


def run(system: System, scenario: Scenario, seed: int = 1) -> Outcome:
    """Simulate the system under the scenario once; raise `ModelError` when it cannot be simulated."""
    raise NotImplementedError


def compare(
    before: System,
    after: System,
    scenario: Scenario,
    *,
    replications: int | Literal["auto"] = "auto",
    seed: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Run both systems with the same requests and the same draws, and measure the differences pair by pair."""
    raise NotImplementedError


def monte_carlo(
    system: System,
    change: Callable[[System], System],
    scenario: Scenario,
    *,
    draws: int = 40,
    seed: int = 1,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> MonteCarlo:
    """Try a change in `draws` plausible worlds: every assumed number of the system is drawn from its spread, before and after alike."""
    raise NotImplementedError
