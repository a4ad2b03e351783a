"""Compile a system and a scenario to the tables of the kernel: data in, arrays out, nothing generated.

Every operation that traffic can reach becomes rows of one program table. A query becomes a call of an implicit operation of its store; a
topic becomes an operation of its broker that delivers to the subscribers; a delivery is a call with the retries of the subscription.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend_expert.lab.load import layout
from backend_expert.lab.load.body import Body
from backend_expert.lab.load.deliveries import deliver
from backend_expert.lab.load.guards import FOR_EVER, Guards
from backend_expert.lab.load.interventions import Interventions, intervene
from backend_expert.lab.load.key_spaces import Caches, KeySpace
from backend_expert.lab.load.labels import Label, hashed
from backend_expert.lab.load.layout import TABLES, UNBOUNDED
from backend_expert.lab.load.places import law_numbers, places, pool_name, value
from backend_expert.lab.load.scenario import Law, ModelError, Scenario
from backend_expert.lab.load.validity import check_cycles, check_numbers, check_scenario
from backend_expert.lab.load.vocabulary import Balancer, Discipline, Op
from backend_expert.lab.load.workspace import WORKING, Plan, plan
from backend_expert.model import CachePut, Component, Deployment, Kind, Policy, System, walk

INSTANCE_LIMIT = 10_000
"""Instances of all components together: enough for any reviewed system, few enough for the time series of each to fit in memory."""

BALANCERS = {
    "round-robin": Balancer.ROUND_ROBIN,
    "random": Balancer.RANDOM,
    "least-outstanding": Balancer.LEAST,
    "two-choices": Balancer.TWO_CHOICES,
}

DISCIPLINES = {"fifo": Discipline.FIFO, "lifo": Discipline.LIFO, "codel": Discipline.CODEL, "deadline": Discipline.DEADLINE}


INSTANCE_FIELDS = layout.INSTANCE.names or ()


class Program(NamedTuple):
    """Everything about a run but its seed: its memory at the start and the names of the rows of its tables."""

    scenario: Scenario
    plan: Plan
    streams: tuple[str, ...]  # operation of each workload
    entries: tuple[str, ...]
    deliveries: tuple[tuple[str, str], ...]  # topic and group of subscribers
    components: tuple[str, ...]
    pools: tuple[tuple[str, tuple[int, ...]], ...]  # name and gates of each pool, lock or set of consumers
    calls: tuple[tuple[str, str], ...]
    places: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]  # per component: gates of slots, gates of cores
    width: int
    caches: tuple[str, ...]  # dataset of each cache
    replicated: frozenset[str]  # those that are no caches but what is not on the replicas yet
    key_spaces: tuple[tuple[int, KeySpace], ...]  # with the first row of its keys

    def table(self, name: str) -> NDArray[Any]:
        """Return one of the tables with which a run starts."""
        return self.plan.tables.table(name)

    def tables(self) -> dict[str, NDArray[Any]]:
        """Return the tables that hold what was compiled."""
        return {name: table for name, table in self.plan.tables.tables() if name not in WORKING}


def compile_program(system: System, scenario: Scenario, *, checked: bool = False) -> Program:
    """Return the tables for a complete system; raise `ModelError` with what is wrong with it unless it was `checked` before."""
    if not checked:
        check_all(system, scenario)
    return Compiler(system, scenario).program()


def compile_each(system: System, scenarios: Sequence[Scenario]) -> tuple[Program, ...]:
    """Return the tables of a complete system under each scenario; they differ in their faults alone, and the rest is compiled once.

    Raises `ModelError` as `compile_program` does.
    """
    check_all(system, scenarios[0])
    for scenario in scenarios[1:]:
        check_scenario(system, scenario)
    compiler = Compiler(system, scenarios[0])
    first = compiler.program()
    return first, *(compiler.disturbed(first, scenario) for scenario in scenarios[1:])


def check_all(system: System, scenario: Scenario) -> None:
    """Raise `ModelError` when the scenario cannot be simulated on the system."""
    check_numbers(system)
    check_scenario(system, scenario)
    check_cycles(system)


class Compiler:
    """The tables as they grow. One is made for each compilation."""

    def __init__(self, system: System, scenario: Scenario) -> None:
        self.system = system
        self.scenario = scenario
        self.operations = {operation.name: operation for operation in system.operations}
        self.components = {component.name: component for component in system.components}
        self.datasets = {dataset.name: dataset for dataset in system.datasets}
        self.topics = {topic.name: topic for topic in system.topics}
        self.laws = dict(scenario.laws)
        self.hop = 2.0 * value(system.network_ms, 0.0)
        self.rows: list[tuple[Any, ...]] = []
        self.branches: list[tuple[Label, int]] = []
        self.deliveries: list[tuple[str, str]] = []
        self.sites: list[tuple[Any, ...]] = []
        self.groups: list[tuple[Any, ...]] = []
        self.instances: list[tuple[Any, ...]] = []
        self.group_of: dict[str, int] = {}
        self.places: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self.replicas_of: dict[str, int] = {}
        self.starts: dict[str, Label] = {}
        self.waiting: list[tuple[str, Any]] = []
        self.guards = Guards()
        self.caches = Caches(system, scenario)
        self.links: dict[tuple[str, str], int] = {}
        self.calls: dict[tuple[str, str], int] = {}
        self.filled = {
            step.dataset for operation in system.operations for step in walk(operation.steps) if isinstance(step, CachePut)
        }
        self.width = 1
        self.entries = 0

    # Components

    def add_component(self, component: Component) -> None:
        """Add the instances of a component with their slots and cores."""
        deployment = component.deployment or Deployment()
        scaling = deployment.autoscaling
        count = max(1, round(value(deployment.replicas, 1.0)))
        total = max(count, scaling.maximum) if scaling is not None else count
        first = len(self.instances)
        if first + total > INSTANCE_LIMIT:
            raise ModelError(
                f"{component.name} brings the system to {first + total:,} instances; the lab simulates at most {INSTANCE_LIMIT:,}."
            )
        group = len(self.groups)
        self.group_of[component.name] = group
        balancer = Balancer.PRIMARY if component.stateful else BALANCERS[deployment.balancing or "round-robin"]
        discipline = DISCIPLINES[deployment.queue_discipline or "fifo"]
        self.groups.append((0.0, 0.0, first, total, int(balancer), total - 1, 0, 0))
        each = places(component, deployment)
        slots, cores = [], []
        for row in range(first, first + total):
            if each.slots < UNBOUNDED:
                slots.append(self.guards.gate(each.slots, each.queue, row, discipline))
            if each.cores < UNBOUNDED:
                cores.append(self.guards.gate(each.cores, UNBOUNDED, row))
            fields = {
                "slowness": each.slowness,
                "stretch": each.slowness,
                "group": group,
                "place": row - first,
                "slot": slots[-1] if slots else -1,
                "core": cores[-1] if cores else -1,
                "backlog": each.backlog,
                "open_load": each.open_load,
                "open_backlog": each.open_backlog,
                "limit": self.guards.limit(deployment.rate_limit) if deployment.rate_limit is not None else -1,
                "up": 1,
                "trusted": int(row - first < count),
                "watched": int(deployment.outliers is not None),
                "guarded": int(
                    deployment.rate_limit is not None or min(each.backlog, each.open_load, each.open_backlog) < UNBOUNDED
                ),
            }
            if deployment.warm_up is not None:
                fields["warming"] = 1000.0 * deployment.warm_up.lasting_s.value
                fields["cold"] = max(0.0, deployment.warm_up.slowdown.value - 1.0)
            self.instances.append(tuple(fields.get(name, 0) for name in INSTANCE_FIELDS))
        self.places.append((tuple(slots), tuple(cores)))

    def replicas(self, store: str) -> int | None:
        """Return the group of the instances of a store that answer reads, `None` where the primary does."""
        deployment = self.components[store].deployment
        first, count = self.instances_of(store)
        if deployment is None or deployment.reads != "replicas" or count < 2:
            return None
        if store not in self.replicas_of:
            self.replicas_of[store] = self.view(Balancer.ROUND_ROBIN, first + 1, count - 1)
        return self.replicas_of[store]

    def view(self, balancer: Balancer, first: int, count: int) -> int:
        """Return a group of instances that some callers see with a balancer of their own."""
        self.groups.append((0.0, 0.0, first, count, int(balancer), count - 1, 0, 0))
        return len(self.groups) - 1

    # Steps

    def emit(
        self,
        op: Op,
        key: str,
        handler: Label | None,
        a: int | Label = -1,
        b: int = 0,
        c: int = 0,
        mean: float = 0.0,
        shape: float = 0.0,
        law: Law | None = None,
    ) -> int:
        """Add a row to the program and return its number."""
        code, shape = law_numbers(law) if law is not None else (0, shape)
        self.rows.append((hashed(key), mean, shape, int(op), a, b, c, code, -1 if handler is None else handler))
        return len(self.rows) - 1

    def start_of(self, name: str) -> Label:
        """Return the first row of an operation, compiled later if it was not yet."""
        if name not in self.starts:
            if name not in self.operations:
                raise ModelError(f"A step calls the operation {name!r}, which the system does not have.")
            self.starts[name] = Label()
            self.waiting.append((name, None))
        return self.starts[name]

    def implicit(self, name: str, component: str, mean: float, topic: str = "") -> Label:
        """Return the first row of what a store, or the broker of a topic, does for one request."""
        if name not in self.starts:
            self.starts[name] = Label()
            self.waiting.append((name, (component, mean, topic)))
        return self.starts[name]

    def compile_waiting(self) -> None:
        """Emit every operation that something refers to."""
        while self.waiting:
            name, what = self.waiting.pop(0)
            self.starts[name].row = len(self.rows)
            if what is None:
                operation = self.operations[name]
                Body(self, operation).compile()
                continue
            component, mean, topic = what
            external = self.components[component].kind is Kind.EXTERNAL
            self.emit(Op.SLEEP if external else Op.WORK, f"{name}/work", None, mean=mean, law=self.law(component))
            if topic:
                deliver(self, topic)
            self.emit(Op.END, name, None)

    def call_row(self, caller: str, callee: str) -> int:
        """Return the row that counts the calls between two components."""
        return self.calls.setdefault((caller, callee), len(self.calls))

    def link(self, caller: str, callee: str) -> int:
        """Return the link between two components, -1 within one."""
        if caller == callee:
            return -1
        key = (min(caller, callee), max(caller, callee))
        return self.links.setdefault(key, len(self.links))

    def law(self, component: str) -> Law:
        """Return the law of the service times of a component."""
        return self.laws.get(component, self.scenario.law)

    def add_site(
        self,
        *,
        target: Label,
        group: int,
        calls: int,
        link: int,
        timeout: float = FOR_EVER,
        backoff: float = 0.0,
        backoff_cap: float = FOR_EVER,
        hedge: float = -1.0,
        hop: float = 0.0,
        attempts: int = 1,
        jitter: int = 0,
        budget: int = -1,
        breaker: int = -1,
        gate: int = -1,
        stride: int = 0,
        optional: bool = False,
        cancels: bool = False,
        propagates: bool = False,
        sheddable: bool = False,
    ) -> int:
        """Add a place from which something is called, and return its row."""
        ring = self.guards.ring(timeout) if timeout < FOR_EVER else -1
        self.sites.append(
            (timeout, backoff, backoff_cap, hedge, hop, target, group, ring, attempts, jitter, budget, breaker, gate, stride,
             int(optional), int(cancels), int(propagates), int(sheddable), link, calls)
        )  # fmt: skip
        return len(self.sites) - 1

    def policy_site(
        self,
        caller: str,
        callee: str,
        target: Label,
        policy: Policy,
        *,
        pooled: bool = True,
        sheddable: bool = False,
        replicas: int | None = None,
    ) -> int:
        """Add the call of one component to another with its policy; `replicas` is the group of those that answer instead of a primary."""
        guards, retry = self.guards, policy.retry
        instances = self.instances_of(caller)
        count = instances[1]
        gate = -1
        if policy.pool is not None and pooled:
            gate = guards.pool(pool_name(caller, callee, replicas is not None), instances, policy.pool)
        return self.add_site(
            target=target,
            group=self.group_of[callee] if replicas is None else replicas,
            calls=self.call_row(caller, callee),
            link=self.link(caller, callee),
            timeout=value(policy.timeout_ms, FOR_EVER),
            attempts=max(1, round(retry.attempts.value)) if retry is not None else 1,
            backoff=value(retry.backoff_ms, 0.0) if retry is not None else 0.0,
            backoff_cap=value(retry.backoff_cap_ms, FOR_EVER) if retry is not None else FOR_EVER,
            jitter=("none", "full", "decorrelated").index(retry.jitter) if retry is not None else 0,
            budget=guards.budget(caller, callee, retry.budget.value, count)
            if retry is not None and retry.budget is not None
            else -1,
            breaker=guards.breaker(caller, callee, policy.breaker, count) if policy.breaker is not None else -1,
            hedge=policy.hedge.delay_ms.value if policy.hedge is not None else -1.0,
            hop=self.hop if caller != callee else 0.0,
            gate=gate,
            stride=1 if gate >= 0 else 0,
            sheddable=sheddable,
            optional=bool(policy.optional),
            cancels=bool(policy.cancels),
            propagates=bool(policy.deadline_propagated),
        )

    def instances_of(self, component: str) -> tuple[int, int]:
        """Return the first instance of a component and how many it has."""
        group = self.groups[self.group_of[component]]
        return group[2], group[3]

    # The whole

    def program(self) -> Program:
        """Compile the whole and return its tables."""
        for component in self.system.components:
            self.add_component(component)
        workloads = entry_rates(self.system, self.scenario)
        users = self.scenario.arrivals.users
        streams = tuple(name for name, _ in workloads) + tuple(each.operation for each in users)
        entries = tuple(dict.fromkeys(streams))
        loads = [self.stream(name, entries, rate_per_s=rate) for name, rate in workloads]
        loads += [self.stream(each.operation, entries, users=each.count, think_s=each.think_s) for each in users]
        self.compile_waiting()
        branches = [(label, -1 if delivery < 0 else len(entries) + delivery) for label, delivery in self.branches]
        self.entries = len(entries)
        tables = self.tables(loads, branches, self.interventions(self.scenario))
        return Program(
            scenario=self.scenario,
            plan=self.plan(self.scenario, tables),
            streams=streams,
            entries=entries,
            deliveries=tuple(self.deliveries),
            components=tuple(self.group_of),
            pools=tuple(self.guards.places),
            calls=tuple(self.calls),
            places=tuple(self.places),
            width=self.width,
            caches=tuple(self.caches.row_of),
            replicated=frozenset(self.caches.lags_ms),
            key_spaces=self.caches.spaces(),
        )

    def stream(
        self, name: str, entries: tuple[str, ...], *, rate_per_s: float = 0.0, users: int = 0, think_s: float = -1.0
    ) -> tuple[Any, ...]:
        """Return the row of requests from outside that arrive at a rate, or that so many users send."""
        start = self.start_of(name)
        group = self.group_of[self.operations[name].component]
        sheddable = int(self.operations[name].critical is False)
        return 0, 0, rate_per_s / 1000.0, 0.0, start, group, entries.index(name), 0, sheddable, users, 1000.0 * think_s

    def disturbed(self, program: Program, scenario: Scenario) -> Program:
        """Return the compiled program with the faults of another scenario."""
        interventions = self.interventions(scenario)
        return program._replace(scenario=scenario, plan=self.plan(scenario, program.tables() | _arrays(interventions._asdict())))

    def interventions(self, scenario: Scenario) -> Interventions:
        """Return what a scenario does to the compiled system."""
        return intervene(self.system, scenario, self.group_of, self.groups, self.links, self.caches.row_of)

    def plan(self, scenario: Scenario, tables: Mapping[str, NDArray[Any]]) -> Plan:
        """Return the memory of a run under a scenario."""
        return plan(tables, scenario, self.entries, len(self.deliveries), self.width)

    def tables(
        self, loads: list[tuple[Any, ...]], branches: list[tuple[Any, ...]], interventions: Interventions
    ) -> dict[str, NDArray[Any]]:
        """Return the tables as arrays."""
        caches, keys = self.caches.tables()
        rows: dict[str, list[Any]] = {
            "program": self.rows,
            "branches": branches,
            "sites": self.sites,
            "gates": self.guards.gates,
            "rings": self.guards.alarms(),
            "groups": self.groups,
            "instances": self.instances,
            "breakers": self.guards.breakers,
            "budgets": self.guards.budgets(),
            "limits": self.guards.limits,
            "caches": caches,
            "links": [(0.0,)] * len(self.links),
            "calls": [(0, 0, 0, 0, 0)] * len(self.calls),
            "workloads": loads,
        }
        return _arrays(rows) | _arrays(interventions._asdict()) | {"keys": keys}


def _arrays(rows: Mapping[str, list[Any]]) -> dict[str, NDArray[Any]]:
    return {name: np.array(each, TABLES[name]) for name, each in rows.items()}


def entry_rates(system: System, scenario: Scenario) -> tuple[tuple[str, float], ...]:
    """Return the base rate a second of every stream of requests from outside, by operation."""
    if scenario.arrivals.rates_per_s or scenario.arrivals.users:
        return scenario.arrivals.rates_per_s
    return tuple((workload.operation, workload.rate_per_s.value) for workload in system.workloads)
