"""Calls: of own functions, which are followed, of libraries, which are asked what it means, and of what takes functions itself."""

from __future__ import annotations

from tree_sitter import Node

from backend_expert.readers.node import builtin, classes, expressions, flow, libraries, names, waiting
from backend_expert.readers.node.drafts import Draft, leaves
from backend_expert.readers.node.frames import Frame
from backend_expert.readers.node.libraries import typeorm
from backend_expert.readers.node.syntax import arguments, awaited, children, decorators, plain, string, text
from backend_expert.readers.node.values import (
    NOTHING,
    UNKNOWN,
    Blueprint,
    Environment,
    Foreign,
    Function,
    Instance,
    Listing,
    Made,
    Namespace,
    Outcome,
    Pending,
    Record,
    Resource,
    Value,
    Variable,
    constant,
    either,
    is_open,
)
from backend_expert.readers.settings import words

DEPTH_LIMIT = 14
"""Most calls of own functions inside one another that are followed: the deepest chain in the systems tried has 9."""


IDLE = 2
"""How often a function is followed to nowhere before it is passed over."""


_CONNECTS = frozenset({"authenticate", "connect", "init", "initialize", "open", "start", "sync"})
"""Methods that run their callback once, when the connection stands that a program waits for before it listens."""

_TRANSPARENT = words(
    "encodeURIComponent encodeURI String Number parseInt parseFloat Boolean firstValueFrom lastValueFrom toPromise "
    "from of promisify resolve structuredClone freeze assign URL forwardRef"
)
"""Functions that give back what they are given, as far as addresses, numbers and promises go."""


class Call:
    """One call as a library sees it."""

    __slots__ = ("arguments", "asked", "began", "frame", "node")

    def __init__(self, node: Node, frame: Frame, given: list[Value], began: int = 0, asked: int = 0) -> None:
        self.node = node
        self.frame = frame
        self.arguments = given
        # How many steps there were before what the method is called on, and before the arguments.
        self.began = began
        self.asked = asked

    @property
    def nodes(self) -> list[Node]:
        """Return the arguments as they stand in the source."""
        return arguments(self.node) if self.node.type in {"call_expression", "new_expression"} else []

    def argument(self, position: int) -> Value:
        """Return an argument; undefined when there is none."""
        return self.arguments[position] if position < len(self.arguments) else NOTHING

    @property
    def callback(self) -> Function | None:
        """Return the function that is the last argument."""
        last = self.arguments[-1] if self.arguments else None
        return last if isinstance(last, Function) else None

    def emit(self, draft: Draft) -> Outcome:
        """Add a step with the line of this call and the calls that led to it."""
        if not draft.evidence:
            draft.evidence = self.frame.evidence(self.node)
        self.frame.block.append(draft)
        self.frame.unit.seen.step(draft, self.arguments)
        return Outcome(draft)

    def run(self, function: Value | None, *given: Value) -> Value:
        """Follow a function that the library calls."""
        return inline(function, list(given), self.frame, self.node) if isinstance(function, Function) else UNKNOWN

    def into(self, function: Value | None, *given: Value) -> list[Draft]:
        """Follow a function and return its steps instead of adding them."""
        return captured(self.frame, lambda: self.run(function, *given))


def captured(frame: Frame, work: object) -> list[Draft]:
    """Return the steps that some work adds to a frame, taken off again."""
    before, frame.block = frame.block, []
    try:
        work()  # type: ignore[operator]
        return frame.block
    finally:
        frame.block = before


def call(node: Node, frame: Frame) -> Value:
    """Return what a call gives back, and add the steps it takes."""
    called = node.child_by_field_name("function")
    if called is None:
        return UNKNOWN
    if awaited(node):
        called = called.named_children[0]
    called = plain(called)
    if called.type == "import" or (called.type == "identifier" and text(called) == "require"):
        return _loaded(node, frame)
    if called.type == "super":
        return classes.superclass(node, frame)
    if called.type == "member_expression":
        owner_node = called.child_by_field_name("object")
        name = text(called.child_by_field_name("property"))
        began = len(frame.block)
        owner = expressions.evaluate(owner_node, frame)
        if name in waiting.TOGETHER and owner == Foreign("global", ("Promise",)):
            return waiting.together(node, name, frame)
        if name == "forkJoin" and isinstance(owner, Foreign):
            return waiting.together(node, "all", frame)
        asked = len(frame.block)
        return of_method(owner, name, Call(node, frame, arguments_of(node, frame), began, asked))
    if called.type == "subscript_expression":
        chosen = constant(expressions.evaluate(called.child_by_field_name("index"), frame))
        if isinstance(chosen, str):
            owner = expressions.evaluate(called.child_by_field_name("object"), frame)
            return of_method(owner, chosen, Call(node, frame, arguments_of(node, frame)))
    callee = expressions.evaluate(called, frame)
    if callee == Foreign("rxjs", ("forkJoin",)):
        return waiting.together(node, "all", frame)
    return of_value(callee, Call(node, frame, arguments_of(node, frame)))


def arguments_of(node: Node, frame: Frame) -> list[Value]:
    """Return the values of the arguments of a call."""
    found: list[Value] = []
    for each in arguments(node):
        if each.type == "spread_element":
            spread = expressions.evaluate(next(children(each), None), frame)
            found.extend(spread.items if isinstance(spread, Listing) else [UNKNOWN])
        else:
            found.append(expressions.evaluate(each, frame))
    return found


def of_value(callee: Value, call: Call) -> Value:
    """Return what calling a value gives back."""
    match callee:
        case Function():
            return inline(callee, call.arguments, call.frame, call.node)
        case Foreign():
            return _of_library(callee, call)
        case Resource() | Made():
            found = libraries.method(callee, "", call)
            return found if found is not None else unknown(callee, "", call)
        case Outcome():
            return callee
        case _:
            return unknown(callee, "", call)


def of_method(owner: Value, name: str, call: Call) -> Value:
    """Return what calling a method gives back."""
    if isinstance(owner, Pending):
        owner = waiting.settled(owner, call.frame)
    match owner:
        case Resource() | Made():
            found = libraries.method(owner, name, call)
            if found is not None:
                return found
        case Foreign():
            if owner.package == "global" and name in _TRANSPARENT | {"parse", "stringify"}:
                return call.argument(0) if name != "assign" else _assigned(call)
            if owner == Foreign("global", ("Object",)) and (listed := builtin.of_object(name, call.argument(0))) is not None:
                return listed
            callee = names.foreign(owner, name)
            return _of_library(callee, call) if isinstance(callee, Foreign) else callee
        case Instance():
            function = classes.method(owner, name)
            if function is not None:
                return inline(function, call.arguments, call.frame, call.node)
            special = owner.fields.get("*")
            found = libraries.method(special, name, call) if isinstance(special, Resource) else None
            if found is not None:
                return found
            field = classes.field(owner, name, call.frame)
            if isinstance(field, Function | Foreign | Resource):
                return of_value(field, call)
        case Record() | Namespace() | Blueprint():
            called = names.member(owner, name, call.frame)
            if isinstance(called, Function | Foreign | Resource | Made):
                return of_value(called, call)
        case Function() if name in {"call", "apply", "bind"}:
            return _bound(owner, name, call)
        case Environment() if name == "get":
            return Variable(str(constant(call.argument(0)) or ""))
        case _:
            pass
    return builtin.method(owner, name, call)


def _bound(function: Function, name: str, call: Call) -> Value:
    this = call.argument(0)
    bound = Function(function.node, function.frame, this if not is_open(this) else function.this, function.name, function.given)
    if name == "bind":
        bound.given = (*function.given, *call.arguments[1:])
        return bound
    given = call.arguments[1:]
    if name == "apply":
        given = given[0].items if given and isinstance(given[0], Listing) else []
    return inline(bound, given, call.frame, call.node)


def _of_library(callee: Foreign, call: Call) -> Value:
    found = libraries.function(callee, call)
    if found is not None:
        return found
    if callee.name in _TRANSPARENT:
        return call.argument(0)
    if callee == Foreign("global", ("setTimeout",)) or callee.name in {"setImmediate", "nextTick", "queueMicrotask"}:
        return call.run(call.argument(0))
    if callee.name == "setInterval":
        return UNKNOWN
    if any(isinstance(each, Environment) for each in call.arguments):
        return Environment()
    return unknown(callee, "", call)


def unknown(callee: Value, name: str, call: Call) -> Value:
    """Follow the functions that something unknown is given, or take them for what it returns while the program is being set up."""
    functions = [each for each in call.arguments if isinstance(each, Function)]
    if call.frame.unit.starting:
        if any(isinstance(each, Environment) for each in call.arguments):
            return Environment()
        method = name or (callee.name if isinstance(callee, Foreign) else "")
        if functions and (method in _CONNECTS or builtin.ready(method, call)):
            return call.run(functions[-1])
        if isinstance(callee, Foreign):
            return Made(callee, call.arguments, call.node)
        return functions[0] if len(functions) == 1 and not name else UNKNOWN
    value: Value = UNKNOWN
    for each in functions:
        value = call.run(each)
    if isinstance(callee, Foreign):
        return Made(callee, call.arguments, call.node) if not functions else value
    return value


def one_of(node: Node, choices: list[Node | None], frame: Frame) -> Value:
    """Return what is one of several expressions; their steps become the branches of a choice."""
    values: list[Value] = []
    frame.unit.doubtful += 1
    try:
        blocks = [captured(frame, lambda choice=choice: values.append(expressions.evaluate(choice, frame))) for choice in choices]
    finally:
        frame.unit.doubtful -= 1
    if any(leaves(block) for block in blocks):
        condition = text(node.child_by_field_name("condition"))
        frame.block.append(flow.branch(blocks[0], blocks[1] if len(blocks) > 1 else [], condition, frame.evidence(node)))
    value = values[0] if values else UNKNOWN
    for each in values[1:]:
        value = either(value, each)
    return value


def inline(function: Function, given: list[Value], frame: Frame, node: Node) -> Value:
    """Follow a call of an own function: bind what it is given, add its steps here, return what it returns."""
    unit = frame.unit
    definition = function.node
    unit.called.add(definition.id)
    given = [*function.given, *given]
    if len(frame.path) >= DEPTH_LIMIT or any(entered == definition.id for entered, _ in frame.path) or not unit.spend():
        return UNKNOWN
    # What led nowhere twice, whatever it was given, leads nowhere: most functions only calculate.
    key = (definition.id, id(function.this) if isinstance(function.this, Record) else 0)
    if unit.idle.get(key, 0) >= IDLE and not any(isinstance(each, Function | Resource | Instance | Pending) for each in given):
        return UNKNOWN
    before = len(frame.block)
    value = _followed(function, given, frame, node)
    if not unit.starting:
        useless = is_open(value) and len(frame.block) == before and unit.idle.get(key, 0) >= 0
        unit.idle[key] = unit.idle.get(key, 0) + 1 if useless else -1
    return value


def _followed(function: Function, given: list[Value], frame: Frame, node: Node) -> Value:
    unit = frame.unit
    definition = function.node
    path = (*frame.path, (definition.id, frame.place(node)))
    inside = Frame(unit, function.frame.module, function.frame, function.this or function.frame.this, path, frame.block)
    inside.asynchronous = waiting.is_asynchronous(definition)
    bind_parameters(function, given, inside)
    body = definition.child_by_field_name("body")
    if body is None:
        return UNKNOWN
    opened(function, inside)
    if body.type != "statement_block":
        return expressions.evaluate(body, inside)
    flow.body(body, inside)
    value: Value = NOTHING if not inside.returns else UNKNOWN
    for each in inside.returns:
        value = either(value, each)
    return UNKNOWN if value == NOTHING else value


def opened(function: Function, inside: Frame) -> None:
    """Begin the transaction that decorators put around a method: its steps go into it."""
    if function.node.type != "method_definition" or not any("ransactional" in text(each) for each in decorators(function.node)):
        return
    made = (
        typeorm.around(each, inside, function.node) for each in inside.unit.container.decorations(function.node, function.frame)
    )
    around = next((each for each in made if each is not None), None)
    if around is not None:
        around.blocks = [[]]
        inside.block.append(around)
        inside.block = around.blocks[0]


def bind_parameters(function: Function, given: list[Value], inside: Frame) -> None:
    """Bind the parameters of a function; one that nothing is known of is what its type says."""
    definition = function.node
    single = definition.child_by_field_name("parameter")
    if single is not None:
        names.bind(single, given[0] if given else UNKNOWN, inside)
        return
    listed = definition.child_by_field_name("parameters")
    for position, parameter in enumerate(children(listed) if listed is not None else ()):
        value: Value = given[position] if position < len(given) else NOTHING if given else UNKNOWN
        pattern, default = parameter, None
        if parameter.type in {"required_parameter", "optional_parameter"}:
            found = parameter.child_by_field_name("pattern")
            pattern = found if found is not None else parameter
            default = parameter.child_by_field_name("value")
            if is_open(value):
                value = classes.typed(parameter.child_by_field_name("type"), inside) or value
        if pattern.type == "rest_pattern":
            value = Listing(given[position:]) if position <= len(given) else Listing([])
        elif default is not None and is_open(value):
            value = expressions.evaluate(default, inside)
        names.bind(pattern, value, inside)


def _loaded(node: Node, frame: Frame) -> Value:
    given = arguments(node)
    specifier = (
        string(given[0])
        if given and given[0].type == "string"
        else constant(expressions.evaluate(given[0], frame))
        if given
        else None
    )
    if not isinstance(specifier, str):
        return UNKNOWN
    unit = frame.unit
    path = unit.project.resolve(frame.module.path, specifier)
    if path is None:
        if specifier.startswith("."):
            return unit.data(frame.module.path, specifier)
        return Foreign(specifier.removeprefix("node:"))
    module = unit.module(path)
    if module is None:
        return UNKNOWN
    unit.run(module)
    return module.exported if module.exported is not None else Namespace(module)


def _assigned(call: Call) -> Value:
    """Return what `Object.assign` makes of its arguments."""
    first = call.argument(0)
    if isinstance(first, Record):
        for each in call.arguments[1:]:
            if isinstance(each, Record):
                first.fields.update(each.fields)
            else:
                first.complete = False
    return first
