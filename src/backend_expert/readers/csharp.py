"""Read C#: HTTP and gRPC clients, stores and brokers, the environment and the keys of `appsettings.json`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import structs
from tree_sitter import Node

from backend_expert.model import UNKNOWN_POLICY
from backend_expert.readers.csharp_programs import entries, mediated, published
from backend_expert.readers.csharp_projects import parts
from backend_expert.readers.fragment import Fragment
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
from backend_expert.readers.source_code.program import Binding, content_of, program_of, text_of

READER = "csharp"

_WORTH = re.compile(
    r"://|Environment|onfiguration|HttpClient|Grpc|Redis|Multiplexer|Connection|Mongo|UseSql|UseNpgsql|UseMySql|Config|const string|"
    r"Http(?:Get|Post|Put|Delete|Patch)|Map(?:Get|Post|Put|Delete|Patch|Group)|Consumer|Handler<|Handle\(|Publish|Basic(?:Consume|Publish)|"
    r"(?i:timeout|deadline)|\{controller\b"
)

CLIENTS = (
    Client(
        function=r"(\w+\.)*\w*[cC]lient\w*\.(Get|Post|Put|Delete|Patch|Send)(As(ync|tring|Json|Stream|ByteArray))*\w*",
        key="HttpClient url",
        address=(0,),
        # What HttpClient.Timeout is by default (.NET API reference).
        default_ms=100_000,
    ),
    Client(function=r"GrpcChannel\.ForAddress|new GrpcChannel|Channel", key="grpc channel address", address=(0,)),
    Client(function=r"ConnectionMultiplexer\.Connect(Async)?", key="redis address", address=(0,)),
    Client(function=r"(\w+\.)*(UseNpgsql|UseSqlServer|UseMySql|UseMySQL)", key="database dsn", address=(0,)),
    Client(function=r"(Npgsql|MySql|Sql)Connection", key="database dsn", address=(0,)),
    Client(function=r"MongoClient", key="mongodb url", address=(0,)),
    Client(function=r"ConnectionFactory", key="rabbitmq host", address=("HostName", "Uri"), port=("Port",)),
    Client(function=r"(Producer|Consumer)Config", key="kafka bootstrap servers", address=("BootstrapServers",)),
)


_LIMITED = re.compile(r"(?i)timeout|polly|resilience")
"""Words of programs that may have set another timeout than the default."""


class CSharp:
    """The grammar of C#."""

    query = """
        (invocation_expression) @call (object_creation_expression) @call (element_access_expression) @call
        (attribute) @call
        (string_literal) @text (verbatim_string_literal) @text (interpolated_string_expression) @text
        (variable_declarator) @bind (assignment_expression) @bind (property_declaration) @bind
    """
    functions = frozenset({"method_declaration", "constructor_declaration", "local_function_statement"})

    def language(self) -> Any:
        """Return the compiled grammar."""
        import tree_sitter_c_sharp

        return tree_sitter_c_sharp.language()

    def shape(self, node: Node) -> Expression:
        """Return the form of an expression."""
        match node.type:
            case "string_literal":
                return Literal(content_of(node, "string_literal_content", "escape_sequence"))
            case "verbatim_string_literal" | "raw_string_literal":
                return Literal(text_of(node).strip('@"'))
            case "interpolated_string_expression":
                return Joined(tuple(_parts(node)))
            case "integer_literal" | "null_literal":
                return Literal(text_of(node))
            case "binary_expression":
                return _operation(node)
            case "conditional_expression":
                return Fallback((node.child_by_field_name("consequence"), node.child_by_field_name("alternative")))
            case "parenthesized_expression" | "argument" | "await_expression" | "cast_expression" if node.named_children:
                return Same(node.named_children[-1])
            case "postfix_unary_expression" if node.named_children:
                return Same(node.named_children[0])
            case "identifier" | "member_access_expression":
                return Name(text_of(node).removeprefix("this."))
            case "element_access_expression":
                return _indexed(node)
            case "attribute":
                return _attribute(node)
            case "invocation_expression" | "object_creation_expression":
                return _call(node)
            case _:
                return Unknown()

    def bindings(self, node: Node) -> Iterator[Binding]:
        """Yield what a declaration, property or assignment assigns."""
        match node.type:
            case "variable_declarator":
                name = node.child_by_field_name("name")
                value = node.named_children[-1] if len(node.named_children) > 1 else None
            case "property_declaration":
                name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            case _:
                name, value = node.child_by_field_name("left"), node.child_by_field_name("right")
        if name is not None and value is not None and name.type in {"identifier", "member_access_expression"}:
            field = text_of(name).startswith("this.")
            yield Binding(text_of(name).removeprefix("this."), value, node.type == "variable_declarator", field)

    def environment(self, call: Invoked) -> tuple[Node, Node | None] | None:
        """Return name and default of the environment and of the configuration, which the environment overrides."""
        if not call.arguments:
            return None
        read = call.last in {"GetEnvironmentVariable", "GetConnectionString", "GetValue", "configuration[]"}
        if read or ENVIRONMENT_HELPER.fullmatch(call.last):
            return call.arguments[0], call.argument(1)
        return None


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment with what the C# files say of calls."""
    grammar = CSharp()
    program = program_of(grammar, repository, ".cs", _WORTH)
    if not program.files:
        return
    values = Values(grammar.shape, program.assigned, grammar.environment)
    libraries = parts(repository)
    home = homes(repository, program.files, libraries)
    unsure = {home[file.path] for file in program.files if _LIMITED.search(file.text)}
    facts: list[Fact] = [
        structs.replace(each, policy=UNKNOWN_POLICY) if home[each.evidence[0].file] in unsure else each
        for each in mentions(program, grammar, values, CLIENTS, READER)
    ]
    facts.extend(contracts(program.files, home, READER))
    facts.extend(undescribed(repository, program.files, home, READER))
    facts = [structs.replace(each, directory=_owner(each.directory, libraries)) for each in facts]
    called = [
        structs.replace(each, policy=UNKNOWN_POLICY) if home[each.file.path] in unsure else each
        for each in remotes(program, values, CLIENTS, READER)
    ]
    called.extend(published(program, values, READER))
    begun = entries(program, values, READER)
    code = tuple(programs_of(home, program.files, begun, called, READER, passed=mediated(program)))
    yield Fragment(reader=READER, facts=tuple(facts), code=code, files=tuple(file.path for file in program.files))


def _owner(directory: str, libraries: dict[str, str]) -> str:
    """Return the directory that a fact speaks for: that of the program which the library around it is a part of, else its own."""
    around = directory
    while around not in libraries and around not in {"", "."}:
        around = around.rpartition("/")[0]
    return libraries.get(around, directory)


def _attribute(node: Node) -> Expression:
    given = next((child for child in node.named_children if child.type == "attribute_argument_list"), None)
    arguments = (
        tuple(child.named_children[-1] for child in given.named_children if child.named_children) if given is not None else ()
    )
    return Invoked(f"[{text_of(node.child_by_field_name('name'))}]", None, arguments, {})


def _parts(node: Node) -> Iterator[str | Node | None]:
    for child in node.named_children:
        if child.type == "string_content":
            yield text_of(child)
        elif child.type == "interpolation":
            inner = [each for each in child.named_children if each.type != "interpolation_brace"]
            yield inner[0] if inner else None


def _operation(node: Node) -> Expression:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    match text_of(node.child_by_field_name("operator")) or _between(node):
        case "+":
            return Joined((left, right))
        case "??":
            return Fallback((left, right))
        case _:
            return Unknown()


def _between(node: Node) -> str:
    """Return the operator where the grammar gives it no name."""
    return next((text_of(child) for child in node.children if not child.is_named), "")


def _indexed(node: Node) -> Expression:
    """Return `configuration["A:B"]` as a read of the configuration, anything else as a name."""
    holder, given = node.child_by_field_name("expression"), node.child_by_field_name("subscript")
    if given is not None and given.named_children and re.search(r"(?i)config", text_of(holder)):
        return Invoked("configuration[]", None, (given.named_children[0],), {})
    return Name(text_of(node)[:120])


def _call(node: Node) -> Expression:
    given = node.child_by_field_name("arguments")
    receiver = None
    if node.type == "object_creation_expression":
        name = text_of(node.child_by_field_name("type"))
    else:
        function = node.child_by_field_name("function")
        name = re.sub(r"<[^<>]*>", "", text_of(function))
        if function is not None and function.type == "member_access_expression":
            receiver = function.child_by_field_name("expression")
            if receiver is not None and receiver.type not in {"identifier", "member_access_expression"}:
                name = re.sub(r"<[^<>]*>", "", text_of(function.child_by_field_name("name")))
    arguments = (
        tuple(child.named_children[-1] for child in given.named_children if child.named_children) if given is not None else ()
    )
    named = {}
    for child in given.named_children if given is not None else ():
        if (label := child.child_by_field_name("name")) is not None and child.type == "argument":
            named[text_of(label)] = child.named_children[-1]
    body = node.child_by_field_name("initializer")
    for each in body.named_children if body is not None else ():
        left, right = each.child_by_field_name("left"), each.child_by_field_name("right")
        if left is not None and right is not None:
            named[text_of(left)] = right
    return Invoked(name, receiver, arguments, named)
