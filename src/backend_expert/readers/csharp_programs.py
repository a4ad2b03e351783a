"""What starts the operations of C# programs, and how they pass work on: controllers, minimal APIs, mediators, MassTransit, RabbitMQ."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from backend_expert.model import Evidence
from backend_expert.readers.source_code.expressions import HOLE, Invoked, Values
from backend_expert.readers.source_code.operations import Entry, Passed, Remote, public_path
from backend_expert.readers.source_code.program import File, Program, line_of, text_of

TYPE_LIMIT = 4
"""Most names that are followed from what is sent to what made it."""

_VERB = re.compile(r"\[Http(?P<verb>Get|Post|Put|Delete|Patch)\]")
_MINIMAL = re.compile(r"Map(?P<verb>Get|Post|Put|Delete|Patch)")
_HANDLER = re.compile(r"\bclass\s+\w+[^{;]{0,600}?\b(?P<kind>\w*Handler|IConsumer)<\s*(?:\w+\.)*(?P<type>\w+)")
_BUS = re.compile(r"(?i)(.*\.)?\w*(bus|publishEndpoint|sendEndpoint|messageSession)\.(Publish|Send)")
_MEDIATOR = re.compile(r"(?i)(.*\.)?\w*(mediator|sender|dispatcher)\.Send(Async)?")
_MADE = re.compile(
    r"(?:await\s+)?new\s+(?:\w+\.)*(\w+)|"
    r".*\.(?:Adapt|Map|MapTo|To)<(?:[\w.]+,\s*)?(?:\w+\.)*(\w+)>\s*\([^()]*\)$",
    re.DOTALL,
)


def entries(program: Program, values: Values, reader: str) -> Iterator[Entry]:
    """Yield the actions of controllers, the routes of minimal APIs, and what takes messages."""
    conventional = {file.path for file in program.files if re.search(r"\{controller\b", file.text)}
    for file in program.files:
        by_convention = any(file.path.startswith(f"{path.rpartition('/')[0]}/") for path in conventional)
        for node, call in file.calls:
            evidence = (Evidence(file.path, line_of(node), reader),)
            if (verb := _VERB.fullmatch(call.function)) is not None:
                yield from _action(node, call, verb["verb"].upper(), file, values, by_convention, evidence)
            elif (mapped := _MINIMAL.fullmatch(call.last)) is not None and len(call.arguments) >= 2:
                path, handler = values.text(call.arguments[0]), call.arguments[1]
                if HOLE not in path:
                    inline = handler if handler.type == "lambda_expression" else None
                    function = "" if inline is not None else text_of(handler).rpartition(".")[2]
                    name = f"{mapped['verb'].upper()} {public_path(_group(call, program, values), path)}"
                    yield Entry("http", name, file, evidence, inline, function)
            elif call.last in {"BasicConsume", "BasicConsumeAsync"}:
                queue = values.text(call.argument("queue", 0))
                automatic = text_of(call.argument("autoAck", 1)) == "true"
                body = program.function(node)
                if HOLE not in queue and "$" not in queue and body is not None:
                    yield Entry("message", queue, file, evidence, body, protocol="amqp", acknowledge="auto" if automatic else None)
        for match, body in _handlers(file):
            if match["kind"] == "IConsumer":
                evidence = (Evidence(file.path, file.text.count("\n", 0, match.start()) + 1, reader),)
                yield Entry("message", match["type"], file, evidence, body=body, protocol="amqp")


def published(program: Program, values: Values, reader: str) -> Iterator[Remote]:
    """Yield the messages that are sent; MassTransit names their channel after their type (MassTransit, "Message Topology")."""
    for file in program.files:
        for node, call in file.calls:
            evidence = (Evidence(file.path, line_of(node), reader),)
            if call.last in {"BasicPublish", "BasicPublishAsync"}:
                exchange, key = (values.text(call.argument(*place)) for place in (("exchange", 0), ("routingKey", 1)))
                exchange, key = ("" if HOLE in text or "$" in text else text for text in (exchange, key))
                yield Remote(file, node, evidence, "amqp", exchange=exchange, channel=key)
            elif _BUS.fullmatch(call.function) and call.arguments:
                yield Remote(file, node, evidence, "amqp", channel=_type(call.arguments[0], node, program))


def mediated(program: Program) -> Iterator[Passed]:
    """Yield the calls of a mediator with the one handler of what they send (MediatR and those like it)."""
    handlers: dict[str, list[tuple[File, Node]]] = {}
    for file in program.files:
        for match, body in _handlers(file):
            if match["kind"] != "IConsumer":
                handlers.setdefault(match["type"], []).append((file, body))
    for file in program.files:
        for node, call in file.calls if handlers else ():
            if _MEDIATOR.fullmatch(call.function) and call.arguments:
                found = handlers.get(_type(call.arguments[0], node, program), [])
                if len(found) == 1:
                    yield Passed(file, node, *found[0])


def _handlers(file: File) -> Iterator[tuple[re.Match[str], Node]]:
    """Yield the classes that handle something, each with the method that does."""
    for match in _HANDLER.finditer(file.text):
        place = len(file.text[: match.start()].encode())
        names = {"Consume"} if match["kind"] == "IConsumer" else {"Handle", "HandleAsync"}
        own = (node for node in file.functions if node.start_byte > place and text_of(node.child_by_field_name("name")) in names)
        body = next(own, None)
        if body is not None:
            yield match, body


def _type(value: Node, node: Node, program: Program, depth: int = 0) -> str:
    """Return the type of what is sent, as what made it or a declaration says it; empty where neither does."""
    text = text_of(value)
    made = _MADE.match(text)
    if made is not None:
        return made[1] or made[2]
    if not re.fullmatch(r"\w+", text) or depth > TYPE_LIMIT:
        return ""
    types = {_type(each, node, program, depth + 1) for each in program.assigned(text, node)}
    if types:
        return types.pop() if len(types) == 1 else ""
    function = program.function(node)
    declared = re.findall(rf"\b([A-Z]\w*)\s+{text}\s*[,)]", text_of(function)) if function is not None else []
    return declared[0] if len(set(declared)) == 1 else ""


def _action(
    node: Node, call: Invoked, verb: str, file: File, values: Values, by_convention: bool, evidence: tuple[Evidence, ...]
) -> Iterator[Entry]:
    """Yield the route of one action: its own path below that of the controller, or both names where routes go by convention."""
    method = node.parent.parent if node.parent is not None else None
    holder = method.parent.parent if method is not None and method.parent is not None else None
    if method is None or method.type != "method_declaration" or holder is None:
        return
    name = text_of(holder.child_by_field_name("name")).removesuffix("Controller")
    action = text_of(method.child_by_field_name("name")).removesuffix("Async")
    prefix, own = _route(holder, values), values.text(call.argument(0)) if call.arguments else _route(method, values)
    if HOLE in f"{prefix}{own}":
        return
    # A path that begins with a slash is that of the action alone (ASP.NET Core, "Routing to controller actions").
    path = public_path("" if own.startswith(("/", "~/")) else prefix, own.lstrip("~"))
    if by_convention and not prefix and not own:
        path = public_path("", f"{name}/{action}")
    path = path.replace("[controller]", name.lower()).replace("[action]", action.lower())
    yield Entry("http", f"{verb} {path}", file, evidence, body=method)


def _route(declaration: Node, values: Values) -> str:
    """Return the path in the `[Route]` of a class or method."""
    for attributes in declaration.named_children:
        for attribute in attributes.named_children if attributes.type == "attribute_list" else ():
            call = values.call(attribute)
            if call is not None and call.function == "[Route]" and call.arguments:
                return values.text(call.arguments[0])
    return ""


def _group(call: Invoked, program: Program, values: Values) -> str:
    """Return the prefix of the group that a minimal route hangs on."""
    for value in program.assigned(text_of(call.receiver), call.receiver) if call.receiver is not None else ():
        made = values.call(value)
        while made is not None and made.last != "MapGroup" and made.receiver is not None:
            made = values.call(made.receiver)
        if made is not None and made.last == "MapGroup" and made.arguments:
            prefix = values.text(made.arguments[0])
            return prefix if HOLE not in prefix else ""
    return ""
