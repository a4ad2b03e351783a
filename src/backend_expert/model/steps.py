"""The closed set of steps: what an operation does, in order, as data that every lab can interpret.

Each lab gives the steps a meaning of its own: the load lab lets them take time and places, the states lab interleaves them, the
planner lab takes the statements out of them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Union

from msgspec import Struct

from backend_expert.model.facts import Certainty, Estimate, Evidence
from backend_expert.model.policy import UNKNOWN_POLICY, Policy


class Action(StrEnum):
    """What a query does to its dataset."""

    READ = "read"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    GUARDED_UPDATE = "guarded-update"


class _Step(Struct, frozen=True, kw_only=True, tag_field="step", tag=str.lower):
    certainty: Certainty = Certainty.DECLARED
    evidence: tuple[Evidence, ...] = ()


class Work(_Step, frozen=True, kw_only=True):
    """Use a processor for `cpu_ms` (`None`: unknown)."""

    cpu_ms: Estimate | None = None


class Wait(_Step, frozen=True, kw_only=True):
    """Let time pass without using a processor: a timer, a call to something outside the model."""

    time_ms: Estimate


class Query(_Step, frozen=True, kw_only=True):
    """Run one statement on a dataset (named `store/dataset`) and wait for it.

    `limited` says whether a read of many rows ends at a stated number. `computed` says whether what is written follows from what an
    earlier read of the same dataset returned. `independent` says that nothing of the step before is needed for it.
    """

    dataset: str
    action: Action = Action.READ
    statement: str = ""
    filter_columns: tuple[str, ...] = ()
    limited: bool | None = None
    computed: bool | None = None
    independent: bool | None = None
    time_ms: Estimate | None = None
    policy: Policy = UNKNOWN_POLICY


class CacheGet(_Step, frozen=True, kw_only=True):
    """Look a key up in a cached dataset; run `on_miss` when it is not there; `independent` as for a query.

    `coalesced` says that one miss of a key at a time runs `on_miss` in an instance, and the others wait for what it brings.
    """

    dataset: str
    independent: bool | None = None
    hit_ratio: Estimate | None = None
    coalesced: bool | None = None
    on_miss: tuple[Step, ...] = ()
    time_ms: Estimate | None = None
    policy: Policy = UNKNOWN_POLICY


class CachePut(_Step, frozen=True, kw_only=True):
    """Write a key of a cached dataset; `expiry_s` is `None` when unknown; `computed` as for a query.

    `expiry_jitter` is the share of it by which the life of each key is drawn longer or shorter; without one all live equally long.
    """

    dataset: str
    computed: bool | None = None
    expiry_s: Estimate | None = None
    expiry_jitter: Estimate | None = None
    time_ms: Estimate | None = None
    policy: Policy = UNKNOWN_POLICY


class Call(_Step, frozen=True, kw_only=True):
    """Call an operation (by its name) and wait for its reply.

    `address` says where the host comes from: the program and its configuration, or whoever sent the request. `independent` says that
    nothing of the step before is needed for it.
    """

    operation: str
    protocol: str = "http"
    address: Literal["configured", "request"] | None = None
    independent: bool | None = None
    policy: Policy = UNKNOWN_POLICY


class Publish(_Step, frozen=True, kw_only=True):
    """Hand a message to the broker of a topic (named `broker/topic`)."""

    topic: str
    confirmed: bool | None = None
    persistent: bool | None = None
    key: str = ""
    policy: Policy = UNKNOWN_POLICY


class Ack(_Step, frozen=True, kw_only=True):
    """Acknowledge the message that triggered the operation."""


class Reply(_Step, frozen=True, kw_only=True):
    """Answer the caller; later steps run on and keep their place."""

    status: int = 200


class Transaction(_Step, frozen=True, kw_only=True):
    """Hold one connection to `store` from begin to commit around the steps."""

    store: str
    steps: tuple[Step, ...]
    isolation: str = ""


class Lock(_Step, frozen=True, kw_only=True):
    """Hold `resource` around the steps; `capacity` holders at a time; `lease_ms` is `None` for a lock without expiry."""

    resource: str
    steps: tuple[Step, ...]
    capacity: int = 1
    lease_ms: Estimate | None = None
    fenced: bool | None = None


class Parallel(_Step, frozen=True, kw_only=True):
    """Run the branches at once and go on when `first` of them are done (0: all).

    `detached` marks work that nobody waits for (one branch is empty, and `first` is 1): `handled` where its failure is caught or the code
    says that it means it, `bare` where nobody would notice.
    """

    branches: tuple[tuple[Step, ...], ...]
    first: int = 0
    detached: Literal["bare", "handled"] | None = None


class Repeat(_Step, frozen=True, kw_only=True):
    """Run the steps `count` times, one after another: `Repeat(Query)` is the N+1 pattern."""

    count: Estimate
    steps: tuple[Step, ...]


class Branch(_Step, frozen=True, kw_only=True):
    """Run `then` with the given probability, `otherwise` with the rest."""

    probability: Estimate
    then: tuple[Step, ...] = ()
    otherwise: tuple[Step, ...] = ()
    condition: str = ""


class Compensate(_Step, frozen=True, kw_only=True):
    """Run `steps`; when one of them fails, run `undo`."""

    steps: tuple[Step, ...]
    undo: tuple[Step, ...]


Step = Union[
    Work, Wait, Query, CacheGet, CachePut, Call, Publish, Ack, Reply, Transaction, Lock, Parallel, Repeat, Branch, Compensate
]
"""Any step. The set is closed: a new kind is a decision about every lab."""
