"""What happens to latency, errors and recovery under a peak or a fault, before and after a change.

    from backend_expert.lab import load

    scenario = load.Scenario(60, arrivals=load.spike(5, at_s=20, lasting_s=20), faults=(load.slow("orders-db", 4, 20, 10),))
    outcome = load.run(system, scenario, seed=1)

Importing this package is cheap: numpy and numba are loaded when the first experiment runs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from backend_expert.lab.load.memory import Memory
from backend_expert.lab.load.outcome import (
    CacheOutcome,
    CallOutcome,
    Capacity,
    Comparison,
    ComponentOutcome,
    DeliveryOutcome,
    Difference,
    Effect,
    EntryOutcome,
    Interval,
    Load,
    MonteCarlo,
    Outcome,
    PoolOutcome,
    Recovery,
    Repetition,
    ReplicaOutcome,
    Scalability,
    Scaling,
    Sensitivity,
    SliceSeries,
    Swing,
)
from backend_expert.lab.load.quantity import Quantity
from backend_expert.lab.load.scenario import (
    Arrivals,
    Bursts,
    Crash,
    Errors,
    Fault,
    Flush,
    Law,
    Loss,
    ModelError,
    Partition,
    Scenario,
    Segment,
    Slow,
    Steal,
    Users,
    at_rates,
    bursty,
    closed,
    constant,
    crash,
    diurnal,
    errors,
    flush,
    loss,
    partition,
    ramp,
    slow,
    spike,
    steal,
    trace,
)

if TYPE_CHECKING:
    from backend_expert.lab.load.compiled import cache_is_kept, kernel_is_compiled
    from backend_expert.lab.load.experiment import compare, monte_carlo, run, run_all
    from backend_expert.lab.load.interruption import run_until_interrupted
    from backend_expert.lab.load.limits import capacity, smallest
    from backend_expert.lab.load.repetition import repeat
    from backend_expert.lab.load.scale_out import ClusterError, cluster
    from backend_expert.lab.load.screening import screen
    from backend_expert.lab.load.statistics import holm
    from backend_expert.lab.load.verdicts import recovery_share, settling_s, success_shares
    from backend_expert.lab.load.worlds import plausible

_LAZY = {
    "capacity": "limits",
    "ClusterError": "scale_out",
    "cluster": "scale_out",
    "compare": "experiment",
    "monte_carlo": "experiment",
    "plausible": "worlds",
    "recovery_share": "verdicts",
    "repeat": "repetition",
    "run": "experiment",
    "run_all": "experiment",
    "run_until_interrupted": "interruption",
    "screen": "screening",
    "settling_s": "verdicts",
    "smallest": "limits",
    "success_shares": "verdicts",
    "holm": "statistics",
    "cache_is_kept": "compiled",
    "kernel_is_compiled": "compiled",
}


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)


__all__ = [
    "Arrivals",
    "Bursts",
    "CacheOutcome",
    "CallOutcome",
    "Capacity",
    "ClusterError",
    "Comparison",
    "ComponentOutcome",
    "Crash",
    "DeliveryOutcome",
    "Difference",
    "Effect",
    "EntryOutcome",
    "Errors",
    "Fault",
    "Flush",
    "Interval",
    "Law",
    "Load",
    "Loss",
    "Memory",
    "ModelError",
    "MonteCarlo",
    "Outcome",
    "Partition",
    "PoolOutcome",
    "Quantity",
    "Recovery",
    "Repetition",
    "ReplicaOutcome",
    "Scalability",
    "Scaling",
    "Scenario",
    "Segment",
    "Sensitivity",
    "SliceSeries",
    "Slow",
    "Steal",
    "Swing",
    "Users",
    "at_rates",
    "bursty",
    "cache_is_kept",
    "capacity",
    "closed",
    "cluster",
    "compare",
    "constant",
    "crash",
    "diurnal",
    "errors",
    "flush",
    "holm",
    "kernel_is_compiled",
    "loss",
    "monte_carlo",
    "partition",
    "plausible",
    "ramp",
    "recovery_share",
    "repeat",
    "run",
    "run_all",
    "run_until_interrupted",
    "screen",
    "settling_s",
    "slow",
    "smallest",
    "spike",
    "steal",
    "success_shares",
    "trace",
]
