"""A running handler: its variables, and what each outcome of a step changes in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from backend_expert.lab.states import queues
from backend_expert.lab.states.expression import TRUE, Guard, Linear, both, is_value, number, opposite, variable
from backend_expert.lab.states.flow import LOCKING, Branch, CacheGet, Call, FlowError, Handler, Parallel, Read, Step, walk
from backend_expert.lab.states.machine import Variable
from backend_expert.lab.states.program import Await, Early, Node, Program, columns_of, program_of, settles
from backend_expert.lab.states.statements import Context, Outcome, Path
from backend_expert.lab.states.world import CLIENT_BROKEN, Instance, World

FREE, DEAD = 0, 1
"""Values of a lock: nobody holds it; its holder died. Holders are numbered from 2."""


class Process:
    """A handler that works for one instance, or (a worker and what it calls) for any instance, one at a time."""

    def __init__(
        self,
        world: World,
        handler: Handler,
        name: str,
        fixed: Instance | None,
        holder: Iterator[int],
        kind: Literal["root", "called", "branch"] = "root",
        chain: tuple[str, ...] = (),
    ) -> None:
        self.world = world
        self.handler = handler
        self.name = name
        self.fixed = fixed
        self.kind = kind
        self.caller = world.flow.handler(chain[-1]).actor if chain else ""
        self.program: Program = program_of(handler, answers=kind == "called" or (kind == "root" and handler.entry))
        self.holder = next(holder)
        self.at = world.declare(Variable(f"{name} at", 0, len(self.program.nodes), role="control"))
        self.message = "" if fixed else world.declare(Variable(f"{name} holds", 0, len(world.instances), role="control"))
        self.result = "" if kind == "root" else world.declare(Variable(f"{name} result", 0, 2))
        self.locals = self._declare_locals()
        self.private: dict[str, None] = {}
        for node in self.program.nodes:
            for instance in self.instances:
                self.view(node, instance)
                if isinstance(node.operation, Early):
                    for reference in sorted(columns_of(node.operation.step)):
                        self._own(reference, instance)
        self.children: dict[Call | Parallel, tuple[Process, ...]] = {}
        for step in self.program.children:
            below = called(world, handler, step, (*chain, handler.name))
            self.children[step] = tuple(
                Process(
                    world,
                    each,
                    f"{name} > {each.name}",
                    fixed,
                    holder,
                    "called" if isinstance(step, Call) else "branch",
                    (*chain, handler.name),
                )
                for each in below
            )

    def _declare_locals(self) -> dict[str, str]:
        found: dict[str, tuple[int, int]] = {}
        for step in walk(self.handler.steps):
            if isinstance(step, Read | CacheGet):
                source = step.source if isinstance(step, Read) else step.column
                value = self.world.source(source, self.world.instances[0])
                ends = [sorted((f * self.world.variables[n].low, f * self.world.variables[n].high)) for n, f in value.terms]
                low = value.constant + sum(each[0] for each in ends)
                high = value.constant + sum(each[1] for each in ends)
                before = found.get(step.into, (0, 0))
                found[step.into] = (min(before[0], low), max(before[1], high))
        return {
            local: self.world.declare(Variable(f"{self.name}.{local}", low, high)) for local, (low, high) in sorted(found.items())
        }

    def family(self) -> Iterator[Process]:
        """Yield the process and those that it starts."""
        yield self
        for children in self.children.values():
            for child in children:
                yield from child.family()

    @property
    def instances(self) -> tuple[Instance, ...]:
        """Return the instances that the process can work for."""
        return (self.fixed,) if self.fixed else self.world.instances

    def number_of(self, instance: Instance) -> int:
        """Return what the message variable holds for an instance."""
        return 1 + self.world.instances.index(instance)

    def here(self, node: Node, instance: Instance) -> Guard:
        """Return the guard that the process stands at a node with an instance."""
        place = is_value(self.at, node.number)
        return both(place, is_value(self.message, self.number_of(instance))) if self.message else place

    def context(self, node: Node, instance: Instance, counted: frozenset[str]) -> Context:
        """Return what the statements at a node need to know."""
        return Context(self.world, instance, self.locals.get, node.situation, self.holder, counted)

    def start(self, path: Path, instance: Instance) -> list[Path]:
        """Return the path on which the process begins its work."""
        if self.message:
            path = path.assign(self.message, number(self.number_of(instance)))
        if self.result:
            path = path.assign(self.result, number(0))
        return self.go(path, None, self.program.entry, instance)

    def go(self, path: Path, before: Node | None, target: Node, instance: Instance, *, fine: bool = True) -> list[Path]:
        """Return the paths to a place, through choices over local values; `fine` is false for the way of an error."""
        if isinstance(target.operation, Branch):
            if target.operation.condition.split()[:1] == ["unknown"]:
                conditions = (TRUE, TRUE)
            else:
                condition = self.context(target, instance, frozenset()).condition(target.operation.condition)
                conditions = (condition, opposite(condition))
            paths = []
            for guard, arm in zip(conditions, ("then", "otherwise"), strict=True):
                narrowed = path.where(guard)
                if narrowed.possible:
                    paths += self.go(narrowed, before, target.edges[arm], instance, fine=fine)
            return paths
        if before is not None and before.situation.isolation and not target.situation.isolation:
            path = self.leave_transaction(path, before, instance, commits=fine)
        if fine and self.handler.consumes and before is not None and not before.situation.failed and settles(target):
            path = path.assign(self.world.handled(self.handler, instance), number(1))
        if target.final:
            return self.finish(path, before, target.final, instance)
        return [path.assign(self.at, number(target.number))]

    def leave_transaction(self, path: Path, before: Node, instance: Instance, *, commits: bool) -> Path:
        """Forget private values and give row locks back; what others could see of a transaction that fails is undone."""
        if before.situation.isolation == "read-uncommitted" and not commits:
            for reference in sorted(before.situation.written):
                name = self.real(reference, instance)
                path = path.assign(name, variable(self._own(reference, instance))) if name else path
        for name in self.private:
            path = path.assign(name, number(0))
        for table in sorted(before.situation.locked):
            path = path.assign(self.world.row_lock(self.world.flow.table(table), instance), number(0))
        return path

    def clear(self, path: Path) -> Path:
        """Return the path on which the process is idle and its locals are gone."""
        for name in (self.at, *self.locals.values(), *self.private, *((self.message,) if self.message else ())):
            path = path.assign(name, number(0))
        return path

    def finish(self, path: Path, before: Node | None, final: str, instance: Instance) -> list[Path]:
        """Return the paths after the end: who learns what, and whether the message comes back."""
        failed = final in {"retry", "dead"}
        replied = before is not None and before.situation.replied
        acked = before is not None and before.situation.acked
        path = self.clear(path)
        if self.kind == "branch" or (self.kind == "called" and failed and not replied):
            path = path.assign(self.result, number(2 if failed else 1))
        if self.kind == "root" and self.handler.entry and failed and not replied:
            path = path.assign(self.world.client(self.handler, instance), number(CLIENT_BROKEN))
        if self.handler.consumes and not acked:
            path = (queues.returned if final == "retry" else queues.settled)(self.world, self.handler, instance, path)
        return [path]

    def die(self, node: Node, instance: Instance) -> list[Path]:
        """Return the paths of a crash at a node: local values go, messages come back, locks stay with a dead holder."""
        path = self.clear(Path())
        if node.situation.isolation:
            path = self.leave_transaction(path, node, instance, commits=False)
        if isinstance(node.operation, Await) and isinstance(node.operation.step, Parallel):
            for child in self.children[node.operation.step]:
                path = child.clear(path).assign(child.result, number(0))
        if self.kind == "root" and self.handler.entry and not node.situation.replied:
            path = path.assign(self.world.client(self.handler, instance), number(CLIENT_BROKEN))
        if self.kind != "root" and not node.situation.replied:
            path = path.assign(self.result, number(2))
        if self.handler.consumes and not node.situation.acked:
            path = queues.returned(self.world, self.handler, instance, path)
        if node.after_crash is not None:
            path = path.assign(self.at, number(node.after_crash.number))
            if self.message:
                path = path.assign(self.message, number(self.number_of(instance)))
        paths = [path]
        for lock in node.situation.leases:
            name = self.world.holder(lock, instance)
            ours = is_value(name, self.holder)
            paths = [
                each
                for old in paths
                for each in ((old.where(ours).assign(name, number(DEAD))), old.where(opposite(ours)))
                if each.possible
            ]
        return paths

    def view(self, node: Node, instance: Instance) -> dict[str, Linear]:
        """Return which variables stand for others inside a transaction: the snapshot, and over it its own writes."""
        result: dict[str, Linear] = {}
        situation = node.situation
        if situation.isolation not in {"", *LOCKING} and situation.snapshot:
            for name in self.snapshot_names(situation.columns, instance):
                result[name] = variable(self.snapshot_copy(name))
        for reference in sorted(situation.written) if situation.isolation != "read-uncommitted" else ():
            name = self.real(reference, instance)
            if name:
                result[name] = variable(self._own(reference, instance))
        return result

    def snapshot_names(self, references: frozenset[str], instance: Instance) -> tuple[str, ...]:
        """Return the variables that a snapshot copies: those of every row for a sum, else that of the instance's row."""
        names: dict[str, None] = {}
        for reference in sorted(references):
            names |= dict.fromkeys(name for name, _ in self.world.source(reference, instance).terms)
        return tuple(names)

    def snapshot_copy(self, name: str) -> str:
        """Return the private variable that holds the snapshot's value of a variable."""
        return self._private(f"{self.name} snapshot of {name}", name)

    def real(self, reference: str, instance: Instance) -> str:
        """Return the variable behind a written reference; empty where it is a constant."""
        kind, _, rest = reference.partition(":")
        if kind == "outbox":
            return self.world.outbox(self.world.flow.topic(rest), instance)
        value = self.world.source(reference, instance)
        return value.terms[0][0] if value.terms else ""

    def _private(self, name: str, like: str) -> str:
        main = self.world.variables[like]
        self.private[name] = None
        return self.world.declare(Variable(name, min(main.low, 0), main.high))

    def _own(self, reference: str, instance: Instance) -> str:
        name = self.real(reference, instance)
        return self._private(f"{self.name} wrote {name}", name) if name else ""

    def keep_private(self, node: Node, outcome: Outcome, step: Step, instance: Instance) -> Path:
        """Return the path of an early statement with its writes kept in private variables."""
        if node.situation.isolation == "read-uncommitted":
            return self._keep_old(node, outcome, step, instance)
        view = self.view(node, instance)
        path = Path(outcome.path.guard, {})
        references = node.situation.written | columns_of(step)  # type: ignore[arg-type]
        changed = {self.real(reference, instance) for reference in references} - {""}
        for name in sorted(changed):
            value = outcome.path.values.get(name, view.get(name, variable(name)))
            path = path.assign(self._private(f"{self.name} wrote {name}", name), value)
        for name, value in outcome.path.values.items():
            if name not in changed and not name.endswith(".commits"):
                path = Path(path.guard, {**path.values, name: value})
        return path

    def _keep_old(self, node: Node, outcome: Outcome, step: Step, instance: Instance) -> Path:
        """Return the path of a statement whose writes everybody sees at once, with the old values kept for the case of a failure."""
        path = outcome.path
        for reference in sorted(columns_of(step) - node.situation.written):  # type: ignore[arg-type]
            name = self.real(reference, instance)
            if name:
                path = Path(path.guard, {**path.values, self._own(reference, instance): variable(name)})
        return path


def called(world: World, parent: Handler, step: Call | Parallel, chain: tuple[str, ...]) -> tuple[Handler, ...]:
    """Return the handlers that a call or a parallel block runs; raise `FlowError` for calls in a circle."""
    if isinstance(step, Call):
        if step.handler in chain:
            raise FlowError(f"Handler {step.handler!r} calls itself through {' > '.join(chain)}; break the circle to explore it.")
        return (world.flow.handler(step.handler),)
    return tuple(Handler(f"{parent.name} branch {index}", branch, called=True) for index, branch in enumerate(step.branches, 1))
