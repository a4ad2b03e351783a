"""Compile a system and a scenario to the tables of the kernel: data in, arrays out, nothing generated.

Every operation that traffic can reach becomes rows of one program table. A query becomes a call of an implicit operation of its store; a
topic becomes an operation of its broker that delivers to the subscribers; a delivery is a call with the retries of the subscription.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend_expert.lab.load import layout
from backend_expert.lab.load.body import Body
from backend_expert.lab.load.interventions import Interventions, plan
from backend_expert.lab.load.key_spaces import Caches, KeySpace
from backend_expert.lab.load.labels import Label, hashed
from backend_expert.lab.load.layout import UNBOUNDED, Balancer, Discipline, Op
from backend_expert.lab.load.places import law_numbers, places, value
from backend_expert.lab.load.scenario import Law, ModelError, Scenario
from backend_expert.lab.load.validity import check_cycles, check_numbers, check_scenario
from backend_expert.model import CachePut, Component, Deployment, Kind, Operation, Policy, Pool, System, walk

INSTANCE_LIMIT = 10_000
"""Instances of all components together: enough for any reviewed system, few enough for the time series of each to fit in memory."""

REDELIVERY_MS = 1000.0
"""Pause before an unacknowledged message comes again; without one a consumer that is down would be asked without end."""

RETRY_RESERVE = 10.0
"""Tokens of a full retry budget: `maxTokens` of the example in gRPC's proposal A6."""

BALANCERS = {
    "round-robin": Balancer.ROUND_ROBIN,
    "random": Balancer.RANDOM,
    "least-outstanding": Balancer.LEAST,
    "two-choices": Balancer.TWO_CHOICES,
}

DISCIPLINES = {"fifo": Discipline.FIFO, "lifo": Discipline.LIFO, "codel": Discipline.CODEL, "deadline": Discipline.DEADLINE}

FOR_EVER = 1e300


class Program(NamedTuple):
    """Everything about a run but its seed: the initial tables and the names of their rows."""

    scenario: Scenario
    tables: dict[str, NDArray[Any]]
    streams: tuple[str, ...]  # operation of each workload
    entries: tuple[str, ...]
    components: tuple[str, ...]
    pools: tuple[tuple[str, tuple[int, ...]], ...]  # name and gates of each pool, lock or set of consumers
    calls: tuple[tuple[str, str], ...]
    places: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]  # per component: gates of slots, gates of cores
    width: int
    caches: tuple[str, ...]  # dataset of each cache
    key_spaces: tuple[tuple[int, KeySpace], ...]  # with the first row of its keys


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
        self.branches: list[int | Label] = []
        self.sites: list[tuple[Any, ...]] = []
        self.gates: list[tuple[Any, ...]] = []
        self.rings: dict[tuple[float, int], int] = {}
        self.groups: list[tuple[Any, ...]] = []
        self.instances: list[tuple[Any, ...]] = []
        self.group_of: dict[str, int] = {}
        self.starts: dict[str, Label] = {}
        self.waiting: list[tuple[str, Any]] = []
        self.pools: dict[tuple[Any, ...], tuple[int, int]] = {}
        self.pool_names: list[tuple[str, tuple[int, ...]]] = []
        self.breakers: list[tuple[Any, ...]] = []
        self.breaker_of: dict[Any, int] = {}
        self.budgets: dict[tuple[str, str, float], int] = {}
        self.caches = Caches(system, scenario)
        self.links: dict[tuple[str, str], int] = {}
        self.calls: dict[tuple[str, str], int] = {}
        self.filled = {
            step.dataset for operation in system.operations for step in walk(operation.steps) if isinstance(step, CachePut)
        }
        self.width = 1

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
        for place in range(total):
            row = first + place
            slot = self.add_gate(each.slots, each.queue, row, discipline) if each.slots < UNBOUNDED else -1
            core = self.add_gate(each.cores, UNBOUNDED, row) if each.cores < UNBOUNDED else -1
            self.instances.append((each.slowness, 0.0, group, place, slot, core, each.backlog, 0, 1, int(place < count)))

    def add_gate(self, capacity: int, limit: int, instance: int, discipline: Discipline = Discipline.FIFO) -> int:
        """Add a gate and return its row."""
        self.gates.append((0.0, 0.0, 0.0, capacity, limit, 0, 0, 0, -1, -1, -1, int(discipline), instance))
        return len(self.gates) - 1

    def ring(self, delay: float, gate: int = -1) -> int:
        """Return the ring of alarms of one length, for attempts or for the queue of one gate."""
        key = (delay, gate)
        if key not in self.rings:
            self.rings[key] = len(self.rings)
        return self.rings[key]

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
                self.deliver(topic)
            self.emit(Op.END, name, None)

    def deliver(self, topic: str) -> None:
        """Emit the delivery of a message: one copy for each group of subscribers, and each copy is a call with its retries."""
        subscribers: dict[str, list[Operation]] = {}
        for operation in self.system.operations:
            if operation.trigger.kind == "message" and operation.trigger.name == topic:
                subscribers.setdefault(operation.trigger.group or operation.name, []).append(operation)
        if not subscribers:
            return
        first = len(self.branches)
        labels = [Label() for _ in subscribers]
        self.branches.extend(labels)
        self.emit(Op.DELIVER, f"deliver/{topic}", None, a=first, b=len(labels))
        self.width = max(self.width, len(labels))
        end = len(self.rows)
        self.emit(Op.END, topic, None)
        for label, (group, operations) in zip(labels, sorted(subscribers.items()), strict=True):
            label.row = len(self.rows)
            for rank, operation in enumerate(operations):
                after = Label()
                if rank < len(operations) - 1:
                    self.emit(Op.CHANCE, f"{topic}/{group}/{rank}", None, a=after, mean=1.0 / (len(operations) - rank))
                self.emit(Op.CALL, f"{topic}/{group}/{operation.name}", None, a=self.delivery_site(topic, operation))
                self.emit(Op.JUMP, topic, None, a=end)
                after.row = len(self.rows)

    def delivery_site(self, topic: str, operation: Operation) -> int:
        """Add the call by which a message comes to a subscriber."""
        trigger = operation.trigger
        broker = self.topics[topic].broker
        again = trigger.acknowledge in {None, "after"}
        attempts = (trigger.maximum_deliveries or 1 << 30) if again else 1
        group = self.group_of[operation.component]
        total = max(1, round(value(trigger.concurrency, 1.0))) * self.groups[group][3]
        gate = self.add_gate(total, UNBOUNDED, -1)
        self.pool_names.append((f"{topic} → {operation.component}", (gate,)))
        return self.add_site(
            target=self.start_of(operation.name), group=group, attempts=attempts, backoff=REDELIVERY_MS, backoff_cap=REDELIVERY_MS,
            gate=gate, hop=self.hop, link=self.link(broker, operation.component), calls=self.call_row(broker, operation.component),
        )  # fmt: skip

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
    ) -> int:
        """Add a place from which something is called, and return its row."""
        ring = self.ring(timeout) if timeout < FOR_EVER else -1
        self.sites.append(
            (timeout, backoff, backoff_cap, hedge, hop, target, group, ring, attempts, jitter, budget, breaker, gate, stride,
             int(optional), int(cancels), int(propagates), link, calls)
        )  # fmt: skip
        return len(self.sites) - 1

    def policy_site(self, caller: str, callee: str, target: Label, policy: Policy, *, pooled: bool = True) -> int:
        """Add the call of one component to another with its policy."""
        retry = policy.retry
        gate, stride = self.pool(caller, callee, policy.pool) if policy.pool is not None and pooled else (-1, 0)
        return self.add_site(
            target=target,
            group=self.group_of[callee],
            calls=self.call_row(caller, callee),
            link=self.link(caller, callee),
            timeout=value(policy.timeout_ms, FOR_EVER),
            attempts=max(1, round(retry.attempts.value)) if retry is not None else 1,
            backoff=value(retry.backoff_ms, 0.0) if retry is not None else 0.0,
            backoff_cap=value(retry.backoff_cap_ms, FOR_EVER) if retry is not None else FOR_EVER,
            jitter=("none", "full", "decorrelated").index(retry.jitter) if retry is not None else 0,
            budget=self.budget(caller, callee, retry.budget.value) if retry is not None and retry.budget is not None else -1,
            breaker=self.breaker(caller, callee, policy) if policy.breaker is not None else -1,
            hedge=policy.hedge.delay_ms.value if policy.hedge is not None else -1.0,
            hop=self.hop if caller != callee else 0.0,
            gate=gate,
            stride=stride,
            optional=bool(policy.optional),
            cancels=bool(policy.cancels),
            propagates=bool(policy.deadline_propagated),
        )

    def instances_of(self, component: str) -> tuple[int, int]:
        """Return the first instance of a component and how many it has."""
        group = self.groups[self.group_of[component]]
        return group[2], group[3]

    def pool(self, caller: str, callee: str, pool: Pool) -> tuple[int, int]:
        """Return the first gate and the stride of a pool: sites of one component to one target with equal limits share it."""
        size = max(1, round(pool.size.value))
        limit = round(pool.queue.value) if pool.queue is not None else UNBOUNDED
        wait = value(pool.wait_ms, FOR_EVER)
        key = (caller, callee, size, limit, wait)
        if key not in self.pools:
            first, count = self.instances_of(caller)
            gates = []
            for row in range(first, first + count):
                gate = self.add_gate(size, limit, row)
                if wait < FOR_EVER:
                    self.gates[gate] = (*self.gates[gate][:10], self.ring(wait, gate), *self.gates[gate][11:])
                gates.append(gate)
            self.pools[key] = (gates[0], 1)
            self.pool_names.append((f"{caller} → {callee}", tuple(gates)))
        return self.pools[key]

    def lock(self, resource: str, capacity: int) -> int:
        """Return the gate of a lock."""
        key = ("lock", resource, max(1, capacity))
        if key not in self.pools:
            gate = self.add_gate(max(1, capacity), UNBOUNDED, -1)
            self.pools[key] = (gate, 0)
            self.pool_names.append((resource, (gate,)))
        return self.pools[key][0]

    def budget(self, caller: str, callee: str, share: float) -> int:
        """Return the retry budget of one component towards another."""
        return self.budgets.setdefault((caller, callee, share), len(self.budgets))

    def breaker(self, caller: str, callee: str, policy: Policy) -> int:
        """Return the first breaker of one component towards another: each instance has its own."""
        breaker = policy.breaker
        assert breaker is not None
        key = (caller, callee, breaker)
        if key not in self.breaker_of:
            first = len(self.breakers)
            _, count = self.instances_of(caller)
            width = value(breaker.window_s, 10.0) * 1000.0 / layout.BREAKER_BUCKETS
            row = (
                0.0, width, breaker.failure_ratio.value, value(breaker.open_s, 30.0) * 1000.0, -1,
                max(1, round(value(breaker.minimum_calls, 10.0))), max(1, round(value(breaker.probes, 1.0))), 0, 0, 0,
                (0,) * layout.BREAKER_BUCKETS, (0,) * layout.BREAKER_BUCKETS,
            )  # fmt: skip
            self.breakers.extend([row] * count)
            self.breaker_of[key] = first
        return self.breaker_of[key]

    # The whole

    def program(self) -> Program:
        """Compile the whole and return its tables."""
        for component in self.system.components:
            self.add_component(component)
        workloads = entry_rates(self.system, self.scenario)
        entries = tuple(dict.fromkeys(name for name, _ in workloads))
        loads = []
        for name, rate in workloads:
            start = self.start_of(name)
            group = self.group_of[self.operations[name].component]
            loads.append((0, 0, rate / 1000.0, 0.0, start, group, entries.index(name), 0))
        self.compile_waiting()
        interventions = plan(self.system, self.scenario, self.group_of, self.groups, self.links, self.caches.row_of)
        return Program(
            scenario=self.scenario,
            tables=self.tables(loads, interventions),
            streams=tuple(name for name, _ in workloads),
            entries=entries,
            components=tuple(self.group_of),
            pools=tuple(self.pool_names),
            calls=tuple(self.calls),
            places=tuple(self.gates_of(name) for name in self.group_of),
            width=self.width,
            caches=tuple(self.caches.row_of),
            key_spaces=self.caches.spaces(),
        )

    def disturbed(self, program: Program, scenario: Scenario) -> Program:
        """Return the compiled program with the faults of another scenario."""
        plans = plan(self.system, scenario, self.group_of, self.groups, self.links, self.caches.row_of)
        tables = program.tables | {
            "controls": np.array(plans.controls, layout.CONTROL),
            "scalers": np.array(plans.scalers, layout.SCALER),
        }
        return program._replace(scenario=scenario, tables=tables)

    def gates_of(self, component: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the gates of the slots and of the cores of a component."""
        first, count = self.instances_of(component)
        rows = self.instances[first : first + count]
        return tuple(row[4] for row in rows if row[4] >= 0), tuple(row[5] for row in rows if row[5] >= 0)

    def tables(self, loads: list[tuple[Any, ...]], interventions: Interventions) -> dict[str, NDArray[Any]]:
        """Return the tables as arrays."""
        caches, keys = self.caches.tables()
        budgets = [
            (RETRY_RESERVE * self.instances_of(caller)[1], share, RETRY_RESERVE * self.instances_of(caller)[1])
            for caller, _, share in self.budgets
        ]
        rings = [(delay, -1, -1, gate) for delay, gate in self.rings]
        tables = {
            "program": (layout.ROW, self.rows),
            "sites": (layout.SITE, self.sites),
            "gates": (layout.GATE, self.gates),
            "rings": (layout.RING, rings),
            "groups": (layout.GROUP, self.groups),
            "instances": (layout.INSTANCE, self.instances),
            "breakers": (layout.BREAKER, self.breakers),
            "budgets": (layout.BUDGET, budgets),
            "caches": (layout.CACHE, caches),
            "links": (layout.LINK, [(0.0,)] * len(self.links)),
            "calls": (layout.CALLS, [(0, 0, 0, 0, 0)] * len(self.calls)),
            "workloads": (layout.WORKLOAD, loads),
            "controls": (layout.CONTROL, interventions.controls),
            "scalers": (layout.SCALER, interventions.scalers),
        }
        arrays = {name: np.array(rows, dtype) for name, (dtype, rows) in tables.items()}
        arrays["keys"] = keys
        arrays["branches"] = np.array([(each,) for each in self.branches], layout.BRANCH)
        return arrays


def entry_rates(system: System, scenario: Scenario) -> tuple[tuple[str, float], ...]:
    """Return the base rate a second of every stream of requests from outside, by operation."""
    if scenario.arrivals.rates_per_s:
        return scenario.arrivals.rates_per_s
    return tuple((workload.operation, workload.rate_per_s.value) for workload in system.workloads)
