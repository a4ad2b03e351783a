"""Read Python: the peers that services, stores and brokers are called at, with the timeouts that are really passed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tree_sitter import Node

from backend_expert.model import Evidence
from backend_expert.readers.code import Queue
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.python_routes import routes
from backend_expert.readers.repository import Repository
from backend_expert.readers.source_code.clients import Client, mentions, remotes
from backend_expert.readers.source_code.expressions import (
    ENVIRONMENT_HELPER,
    HOLE,
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
from backend_expert.readers.source_code.operations import Entry, Remote, programs_of
from backend_expert.readers.source_code.program import Binding, File, Program, line_of, program_of, text_of

READER = "python"

_WORTH = re.compile(
    r"environ|getenv|config|://|Stub\(|_to_server|connect|Client|Producer|Consumer|requests|Redis|channel|Parameters|"
    r"@[\w.]+\.(?:route|get|post|put|delete|patch|head|api_route)\(|include_router|register_blueprint|"
    r"urlpatterns|(?i:timeout)"
)

_VERBS = "(get|post|put|patch|delete|head|options)"

CLIENTS = (
    # requests waits for ever unless told otherwise (Requests documentation, "Timeouts").
    Client(function=rf"requests\.{_VERBS}", key="requests url", address=(0, "url"), timeout=("timeout",)),
    Client(function=r"requests\.request", key="requests url", address=(1, "url"), timeout=("timeout",)),
    # httpx gives up after 5 s of silence by default (HTTPX documentation, "Timeout Configuration").
    Client(
        function=r"httpx\.(get|post|put|patch|delete|head|options|stream)",
        key="httpx url",
        address=(0, "url"),
        timeout=("timeout",),
        default_ms=5_000,
    ),
    Client(function=r"httpx\.(request)", key="httpx url", address=(1, "url"), timeout=("timeout",), default_ms=5_000),
    Client(function=r"httpx\.(Async)?Client", key="httpx url", address=("base_url",), timeout=("timeout",), default_ms=5_000),
    Client(function=r"(urllib\.request\.|request\.)?urlopen", key="urlopen url", address=(0, "url"), timeout=(2, "timeout")),
    Client(
        function=rf".*\.{_VERBS}", made_by=r"(requests\.)?Session", key="requests url", address=(0, "url"), timeout=("timeout",)
    ),
    Client(
        function=rf".*\.{_VERBS}",
        made_by=r"(httpx\.)(Async)?Client|AsyncClient",
        key="httpx url",
        address=(0, "url"),
        timeout=("timeout",),
        default_ms=5_000,
    ),
    # aiohttp gives up after five minutes by default (aiohttp documentation, "Client Quickstart", Timeouts).
    Client(
        function=rf".*\.{_VERBS}",
        made_by=r"(aiohttp\.)?ClientSession",
        key="aiohttp url",
        address=(0, "url"),
        timeout=("timeout",),
        default_ms=300_000,
    ),
    Client(
        function=rf"(\w+\.)*(session|client|http_client|http|sess|s|cli)\.{_VERBS}",
        key="http client url",
        address=(0, "url"),
    ),
    Client(function=r"(aiohttp\.)?ClientSession", key="aiohttp url", address=("base_url", 0)),
    Client(
        function=r"(http\.client\.)?HTTPS?Connection",
        key="http connection host",
        address=(0, "host"),
        port=(1, "port"),
        scheme="http",
        timeout=("timeout",),
    ),
    Client(function=r"(grpc\.)?(aio\.)?(insecure|secure)_channel", key="grpc channel address", address=(0, "target")),
    Client(
        function=r"(pymongo\.|motor\.\w+\.)?(AsyncIO)?(Motor|Mongo)Client",
        key="MongoClient host",
        address=(0, "host"),
        port=(1, "port"),
    ),
    Client(function=r"(redis\.|aioredis\.)?(asyncio\.)?(Strict)?Redis", key="Redis host", address=("host", 0), port=("port", 1)),
    Client(function=r"(\w+\.)*(from_url|create_redis_pool)", key="redis url", address=(0, "url")),
    Client(function=r"(sqlalchemy\.)?create_(async_)?engine", key="create_engine url", address=(0, "url")),
    Client(
        function=r"(psycopg2?|asyncpg|pymysql|MySQLdb|mysql\.connector|aiomysql)\.(connect|create_pool)",
        key="database host",
        address=("host", "dsn", "conninfo", 0),
        port=("port",),
    ),
    Client(function=r"(pika\.)?ConnectionParameters", key="rabbitmq host", address=("host", 0), port=("port", 1)),
    Client(
        function=r"(pika\.)?URLParameters|(aio_pika\.)connect(_robust)?|(kombu\.)?Connection",
        key="amqp url",
        address=(0, "url", "host"),
    ),
    Client(
        function=r"(kafka\.|aiokafka\.)?(AIO)?Kafka(Producer|Consumer|AdminClient)",
        key="kafka bootstrap servers",
        address=("bootstrap_servers",),
    ),
    Client(function=r"Celery", key="celery broker", address=("broker",)),
    Client(function=r"(pymemcache\.\w+\.)?(Pooled)?MemcacheClient", key="memcached server", address=(0,)),
    Client(function=r"(elasticsearch\.)?(Async)?(Elasticsearch|OpenSearch)", key="elasticsearch hosts", address=(0, "hosts")),
)


class Python:
    """The grammar of Python."""

    query = """
        (call) @call (subscript) @call
        (string) @text
        (assignment) @bind (as_pattern) @bind (default_parameter) @bind (typed_default_parameter) @bind (keyword_argument) @bind
    """
    functions = frozenset({"function_definition", "lambda"})

    def language(self) -> Any:
        """Return the compiled grammar."""
        import tree_sitter_python

        return tree_sitter_python.language()

    def shape(self, node: Node) -> Expression:
        """Return the form of an expression."""
        match node.type:
            case "string":
                return Joined(tuple(_parts(node)))
            case "concatenated_string":
                return Joined(tuple(node.named_children))
            case "integer" | "float" | "none":
                return Literal(text_of(node))
            case "binary_operator":
                return _operation(node)
            case "boolean_operator" if text_of(node.child_by_field_name("operator")) == "or":
                return Fallback((node.child_by_field_name("left"), node.child_by_field_name("right")))
            case "conditional_expression" if len(node.named_children) == 3:
                return Fallback((node.named_children[0], node.named_children[2]))
            case "parenthesized_expression" | "await" | "list" | "tuple" if len(node.named_children) == 1:
                return Same(node.named_children[0])
            case "identifier":
                return Name(text_of(node))
            case "attribute":
                return Name(_name(node))
            case "subscript":
                return _subscript(node)
            case "call":
                return _call(node)
            case _:
                return Unknown()

    def bindings(self, node: Node) -> Iterator[Binding]:
        """Yield what an assignment, a default of a parameter or a named argument of `update(X=…)` assigns."""
        name: Node | None
        value: Node | None
        match node.type:
            case "as_pattern" if len(node.named_children) == 2 and node.named_children[1].named_children:
                name, value = node.named_children[1].named_children[0], node.named_children[0]
            case "assignment":
                name, value = node.child_by_field_name("left"), node.child_by_field_name("right")
            case "default_parameter" | "typed_default_parameter":
                name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            case _:
                return
        if name is None or value is None or name.type not in {"identifier", "attribute", "subscript"}:
            return
        yield Binding(_name(name), value, name.type == "identifier")

    def environment(self, call: Invoked) -> tuple[Node, Node | None] | None:
        """Return name and default of `os.getenv`, `os.environ[…]`, decouple's `config` and the helpers that people write."""
        if not call.arguments:
            return None
        default = call.argument("default", 1)
        if call.function in {"os.getenv", "getenv", "os.environ.get", "environ.get", "os.environ.setdefault"}:
            return call.arguments[0], default
        if call.function in {"os.environ", "environ"} or (
            call.function == "config" and ("default" in call.named or "cast" in call.named)
        ):
            return call.arguments[0], default
        if ENVIRONMENT_HELPER.fullmatch(call.last) and call.last not in {"env", "environment"}:
            return call.arguments[0], default
        return None


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment with what the Python files say of calls."""
    grammar = Python()
    program = program_of(grammar, repository, ".py", _WORTH)
    values = Values(grammar.shape, program.assigned, grammar.environment)
    facts: list[Fact] = list(mentions(program, grammar, values, CLIENTS, READER))
    home = homes(repository, program.files)
    facts.extend(contracts(program.files, home, READER))
    facts.extend(undescribed(repository, program.files, home, READER))
    if program.files:
        called = (*remotes(program, values, CLIENTS, READER), *_published(program, values))
        queues = tuple(_declared(program, values))
        code = tuple(programs_of(home, program.files, _entries(program, values), called, READER, queues))
        yield Fragment(reader=READER, facts=tuple(facts), code=code, files=tuple(file.path for file in program.files))


def _entries(program: Program, values: Values) -> Iterator[Entry]:
    """Yield the routes, and the queues and topics that functions take messages from."""
    yield from routes(program, values, READER)
    for file in program.files:
        for node, call in file.calls:
            evidence = (Evidence(file.path, line_of(node), READER),)
            if call.last == "basic_consume":
                queue = values.text(call.argument("queue", 0))
                function = text_of(call.argument("on_message_callback", "consumer_callback", 1)).rpartition(".")[2]
                automatic = text_of(call.argument("auto_ack", "no_ack")) == "True"
                if HOLE not in queue:
                    yield Entry(
                        "message",
                        queue,
                        file,
                        evidence,
                        function=function,
                        protocol="amqp",
                        acknowledge="auto" if automatic else None,
                    )
            elif call.last in {"KafkaConsumer", "AIOKafkaConsumer"}:
                topic = values.text(call.argument(0))
                body = program.function(node)
                if HOLE not in topic and topic and body is not None:
                    yield Entry("message", topic, file, evidence, body=body, protocol="kafka")


def _published(program: Program, values: Values) -> Iterator[Remote]:
    """Yield the messages that pika and the clients of Kafka send."""
    for file in program.files:
        for node, call in file.calls:
            evidence = (Evidence(file.path, line_of(node), READER),)
            if call.last == "basic_publish":
                exchange, key = values.text(call.argument("exchange", 0)), values.text(call.argument("routing_key", 1))
                yield Remote(
                    file,
                    node,
                    evidence,
                    "amqp",
                    exchange=_known(exchange),
                    channel=_known(key),
                    confirmed=_confirmed(file),
                    persistent=_persistent(call.argument("properties", 3)),
                )
            elif call.last in {"send", "send_and_wait", "produce"} and re.search(r"(?i)producer", call.function):
                yield Remote(file, node, evidence, "kafka", channel=_known(values.text(call.argument(0, "topic"))))


def _confirmed(file: File) -> bool | None:
    """Tell whether the channels that a file opens confirm what is published; unknown where it opens none."""
    called = {call.last for _, call in file.calls}
    return True if "confirm_delivery" in called else False if "channel" in called else None


def _persistent(properties: Node | None) -> bool | None:
    """Tell whether a message outlives the broker: none or no mode is transient, properties that stand elsewhere are unknown."""
    text = text_of(properties)
    if properties is not None and not re.match(r"(\w+\.)*BasicProperties\(", text):
        return None
    mode = re.search(r"delivery_mode\s*=\s*([\w.]+)", text)
    return False if mode is None else True if re.search(r"(?i)\b2$|persistent", mode[1]) else None


def _declared(program: Program, values: Values) -> Iterator[Queue]:
    """Yield the queues that pika is told to create."""
    for file in program.files:
        for node, call in file.calls:
            name = values.text(call.argument("queue", 0)) if call.last == "queue_declare" else ""
            if _known(name):
                durable = {"True": True, "False": False, "": False}.get(text_of(call.argument("durable", 2)))
                yield Queue(name=name, durable=durable, evidence=(Evidence(file.path, line_of(node), READER),))


def _known(text: str) -> str:
    return "" if HOLE in text or "$" in text else text


def _parts(node: Node) -> Iterator[str | Node | None]:
    for child in node.named_children:
        if child.type == "string_content":
            yield text_of(child)
        elif child.type == "interpolation":
            yield child.child_by_field_name("expression")


def _operation(node: Node) -> Expression:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = text_of(node.child_by_field_name("operator"))
    if left is None or right is None:
        return Unknown()
    if operator == "+":
        return Joined((left, right))
    if operator == "%":
        given = right.named_children if right.type == "tuple" else [right]
        return Invoked("format", left, tuple(given), {})
    return Unknown()


def _subscript(node: Node) -> Expression:
    """Return `os.environ["X"]` as a read, anything else as a name."""
    value, index = node.child_by_field_name("value"), node.child_by_field_name("subscript")
    if text_of(value) in {"os.environ", "environ"} and index is not None:
        return Invoked(text_of(value), None, (index,), {})
    return Name(_name(node))


def _call(node: Node) -> Expression:
    function, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if function is None or given is None:
        return Unknown()
    receiver = function.child_by_field_name("object") if function.type == "attribute" else None
    name = (
        text_of(function)
        if receiver is None or receiver.type in {"identifier", "attribute"}
        else text_of(function.child_by_field_name("attribute"))
    )
    positional, named = [], {}
    for child in given.named_children:
        if child.type == "keyword_argument":
            value = child.child_by_field_name("value")
            if value is not None:
                named[text_of(child.child_by_field_name("name"))] = value
        elif child.type == "dictionary_splat":
            named["**"] = child
        elif child.type not in {"comment", "list_splat"}:
            positional.append(child)
    return Invoked(name, receiver, tuple(positional), named)


def _name(node: Node) -> str:
    return text_of(node).replace("self.", ".").replace("'", '"')[:120]
