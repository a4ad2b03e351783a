"""Steps while they are being found: they still change, and what they lead to is still the name of a target."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct, field

from backend_expert.model import Action, Certainty, Estimate, Evidence, Mechanism, Retry


class Kind(StrEnum):
    """What a draft becomes."""

    CALL = "call"
    QUERY = "query"
    CACHE_GET = "cache-get"
    CACHE_PUT = "cache-put"
    PUBLISH = "publish"
    ACK = "ack"
    REPLY = "reply"
    WAIT = "wait"
    BEGIN = "begin"
    COMMIT = "commit"
    TRANSACTION = "transaction"
    PARALLEL = "parallel"
    DETACHED = "detached"
    REPEAT = "repeat"
    BRANCH = "branch"
    COMPENSATE = "compensate"


REMOTE = frozenset({Kind.CALL, Kind.QUERY, Kind.CACHE_GET, Kind.CACHE_PUT, Kind.PUBLISH})


class Protection(Struct):
    """What is known of the policy of one call.

    `absent` names what was looked for where it would stand, `unused` what is built and not passed; `caught` is where its error ends.
    """

    timeout_ms: float | None = None
    retry: Retry | None = None
    pool: float | None = None
    cancels: bool | None = None
    optional: bool | None = None
    idempotency_key: bool | None = None
    breaker: bool = False
    caught: tuple[Evidence, ...] = ()
    absent: set[Mechanism] = field(default_factory=set)
    unused: set[Mechanism] = field(default_factory=set)
    evidence: tuple[Evidence, ...] = ()

    def copy(self) -> Protection:
        """Return an equal one that can change by itself."""
        return Protection(
            timeout_ms=self.timeout_ms,
            retry=self.retry,
            pool=self.pool,
            cancels=self.cancels,
            optional=self.optional,
            idempotency_key=self.idempotency_key,
            breaker=self.breaker,
            caught=self.caught,
            absent=set(self.absent),
            unused=set(self.unused),
            evidence=self.evidence,
        )


class Draft(Struct):
    """A step in the making. `target` is the key of what it leads to; `blocks` are the steps inside it.

    `immediate` is work that is done when the call returns, `handled` detached work whose failure is caught or that the code
    means to detach.
    """

    kind: Kind
    evidence: tuple[Evidence, ...] = ()
    target: str = ""
    action: Action = Action.READ
    statement: str = ""
    columns: tuple[str, ...] = ()
    limited: bool | None = None
    computed: bool | None = None
    independent: bool | None = None
    from_request: bool | None = None
    immediate: bool = False
    handled: bool = False
    protection: Protection = field(default_factory=Protection)
    blocks: list[list[Draft]] = field(default_factory=list)
    status: int = 200
    confirmed: bool | None = None
    persistent: bool | None = None
    key: str = ""
    expiry_s: float | None = None
    time_ms: float | None = None
    count: Estimate | None = None
    condition: str = ""
    fails: bool = False
    isolation: str = ""
    certainty: Certainty = Certainty.RECOVERED


def takes_time(drafts: list[Draft]) -> bool:
    """Tell whether any of the drafts gives back a promise."""
    return any(draft.kind in REMOTE and not draft.immediate for draft in inner(drafts))


def inner(drafts: list[Draft]) -> Iterator[Draft]:
    """Yield every draft, outer before inner."""
    for draft in drafts:
        yield draft
        for block in draft.blocks:
            yield from inner(block)


def leaves(drafts: list[Draft]) -> bool:
    """Tell whether anything in the drafts leaves the component."""
    return any(draft.kind in REMOTE for draft in inner(drafts))
