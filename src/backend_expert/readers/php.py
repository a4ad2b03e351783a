"""Read PHP: curl, Guzzle, PDO and the environment with its defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import structs
from tree_sitter import Node

from backend_expert.model import UNKNOWN_POLICY, Evidence, Mechanism, Policy
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.php_routes import routes
from backend_expert.readers.repository import Repository
from backend_expert.readers.source_code.clients import Client, mentions, remotes
from backend_expert.readers.source_code.expressions import (
    ENVIRONMENT_HELPER,
    Expression,
    Fallback,
    Invoked,
    Joined,
    Literal,
    Name,
    Same,
    Unknown,
    Values,
)
from backend_expert.readers.source_code.facts import Fact
from backend_expert.readers.source_code.grpc import contracts
from backend_expert.readers.source_code.homes import homes, undescribed
from backend_expert.readers.source_code.operations import programs_of
from backend_expert.readers.source_code.program import Binding, File, content_of, program_of, text_of

READER = "php"

_WORTH = re.compile(
    r"://|getenv|env\(|_ENV|_SERVER|curl_|Guzzle|PDO|mysqli|Redis|AMQP|Predis|const |host=|Route|class \w+Controller|(?i:timeout)"
)

_CURL = "curl url"
CLIENTS = (
    Client(function=r"curl_init", key=_CURL, address=(0,)),
    Client(function=r"(\\?GuzzleHttp\\)?Client", key="Guzzle url", address=("base_uri",), timeout=("timeout",)),
    Client(function=r"file_get_contents|fopen", key="http url", address=(0,)),
    Client(function=r"\\?PDO", key="pdo dsn", address=(0,)),
    Client(function=r"\\?mysqli|mysqli_connect", key="mysql host", address=(0,)),
    Client(function=r"(\$\w+(->\w+)*->)p?connect", key="redis host", address=(0,), port=(1,)),
    Client(function=r"(\w*\\)*AMQPStreamConnection", key="rabbitmq host", address=(0,), port=(1,)),
)
_OTHER_CLIENT = re.compile(r"Guzzle|HttpClient|Http::|SoapClient|fsockopen|file_get_contents")
_TIMEOUT = re.compile(r"CURLOPT_(CONNECT)?TIMEOUT|default_socket_timeout")


class Php:
    """The grammar of PHP."""

    query = """
        (function_call_expression) @call (member_call_expression) @call (scoped_call_expression) @call
        (object_creation_expression) @call (subscript_expression) @call
        (string) @text (encapsed_string) @text
        (assignment_expression) @bind (property_element) @bind (const_element) @bind (simple_parameter) @bind
        (array_element_initializer) @bind
    """
    functions = frozenset({"method_declaration", "function_definition", "anonymous_function", "arrow_function"})

    def language(self) -> Any:
        """Return the compiled grammar."""
        import tree_sitter_php

        return tree_sitter_php.language_php()

    def shape(self, node: Node) -> Expression:
        """Return the form of an expression."""
        match node.type:
            case "string":
                return Literal(content_of(node, "string_content", "escape_sequence"))
            case "encapsed_string":
                return Joined(tuple(text_of(child) if child.type == "string_content" else child for child in node.named_children))
            case "integer" | "float" | "null":
                return Literal(text_of(node))
            case "binary_expression":
                return _operation(node)
            case "conditional_expression":
                first = node.child_by_field_name("body") or node.child_by_field_name("condition")
                return Fallback((first, node.child_by_field_name("alternative")))
            case "parenthesized_expression" | "argument" | "cast_expression" if node.named_children:
                return Same(node.named_children[-1])
            case (
                "variable_name"
                | "member_access_expression"
                | "class_constant_access_expression"
                | "scoped_property_access_expression"
            ):
                return Name(_name(node))
            case "subscript_expression":
                return _indexed(node)
            case "function_call_expression" | "member_call_expression" | "scoped_call_expression" | "object_creation_expression":
                return _call(node)
            case _:
                return Unknown()

    def bindings(self, node: Node) -> Iterator[Binding]:
        """Yield what an assignment, property, constant or default of a parameter assigns."""
        match node.type:
            case "assignment_expression":
                name, value = node.child_by_field_name("left"), node.child_by_field_name("right")
            case "property_element" | "simple_parameter":
                name, value = node.child_by_field_name("name"), node.child_by_field_name("default_value")
            case _ if len(node.named_children) == 2 and node.type == "const_element":
                name, value = node.named_children[0], node.named_children[1]
            case _:
                return
        if name is not None and value is not None and name.type in {"variable_name", "member_access_expression", "name"}:
            text = f"self::{text_of(name)}" if node.type == "const_element" else _name(name)
            local = name.type == "variable_name" and node.type != "property_element"
            yield Binding(f".{text.lstrip('$')}" if node.type == "property_element" else text, value, local)

    def environment(self, call: Invoked) -> tuple[Node, Node | None] | None:
        """Return name and default of `getenv`, `env`, `$_ENV[…]` and `$_SERVER[…]`."""
        if call.arguments and (
            call.function in {"getenv", "\\getenv", "env", "$_ENV[]", "$_SERVER[]"} or ENVIRONMENT_HELPER.fullmatch(call.last)
        ):
            return call.arguments[0], call.argument(1) if call.function != "getenv" else None
        return None


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment with what the PHP files say of calls."""
    grammar = Php()
    program = program_of(grammar, repository, ".php", _WORTH)
    if not program.files:
        return
    values = Values(grammar.shape, program.assigned, grammar.environment)
    facts: list[Fact] = []
    waits = _waits(repository, program.files)
    home = homes(repository, program.files)
    for each in mentions(program, grammar, values, CLIENTS, READER):
        bare = waits.get(home[each.evidence[0].file], ()) if each.policy == UNKNOWN_POLICY and "http" in each.text else ()
        policy = Policy(absent=(Mechanism.TIMEOUT,), evidence=each.evidence if each.key == _CURL else bare)
        facts.append(structs.replace(each, policy=policy) if bare else each)
    facts.extend(contracts(program.files, home, READER))
    facts.extend(undescribed(repository, program.files, home, READER))
    called = remotes(program, values, CLIENTS, READER)
    code = tuple(programs_of(home, program.files, routes(program, values, repository, READER), called, READER))
    yield Fragment(reader=READER, facts=tuple(facts), code=code, files=tuple(file.path for file in program.files))


def _waits(repository: Repository, files: Sequence[File]) -> dict[str, tuple[Evidence, ...]]:
    """Return, by program, where curl is begun, if the program knows no timeout and no other client: then each of its calls may wait.

    curl waits for ever unless told otherwise (libcurl manual, CURLOPT_TIMEOUT: default 0).
    """
    home = homes(repository, files)
    found: dict[str, tuple[Evidence, ...]] = {}
    for directory in sorted(set(home.values())):
        own = [file for file in files if home[file.path] == directory]
        if not any(_TIMEOUT.search(file.text) or _OTHER_CLIENT.search(file.text) for file in own):
            found[directory] = tuple(
                Evidence(file.path, file.text.count("\n", 0, match.start()) + 1, READER)
                for file in own
                for match in re.finditer(r"\bcurl_init\s*\(", file.text)
            )
    return found


def _operation(node: Node) -> Expression:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = text_of(node.child_by_field_name("operator"))
    if operator == ".":
        return Joined((left, right))
    return Fallback((left, right)) if operator in {"??", "||", "or"} else Unknown()


def _indexed(node: Node) -> Expression:
    given = node.named_children
    if len(given) == 2 and text_of(given[0]) in {"$_ENV", "$_SERVER"}:
        return Invoked(f"{text_of(given[0])}[]", None, (given[1],), {})
    return Name(text_of(node)[:120])


def _call(node: Node) -> Expression:
    given = next((child for child in node.named_children if child.type == "arguments"), None)
    receiver = node.child_by_field_name("object")
    match node.type:
        case "object_creation_expression":
            name = text_of(node.named_children[0]) if node.named_children else ""
        case "function_call_expression":
            name = text_of(node.child_by_field_name("function"))
        case "member_call_expression":
            name = f"{text_of(receiver)}->{text_of(node.child_by_field_name('name'))}"
        case _:
            name = f"{text_of(node.child_by_field_name('scope'))}::{text_of(node.child_by_field_name('name'))}"
    arguments = [child.named_children[-1] for child in given.named_children if child.named_children] if given is not None else []
    named = {}
    for argument in arguments:
        for element in argument.named_children if argument.type == "array_creation_expression" else ():
            if len(element.named_children) == 2:
                named[text_of(element.named_children[0]).strip("'\"")] = element.named_children[1]
    return Invoked(name[:200], receiver, tuple(arguments), named)


def _name(node: Node) -> str:
    return re.sub(r"^\$this->|^static::", ".", text_of(node))[:120]
