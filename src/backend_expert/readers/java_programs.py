"""What starts the operations of Spring programs, and the messages that they send."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tree_sitter import Node

from backend_expert.model import Evidence
from backend_expert.readers.source_code.expressions import HOLE, Values
from backend_expert.readers.source_code.operations import Entry, Remote, public_path
from backend_expert.readers.source_code.program import Program, line_of, text_of
from backend_expert.readers.source_code.spring import module_of, resolved

_MAPPINGS = {
    "@GetMapping": "GET",
    "@PostMapping": "POST",
    "@PutMapping": "PUT",
    "@DeleteMapping": "DELETE",
    "@PatchMapping": "PATCH",
    "@RequestMapping": "",
}
_LISTENERS = {
    "@RabbitListener": (("queues", "queuesToDeclare"), "amqp"),
    "@KafkaListener": (("topics", "topicPattern"), "kafka"),
    "@JmsListener": (("destination",), "amqp"),
}


def entries(program: Program, values: Values, properties: Mapping[str, Mapping[str, str]], reader: str) -> Iterator[Entry]:
    """Yield the routes of Spring controllers and the queues, topics and schedules of listeners."""
    for file in program.files:
        known = properties.get(module_of(file.path), {})
        for node, call in file.calls:
            body = node.parent.parent if call.function.startswith("@") and node.parent is not None else None
            if body is None or body.type != "method_declaration":
                continue
            evidence = (Evidence(file.path, line_of(node), reader),)
            if call.function in _MAPPINGS:
                holder = body.parent.parent if body.parent is not None else None
                if holder is None or holder.type != "class_declaration":
                    continue
                verb = _MAPPINGS[call.function] or _verb(text_of(call.argument("method")))
                for prefix in _texts(_mapping(holder, values), values):
                    for path in _texts(call.argument("value", "path", 0), values):
                        yield Entry("http", f"{verb} {public_path(prefix, path)}", file, evidence, body=body)
            elif call.function in _LISTENERS:
                places, protocol = _LISTENERS[call.function]
                for text in _texts(call.argument(*places), values):
                    name = resolved(text, known)
                    if re.fullmatch(r"[\w.:/-]+", name):
                        yield Entry("message", name, file, evidence, body=body, protocol=protocol)
            elif call.function == "@Scheduled":
                yield Entry("schedule", text_of(body.child_by_field_name("name")), file, evidence, body=body)


def published(program: Program, values: Values, reader: str) -> Iterator[Remote]:
    """Yield the messages that the templates of Spring send."""
    for file in program.files:
        for node, call in file.calls:
            evidence = (Evidence(file.path, line_of(node), reader),)
            texts = [
                text if HOLE not in text and "$" not in text else "" for text in (values.text(each) for each in call.arguments[:2])
            ]
            if call.last == "convertAndSend" and re.search(r"(?i)rabbit|amqp", call.function) and len(call.arguments) >= 2:
                exchange = texts[0] if len(call.arguments) > 2 else ""
                channel = texts[1] if len(call.arguments) > 2 else texts[0]
                yield Remote(file, node, evidence, "amqp", exchange=exchange, channel=channel)
            elif call.last == "send" and re.search(r"(?i)kafka", call.function) and call.arguments:
                yield Remote(file, node, evidence, "kafka", channel=texts[0])


def _mapping(holder: Node, values: Values) -> Node | None:
    """Return the path that the class of a controller puts before those of its methods."""
    modifiers = next((child for child in holder.named_children if child.type == "modifiers"), None)
    for each in modifiers.named_children if modifiers is not None else ():
        call = values.call(each) if each.type == "annotation" else None
        if call is not None and call.function == "@RequestMapping":
            return call.argument("value", "path", 0)
    return None


def _texts(node: Node | None, values: Values) -> tuple[str, ...]:
    """Return the texts of an attribute of an annotation, which may be one or several."""
    if node is None:
        return ("",)
    given = node.named_children if node.type == "element_value_array_initializer" else [node]
    return tuple(text for text in (values.text(each) for each in given) if text != HOLE)


def _verb(text: str) -> str:
    found = re.findall(r"\b(GET|POST|PUT|DELETE|PATCH)\b", text)
    return found[0] if len(found) == 1 else "ALL"
