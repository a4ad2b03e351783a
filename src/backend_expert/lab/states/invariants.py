"""The twelve classes of anomaly as properties of states, and which of them a flow calls for by itself."""

from __future__ import annotations

from typing import Literal

from backend_expert.lab.states.expression import (
    ExpressionError,
    Guard,
    Linear,
    at_least,
    both,
    compare,
    either,
    is_value,
    number,
    opposite,
    parse_condition,
    total,
    variable,
)
from backend_expert.lab.states.flow import (
    AnomalyClass,
    Effect,
    Flow,
    FlowError,
    Insert,
    Invariant,
    Lock,
    Observe,
    Publish,
    Table,
    Topic,
    UpdateWhere,
    Write,
    walk,
)
from backend_expert.lab.states.machine import Property
from backend_expert.lab.states.world import Instance, World
from backend_expert.model import Text

AT_REST = frozenset({"lost-event", "phantom-event", "not-conserved", "stuck", "half-compensated"})
"""Classes that are read only where nothing internal is left to do: before that, the system may still put things right."""

QUANTITIES: tuple[AnomalyClass, ...] = ("oversell", "not-conserved", "double-effect")
"""Classes that can be about a quantity: what each request took from it is counted."""

MEANING = {
    "lost-event": Text(
        "every stored row whose event somebody waits for was handled by each consumer",
        "toda linha gravada cujo evento alguém espera foi tratada por cada consumidor",
    ),
    "phantom-event": Text("every handled event has its row", "todo evento tratado tem sua linha"),
    "double-effect": Text("the effect happens at most once for each request", "o efeito acontece no máximo uma vez por requisição"),
    "oversell": Text("no more is taken than there was", "não se retira mais do que havia"),
    "not-conserved": Text(
        "what is left and what was taken add up to what there was", "o que sobra e o que foi retirado somam o que havia"
    ),
    "duplicate-entity": Text("one row for each natural key", "uma linha por chave natural"),
    "stuck": Text("no row stays in a state that is not an end", "nenhuma linha fica em um estado que não é final"),
    "half-compensated": Text("all effects of the flow or none", "todos os efeitos do fluxo ou nenhum"),
    "stale-read": Text("a reader sees what it was promised", "quem lê vê o que lhe foi prometido"),
    "skew": Text("a rule over several rows holds", "uma regra sobre várias linhas vale"),
    "zombie-write": Text("no write by a former holder of a lock", "nenhuma escrita de um antigo dono de um lock"),
    "illegal-transition": Text("a status moves only along its declared ways", "um status só muda pelos caminhos declarados"),
}


def stated(world: World, text: str, instance: Instance) -> Guard:
    """Return the guard of a condition over columns and effects (`orders.order.status = PAID`) as an instance sees them."""

    def meaning(name: str) -> Linear:
        if name in world.words:
            return number(world.words[name])
        table, _, column = name.removeprefix("sum(").removesuffix(")").rpartition(".")
        if any(each.name == table for each in world.flow.tables):
            if column != "rows":
                world.column_of(world.flow.table(table), column)
            return world.source(name, instance)
        if any(each.name == table for each in world.flow.externals):
            return variable(world.effect(name, instance))
        raise ExpressionError(f"{name!r} is neither a column, an effect nor a status")

    try:
        return parse_condition(text, meaning)
    except ExpressionError as error:
        raise FlowError(f"The condition {text!r} cannot be read: {error}.") from None


def counted_quantities(flow: Flow) -> frozenset[str]:
    """Return the columns whose decrements have to be counted for some invariant."""
    columns = {f"{table.name}.{column.name}" for table in flow.tables for column in table.columns}
    return frozenset(each.of for each in flow.invariants if each.anomaly in QUANTITIES and each.of in columns)


def properties(flow: Flow, world: World) -> tuple[Property, ...]:
    """Return the properties of every invariant, its parts under one name; raise `FlowError` for one that makes no sense here.

    Requests are alike: all run the same handlers from the same first values, so what can happen to one can happen to any, and a
    property of single requests is read for the first alone. An event is followed to each consumer by itself: both make the slices
    small.
    """
    found = []
    for each in flow.invariants:
        when: Literal["always", "quiescent"] = "quiescent" if each.anomaly in AT_REST else "always"
        parts = _event(flow, world, each) if each.anomaly in {"lost-event", "phantom-event"} else (_bad(flow, world, each),)
        found += [Property(each.name, when, part) for part in parts]
    return tuple(found)


def _bad(flow: Flow, world: World, invariant: Invariant) -> Guard:
    match invariant.anomaly:
        case "double-effect":
            return _double(flow, world, invariant)
        case "oversell" | "not-conserved":
            return _quantity(world, invariant)
        case "duplicate-entity":
            return _duplicate(flow, world, invariant)
        case "stuck":
            return _stuck(world, invariant)
        case "half-compensated":
            return _half(world, invariant)
        case "skew":
            condition = _only_condition(invariant)
            return opposite(stated(world, condition, world.instances[0]))
        case "stale-read":
            names = _names(flow, Observe, invariant)
            return either(*(is_value(world.flag(f"{name} seen wrong"), 1) for name in names))
        case "zombie-write":
            return is_value(world.flag("write by a former holder"), 1)
        case "illegal-transition":
            table, column = world.split(invariant.of)
            if not world.column_of(table, column).moves:
                raise FlowError(f"Column {invariant.of!r} declares no legal moves; add them to check illegal-transition.")
            return is_value(world.flag(f"illegal move of {invariant.of}"), 1)
        case _:
            raise FlowError(f"{invariant.anomaly!r} is not a class of anomaly.")


def _first_request(world: World) -> tuple[Instance, ...]:
    return tuple(each for each in world.instances if each.request == 0)


def _event(flow: Flow, world: World, invariant: Invariant) -> tuple[Guard, ...]:
    topic = flow.topic(invariant.of)
    groups = flow.consumers(topic.name)
    table = row_of(flow, topic)
    if not groups or table is None:
        missing = "nobody consumes it" if not groups else "no handler that publishes it inserts a row; name the table in the topic"
        raise FlowError(f"{invariant.name} cannot be checked: {missing}.")
    parts = []
    for group in groups:
        clauses = []
        for instance in _first_request(world):
            rows, done = world.has_row(table, instance), world.handled(group, instance)
            if invariant.anomaly == "lost-event":
                clauses.append(both(compare(rows, ">=", number(1)), is_value(done, 0)))
            else:
                clauses.append(both(compare(rows, "<=", number(0)), at_least(done, 1)))
        parts.append(either(*clauses))
    return tuple(parts)


def row_of(flow: Flow, topic: Topic) -> Table | None:
    """Return the table whose rows a topic tells of: the named one, else that of the insert nearest to the publish."""
    if topic.row:
        return flow.table(topic.row)
    for handler in flow.handlers:
        before: Table | None = None
        published = False
        for step in walk(handler.steps):
            published = published or (isinstance(step, Publish) and step.topic == topic.name)
            if published and before is not None:
                return before
            if isinstance(step, Insert):
                before = flow.table(step.table)
        if published and before is not None:
            return before
    return None


def _double(flow: Flow, world: World, invariant: Invariant) -> Guard:
    attempts = _first_request(world)
    steps = [step for handler in flow.handlers for step in walk(handler.steps)]
    if invariant.of in counted_quantities(flow):
        count = total([world.taken(invariant.of, each) for each in attempts])
    elif any(table.name == invariant.of for table in flow.tables):
        count = number(0)
        for each in attempts:
            count = count + world.has_row(flow.table(invariant.of), each)
    elif any(isinstance(step, Effect) and step.external == invariant.of for step in steps):
        count = total([world.effect(invariant.of, each) for each in attempts])
    else:
        raise FlowError(f"{invariant.name} cannot be checked: no handler has the effect {invariant.of!r}.")
    return compare(count, ">=", number(2))


def _quantity(world: World, invariant: Invariant) -> Guard:
    table, name = world.split(invariant.of)
    column = world.column_of(table, name)
    initial = world.initial(column)
    row = world.instances[0]
    users = [each for each in world.instances if world.row_key(table, each) == world.row_key(table, row)]
    taken = total([world.taken(invariant.of, each) for each in users])
    left = variable(world.column(table, name, row))
    if invariant.anomaly == "oversell":
        return either(compare(left, "<", number(0)), compare(taken, ">", number(initial)))
    return compare(left + taken, "!=", number(initial))


def _duplicate(flow: Flow, world: World, invariant: Invariant) -> Guard:
    table = flow.table(invariant.of)
    count = number(0)
    for row in world.rows(table):
        if table.natural or row.request == 0:
            count = count + world.has_row(table, row)
    return compare(count, ">=", number(2))


def _stuck(world: World, invariant: Invariant) -> Guard:
    table, name = world.split(invariant.of)
    column = world.column_of(table, name)
    unknown = [word for word in invariant.values if word not in column.values]
    if unknown or not invariant.values:
        known = ", ".join(column.values) or "none: it is a number"
        raise FlowError(f"{invariant.name} needs values of that column ({known}){', not ' + unknown[0] if unknown else ''}.")
    return either(
        *(
            is_value(world.column(table, name, row), world.words[word])
            for row in world.rows(table)
            if row.request == 0
            for word in invariant.values
        )
    )


def _half(world: World, invariant: Invariant) -> Guard:
    if len(invariant.conditions) < 2:
        raise FlowError(f"{invariant.name} needs two conditions or more that hold together or not at all.")
    clauses = []
    for instance in _first_request(world):
        guards = [stated(world, text, instance) for text in invariant.conditions]
        clauses.append(both(either(*guards), either(*(opposite(guard) for guard in guards))))
    return either(*clauses)


def _only_condition(invariant: Invariant) -> str:
    if len(invariant.conditions) != 1:
        raise FlowError(f"{invariant.name} needs one condition over sums of columns.")
    return invariant.conditions[0]


def _names(flow: Flow, kind: type[Observe], invariant: Invariant) -> tuple[str, ...]:
    names = {step.name for handler in flow.handlers for step in walk(handler.steps) if isinstance(step, kind)}
    if invariant.of and invariant.of not in names:
        known = ", ".join(sorted(names)) or "no handler observes anything"
        raise FlowError(f"{invariant.name} cannot be checked: nothing observes {invariant.of!r} (known: {known}).")
    return (invariant.of,) if invariant.of else tuple(sorted(names))


def inferred(flow: Flow) -> tuple[Invariant, ...]:
    """Return the invariants that a flow calls for by itself, whatever its own list says."""
    steps = [step for handler in flow.handlers for step in walk(handler.steps)]
    found: dict[Invariant, None] = {}
    for topic in flow.topics:
        if flow.consumers(topic.name) and row_of(flow, topic) is not None:
            found[Invariant("lost-event", topic.name)] = None
            if not _always_after_its_row(flow, topic):
                found[Invariant("phantom-event", topic.name)] = None
    for step in steps:
        match step:
            case Effect() if not step.undoes:
                found[Invariant("double-effect", step.external)] = None
            case Write():
                _add_quantity(found, step.column, step.value)
            case UpdateWhere():
                for changed, value in step.set:
                    _add_quantity(found, f"{step.table}.{changed}", value)
            case Lock() if step.lease:
                found[Invariant("zombie-write")] = None
            case Observe():
                found[Invariant("stale-read", step.name)] = None
            case Insert() if flow.table(step.table).natural:
                found[Invariant("duplicate-entity", step.table)] = None
            case _:
                pass
    for table in flow.tables:
        for column in table.columns:
            if column.moves:
                found[Invariant("illegal-transition", f"{table.name}.{column.name}")] = None
    return tuple(found)


def _always_after_its_row(flow: Flow, topic: Topic) -> bool:
    """Tell whether every publish of a topic comes after the committed insert of its row, so that no phantom is possible."""
    for handler in flow.handlers:
        stored = False
        for step in handler.steps:
            inside = tuple(walk((step,)))
            publishes = any(isinstance(each, Publish) and each.topic == topic.name for each in inside)
            direct = any(isinstance(each, Publish) and each.topic == topic.name and not each.via for each in inside)
            if publishes and not stored and (direct or not any(isinstance(each, Insert) for each in inside)):
                return False
            stored = stored or any(isinstance(each, Insert) for each in inside)
    return True


def _add_quantity(found: dict[Invariant, None], column: str, value: str) -> None:
    if " - " in value:
        for anomaly in QUANTITIES:
            found[Invariant(anomaly, column)] = None
