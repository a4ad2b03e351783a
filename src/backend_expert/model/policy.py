"""How a caller protects itself: timeouts, retries, breakers, pools."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from backend_expert.model.facts import Estimate, Evidence


class Mechanism(StrEnum):
    """A protection that a reader looks for at a call site."""

    TIMEOUT = "timeout"
    RETRY = "retry"
    BREAKER = "breaker"
    POOL = "pool"
    IDEMPOTENCY_KEY = "idempotency-key"
    DEADLINE = "deadline"


class Retry(Struct, frozen=True):
    """Repeat a failed attempt.

    `attempts` counts the first try too. The pause before attempt k+1 is `backoff_ms * 2**(k-1)`, at most `backoff_cap_ms`; `full`
    jitter draws it from 0 to that. `budget` is the share of first attempts that may be followed by retries (a token bucket for each
    caller and target); `None` leaves retries unlimited.
    """

    attempts: Estimate
    backoff_ms: Estimate | None = None
    backoff_cap_ms: Estimate | None = None
    jitter: Literal["none", "full", "decorrelated"] = "none"
    budget: Estimate | None = None


class Breaker(Struct, frozen=True):
    """Stop calling a target that fails: open at `failure_ratio` of the calls in a rolling window, probe after a pause."""

    failure_ratio: Estimate
    window_s: Estimate | None = None
    minimum_calls: Estimate | None = None
    open_s: Estimate | None = None
    probes: Estimate | None = None


class Pool(Struct, frozen=True):
    """Limit the calls in flight from one instance of the caller to `size` permits.

    A call without a permit waits at most `wait_ms`, in a queue of at most `queue` calls; `None` is without limit.
    """

    size: Estimate
    wait_ms: Estimate | None = None
    queue: Estimate | None = None


class Hedge(Struct, frozen=True):
    """Send a second attempt after `delay_ms` and take the first answer."""

    delay_ms: Estimate


class Policy(Struct, frozen=True):
    """State what protects one call.

    A field that is `None` is *unknown*: no file that was read says it. A mechanism named in `absent` was looked for where it would
    stand and is not there. No rule may take the one for the other. One named in `unused` is built beside the call and never given to it.
    """

    timeout_ms: Estimate | None = None
    retry: Retry | None = None
    breaker: Breaker | None = None
    pool: Pool | None = None
    hedge: Hedge | None = None
    idempotency_key: bool | None = None
    deadline_propagated: bool | None = None
    cancels: bool | None = None
    optional: bool | None = None
    absent: tuple[Mechanism, ...] = ()
    unused: tuple[Mechanism, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    def lacks(self, mechanism: Mechanism) -> bool:
        """Tell whether the mechanism was looked for and is not there (unknown is not lacking)."""
        return mechanism in self.absent


UNKNOWN_POLICY = Policy()
