"""The system under review: components, what they run, where they keep data, how hard they are used."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeVar

from msgspec import Struct

from backend_expert.model.facts import Certainty, Estimate, Evidence
from backend_expert.model.steps import Step


class Kind(StrEnum):
    """What a component is to the others."""

    SERVICE = "service"
    GATEWAY = "gateway"
    WORKER = "worker"
    DATABASE = "database"
    CACHE = "cache"
    BROKER = "broker"
    EXTERNAL = "external"
    CLIENT = "client"
    PLATFORM = "platform"
    """Telemetry, registries, consoles: beside the path of requests, never on it."""


STORES = frozenset({Kind.DATABASE, Kind.CACHE})
STATEFUL = STORES | {Kind.BROKER}


class Port(Struct, frozen=True, kw_only=True):
    """A port that a container listens on; `published` is the port outside (0: chosen at start, `None`: not published)."""

    number: int
    published: int | None = None
    address: str = ""
    protocol: str = "tcp"
    name: str = ""
    evidence: tuple[Evidence, ...] = ()


class Probe(Struct, frozen=True, kw_only=True):
    """A check of health: `healthcheck` is that of Compose or a Dockerfile, the other three are those of Kubernetes."""

    kind: Literal["healthcheck", "liveness", "readiness", "startup"]
    mechanism: Literal["http", "tcp", "grpc", "command"]
    target: str = ""
    period_s: float | None = None
    timeout_s: float | None = None
    evidence: tuple[Evidence, ...] = ()


class Volume(Struct, frozen=True, kw_only=True):
    """A place on disk; `persistent` is false where its content goes with the container (emptyDir, tmpfs)."""

    path: str
    source: str = ""
    persistent: bool = True
    evidence: tuple[Evidence, ...] = ()


class Autoscaling(Struct, frozen=True, kw_only=True):
    """Bounds and signal of an autoscaler; `target` is in the unit of the metric (percent for `cpu`)."""

    minimum: int
    maximum: int
    metric: str = "cpu"
    target: float | None = None
    evidence: tuple[Evidence, ...] = ()


class RateLimit(Struct, frozen=True, kw_only=True):
    """Let one instance take `rate_per_s` requests, after a pause up to `burst` at once, and turn the others away (a token bucket)."""

    rate_per_s: Estimate
    burst: Estimate | None = None


class OutlierEjection(Struct, frozen=True, kw_only=True):
    """Take an instance that answers worse than its siblings out of the balancer for `ejected_s`.

    Each `period_s` an instance is judged by the answers of that period: it is out when the share of errors reaches `error_ratio`, or when
    its mean latency is `slower` times the median of the instances. At most `maximum_share` of them are out at the same time.
    """

    error_ratio: Estimate | None = None
    slower: Estimate | None = None
    period_s: Estimate | None = None
    ejected_s: Estimate | None = None
    maximum_share: Estimate | None = None


class WarmUp(Struct, frozen=True, kw_only=True):
    """Say how an instance that has just started is slower: work takes `slowdown` times as long, and evenly less until `lasting_s`."""

    lasting_s: Estimate
    slowdown: Estimate


class Setting(Struct, frozen=True, kw_only=True):
    """A variable of the environment. The value of a secret never enters the model: it is replaced by a mark with its hash."""

    name: str
    value: str
    secret: bool = False
    evidence: tuple[Evidence, ...] = ()


class Deployment(Struct, frozen=True, kw_only=True):
    """How a component is run.

    A number that is `None` is unknown. An empty collection means *looked for and not found* when `complete`; where a file could be
    read only in part (a template), `complete` is false and absence proves nothing. `workers` are the requests one instance works on
    at a time; in an event loop one thread serves them all. `queue_discipline` says whom a free worker takes next: `codel` drops what
    has waited long in a queue that does not empty, `deadline` drops what nobody waits for any more. `balancing` says how callers pick
    an instance. `reserved` is the share of the places of an instance, its bounded queue included, that only critical operations may take.
    `reads` says which instances of a store answer reads outside a transaction; what was written is there `replication_lag_ms` later.
    `evidence` is where the container stands, when that is not where the component is described as a whole.
    """

    replicas: Estimate | None = None
    cpu_cores: Estimate | None = None
    memory_mb: Estimate | None = None
    workers: Estimate | None = None
    event_loop: bool | None = None
    queue_limit: Estimate | None = None
    queue_discipline: Literal["fifo", "lifo", "codel", "deadline"] | None = None
    balancing: Literal["round-robin", "random", "least-outstanding", "two-choices"] | None = None
    reserved: Estimate | None = None
    rate_limit: RateLimit | None = None
    outliers: OutlierEjection | None = None
    reads: Literal["primary", "replicas"] | None = None
    replication_lag_ms: Estimate | None = None
    startup_s: Estimate | None = None
    warm_up: WarmUp | None = None
    autoscaling: Autoscaling | None = None
    disruption_budget: bool = False
    ports: tuple[Port, ...] = ()
    probes: tuple[Probe, ...] = ()
    volumes: tuple[Volume, ...] = ()
    networks: tuple[str, ...] = ()
    user: str = ""
    restart: str = ""
    complete: bool = True
    evidence: tuple[Evidence, ...] = ()


class Attachment(Struct, frozen=True, kw_only=True):
    """A tie beside the path of requests: to a registry, a configuration server, telemetry, or from one of these to what it looks after."""

    target: str
    certainty: Certainty = Certainty.DECLARED
    evidence: tuple[Evidence, ...] = ()


class Component(Struct, frozen=True, kw_only=True):
    """A part that runs by itself. `technology` is a lower-case name (`postgresql`, `nginx`, `nestjs`), empty when unknown."""

    name: str
    kind: Kind
    technology: str = ""
    image: str = ""
    source: str = ""
    aliases: tuple[str, ...] = ()
    deployment: Deployment | None = None
    settings: tuple[Setting, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    certainty: Certainty = Certainty.DECLARED
    evidence: tuple[Evidence, ...] = ()

    @property
    def stateful(self) -> bool:
        """Tell whether the component keeps data for others: a store or a broker."""
        return self.kind in STATEFUL


class Trigger(Struct, frozen=True, kw_only=True):
    """What starts an operation; for `message`, `name` is the topic and the other fields say how it is consumed.

    An instance works on `concurrency` messages at a time. The broker hands it messages ahead until `prefetch` are not acknowledged, 0 for
    without end; `None`, unknown, hands a message out when somebody is free.
    """

    kind: Literal["http", "rpc", "graphql", "message", "schedule", "start"]
    name: str = ""
    group: str = ""
    concurrency: Estimate | None = None
    prefetch: Estimate | None = None
    acknowledge: Literal["before", "after", "auto"] | None = None
    maximum_deliveries: int | None = None
    dead_letter: bool | None = None


class GuardKind(StrEnum):
    """What a guard looks at before it lets a request through."""

    AUTHENTICATION = "authentication"
    AUTHORISATION = "authorisation"
    THROTTLING = "throttling"
    VALIDATION = "validation"
    OTHER = "other"
    """It turns nobody away, or for a reason of its own: logging, parsing, headers."""


class Guard(Struct, frozen=True, kw_only=True):
    """Something a request passes before an operation runs; `kind` is `None` where the code does not tell what it looks at."""

    name: str
    kind: GuardKind | None = None
    evidence: tuple[Evidence, ...] = ()


class Operation(Struct, frozen=True, kw_only=True):
    """A small program that a component runs. Its name is unique in the system: component, space, trigger.

    `guards` are passed before the first step, in order; empty means *looked for and none*, `None` that nobody could look. An operation
    that is not `critical` is turned away first when an instance is short of places, and so is what it calls.
    """

    name: str
    component: str
    trigger: Trigger
    steps: tuple[Step, ...] = ()
    guards: tuple[Guard, ...] | None = None
    critical: bool | None = None
    certainty: Certainty = Certainty.DECLARED
    evidence: tuple[Evidence, ...] = ()


class Column(Struct, frozen=True, kw_only=True):
    """A column or field of a dataset.

    `bytes` is the mean width of a value, and `last_value` the last one that a sequence or a counter gave it, where measured.
    """

    name: str
    type: str = ""
    nullable: bool = True
    personal: bool = False
    bytes: float | None = None
    last_value: float | None = None
    evidence: tuple[Evidence, ...] = ()


class Index(Struct, frozen=True, kw_only=True):
    """An index or key of a dataset.

    `kinds` says of each column what is not the default (direction, operator class, collation); it is empty where nothing differs.
    `condition` is that of a partial index. `required` marks one that is there for a rule of the data besides uniqueness. `reads` counts
    how often it was read, where measured.
    """

    columns: tuple[str, ...]
    unique: bool = False
    name: str = ""
    primary: bool = False
    method: str = ""
    kinds: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    condition: str = ""
    required: bool = False
    reads: int | None = None
    evidence: tuple[Evidence, ...] = ()


class Reference(Struct, frozen=True, kw_only=True):
    """A foreign key: columns of a dataset that hold the key of `table`."""

    columns: tuple[str, ...]
    table: str
    evidence: tuple[Evidence, ...] = ()


class Dataset(Struct, frozen=True, kw_only=True):
    """A table, collection or key space. Its name is `store/dataset`, or `store/database.table` where the database is known.

    `complete` tells that columns, indexes and references are all of them: only then does one that is not there prove anything.
    `popularity` is the exponent of the Zipf law by which rows are asked for: 0 all alike, 1 the second half as often as the first.
    """

    name: str
    store: str
    database: str = ""
    columns: tuple[Column, ...] = ()
    indexes: tuple[Index, ...] = ()
    references: tuple[Reference, ...] = ()
    complete: bool = False
    rows: Estimate | None = None
    popularity: Estimate | None = None
    isolation: str = ""
    certainty: Certainty = Certainty.DECLARED
    evidence: tuple[Evidence, ...] = ()

    @property
    def table(self) -> str:
        """Return the name of the table alone."""
        return self.name.partition("/")[2].removeprefix(f"{self.database}.")

    def column(self, name: str) -> Column | None:
        """Return the column of that name; unquoted names of SQL know no case."""
        return next((each for each in self.columns if each.name.lower() == name.lower()), None)


class Topic(Struct, frozen=True, kw_only=True):
    """A queue, topic or channel. Its name is `broker/topic`; `declared_by` are the components that create it (`None`: unknown)."""

    name: str
    broker: str
    durable: bool | None = None
    partitions: int | None = None
    declared_by: tuple[str, ...] | None = None
    certainty: Certainty = Certainty.DECLARED
    evidence: tuple[Evidence, ...] = ()


class Workload(Struct, frozen=True, kw_only=True):
    """Traffic that arrives from outside, whether or not earlier requests are answered (open loop)."""

    name: str
    operation: str
    rate_per_s: Estimate


class Objective(Struct, frozen=True, kw_only=True):
    """What the users of an operation are promised; an empty `operation` means every entry."""

    name: str
    operation: str = ""
    latency_p99_ms: float | None = None
    success_ratio: float | None = None


_Named = TypeVar("_Named", Component, Operation, Dataset, Topic)


class System(Struct, frozen=True, kw_only=True):
    """A backend as data. Every tuple is ordered by name, so that equal systems print equal bytes."""

    name: str
    components: tuple[Component, ...] = ()
    operations: tuple[Operation, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    topics: tuple[Topic, ...] = ()
    workloads: tuple[Workload, ...] = ()
    objectives: tuple[Objective, ...] = ()
    network_ms: Estimate | None = None

    def component(self, name: str) -> Component:
        """Return the component of that name; raise `KeyError` when there is none."""
        return _named(self.components, name)

    def operation(self, name: str) -> Operation:
        """Return the operation of that name; raise `KeyError` when there is none."""
        return _named(self.operations, name)

    def dataset(self, name: str) -> Dataset:
        """Return the dataset of that name; raise `KeyError` when there is none."""
        return _named(self.datasets, name)

    def topic(self, name: str) -> Topic:
        """Return the topic of that name; raise `KeyError` when there is none."""
        return _named(self.topics, name)


def _named(items: tuple[_Named, ...], name: str) -> _Named:
    for item in items:
        if item.name == name:
            return item
    raise KeyError(name)
