"""Read Go: HTTP and gRPC clients, brokers and stores, the environment with its defaults, keys of configuration files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import structs
from tree_sitter import Node

from backend_expert.model import UNKNOWN_POLICY, Evidence, Mechanism, Policy
from backend_expert.readers.code import Queue
from backend_expert.readers.fragment import Fragment
from backend_expert.readers.go_routes import routes
from backend_expert.readers.repository import Repository
from backend_expert.readers.source_code.clients import Client, mentions, remotes
from backend_expert.readers.source_code.expressions import (
    ENVIRONMENT_HELPER,
    HOLE,
    Expression,
    Invoked,
    Joined,
    Literal,
    Name,
    Same,
    Unknown,
    Values,
)
from backend_expert.readers.source_code.facts import Fact, Mention
from backend_expert.readers.source_code.grpc import contracts
from backend_expert.readers.source_code.homes import homes, undescribed
from backend_expert.readers.source_code.operations import Entry, Remote, programs_of
from backend_expert.readers.source_code.program import Binding, File, Program, content_of, line_of, program_of, text_of

READER = "go"

_WORTH = re.compile(
    r"://|[Ee]nv|http\.|grpc\.|Dial|redis\.|amqp|kafka|sarama|mongo|sql\.Open|memcache|const |"
    r"(?i:timeout|deadline)|Handle|\.(?:GET|POST|PUT|DELETE|PATCH|Get|Post|Put|Delete|Patch|Group|Mount|Route|PathPrefix)\(|Register\w+Server|New\w+Client"
)

_NEW_REQUEST = "http request url"
CLIENTS = (
    # The default client of net/http has no timeout (package documentation of net/http, Client.Timeout: zero means none).
    Client(function=r"http\.(Get|Post|Head|PostForm)", key="http url", address=(0,), timeout=("timeout",)),
    Client(function=r"http\.NewRequest", key=_NEW_REQUEST, address=(1,)),
    Client(function=r"http\.NewRequestWithContext", key="http url", address=(2,)),
    Client(
        function=r".*\.(Get|Post|Head|PostForm)",
        made_by=r"&?http\.Client",
        key="http url",
        address=(0,),
        timeout=("Timeout",),
        unit_ms=1,
    ),
    Client(function=r"(\w+\.)*\w*([cC]lient|[cC]li)\w*\.(Get|Post|Head|PostForm)", key=_NEW_REQUEST, address=(0,)),
    Client(function=r"grpc\.(Dial|NewClient)", key="grpc channel address", address=(0,)),
    Client(function=r"grpc\.DialContext", key="grpc channel address", address=(1,)),
    Client(function=r"(amqp|amqp091|rabbitmq)\.(Dial|DialConfig|DialTLS)", key="amqp url", address=(0,)),
    Client(function=r"sql\.Open|sqlx\.(Connect|Open|MustConnect)", key="database dsn", address=(1,)),
    Client(function=r"(postgres|mysql|sqlserver)\.Open", key="database dsn", address=(0,)),
    Client(function=r"(pgx|pgxpool)\.(Connect|New|ConnectConfig)", key="database dsn", address=(1,)),
    Client(function=r"(mgo|bongo)\.Dial(WithTimeout)?", key="mongodb url", address=(0,)),
    Client(function=r"(\w+\.)*ApplyURI", key="mongodb url", address=(0,)),
    Client(function=r"&?redis\.(Options|UniversalOptions)", key="redis address", address=("Addr",)),
    Client(function=r"redis\.(Dial|ParseURL|DialURL)", key="redis url", address=(1, 0)),
    Client(function=r"memcache\.New", key="memcached address", address=(0,)),
    Client(function=r"sarama\.New(SyncProducer|AsyncProducer|ConsumerGroup|Consumer|Client)", key="kafka brokers", address=(0,)),
    Client(function=r"kafka\.(WriterConfig|ReaderConfig|Writer|Reader)", key="kafka brokers", address=("Brokers", "Addr")),
    Client(function=r"kafka\.(TCP|DialLeader)", key="kafka address", address=(0,)),
    Client(function=r"nats\.Connect", key="nats url", address=(0,)),
)
_UNITS_MS = {"Millisecond": 1, "Second": 1_000, "Minute": 60_000, "Hour": 3_600_000}
_DURATION = re.compile(rf"(?:(?P<before>\d{{1,9}})\s*\*\s*)?time\.(?P<unit>{'|'.join(_UNITS_MS)})(?:\s*\*\s*(?P<after>\d{{1,9}}))?")
"""What Go programs write for a timeout; it counts in milliseconds here."""

_BARE = re.compile(r"http\.DefaultClient|&?http\.Client\{\s*\}|new\(http\.Client\)")
_LIMITED = re.compile(r"Timeout|WithDeadline|NewRequestWithContext|WithContext\(")


class Go:
    """The grammar of Go."""

    query = """
        (call_expression) @call (composite_literal) @call
        (interpreted_string_literal) @text (raw_string_literal) @text
        (short_var_declaration) @bind (assignment_statement) @bind (var_spec) @bind (const_spec) @bind (call_expression) @bind
        (keyed_element) @bind
    """
    functions = frozenset({"function_declaration", "method_declaration"})

    def language(self) -> Any:
        """Return the compiled grammar."""
        import tree_sitter_go

        return tree_sitter_go.language()

    def shape(self, node: Node) -> Expression:
        """Return the form of an expression."""
        match node.type:
            case "interpreted_string_literal" | "raw_string_literal":
                return Literal(
                    content_of(node, "interpreted_string_literal_content", "raw_string_literal_content", "escape_sequence")
                )
            case "int_literal" | "nil":
                return Literal(text_of(node))
            case "binary_expression" if text_of(node.child_by_field_name("operator")) == "+":
                return Joined((node.child_by_field_name("left"), node.child_by_field_name("right")))
            case "binary_expression" | "selector_expression" if (duration := _DURATION.fullmatch(text_of(node))) is not None:
                units = int(duration["before"] or duration["after"] or 1)
                return Literal(str(units * _UNITS_MS[duration["unit"]]))
            case "parenthesized_expression" | "literal_element" | "expression_list" if len(node.named_children) == 1:
                return Same(node.named_children[0])
            case "unary_expression" if (operand := node.child_by_field_name("operand")) is not None:
                return Same(operand)
            case "identifier":
                return Name(text_of(node))
            case "selector_expression" | "index_expression":
                return Name(_name(node))
            case "call_expression":
                return _call(node)
            case "composite_literal":
                return _literal(node)
            case _:
                return Unknown()

    def bindings(self, node: Node) -> Iterator[Binding]:
        """Yield what a declaration or assignment assigns; `mustMapEnv(&s.addr, "ADDR")` assigns as well."""
        match node.type:
            case "short_var_declaration" | "assignment_statement":
                left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
                names = left.named_children if left is not None else []
            case "var_spec" | "const_spec":
                names, right = node.children_by_field_name("name"), node.child_by_field_name("value")
            case "call_expression":
                yield from self._mapped(node)
                return
            case _:
                key, value = (*node.named_children, None, None)[:2]
                if key is not None and value is not None and re.fullmatch(r"\w+", text_of(key)):
                    yield Binding(f".{text_of(key)}", value, False)
                return
        given = right.named_children if right is not None else []
        for name, value in zip(names, given, strict=False):
            if name.type in {"identifier", "selector_expression", "index_expression"}:
                yield Binding(_name(name), value, node.type != "assignment_statement")

    def _mapped(self, node: Node) -> Iterator[Binding]:
        call = self.shape(node)
        if isinstance(call, Invoked) and ENVIRONMENT_HELPER.fullmatch(call.last) and len(call.arguments) >= 2:
            target = call.arguments[0]
            if target.type == "unary_expression" and text_of(target).startswith("&"):
                yield Binding(_name(target.named_children[0]), node, False)

    def environment(self, call: Invoked) -> tuple[Node, Node | None] | None:
        """Return name and default of `os.Getenv`, `os.LookupEnv`, `viper.GetString` and the helpers that people write."""
        if not call.arguments:
            return None
        if call.function in {"os.Getenv", "os.LookupEnv", "syscall.Getenv"}:
            return call.arguments[0], None
        if ENVIRONMENT_HELPER.fullmatch(call.last):
            given = call.arguments[1:] if text_of(call.arguments[0]).startswith("&") else call.arguments
            return (given[0], given[1] if len(given) > 1 else None) if given else None
        return None


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment with what the Go files say of calls."""
    grammar = Go()
    program = program_of(grammar, repository, ".go", _WORTH)
    if not program.files:
        return
    values = Values(grammar.shape, program.assigned, grammar.environment)
    limits = _limits(program.files)
    home = homes(repository, program.files)
    facts: list[Fact] = [_limited(each, limits) for each in mentions(program, grammar, values, CLIENTS, READER)]
    facts.extend(contracts(program.files, home, READER))
    facts.extend(undescribed(repository, program.files, home, READER))
    called = [
        structs.replace(each, policy=limits.get(each.file.directory, each.policy) if each.policy == UNKNOWN_POLICY else each.policy)
        for each in remotes(program, values, CLIENTS, READER)
    ]
    sent = _published(program, values)
    queues = tuple(_declared(program, values))
    begun = (*routes(program, values, READER), *_consumers(program, values))
    code = tuple(programs_of(home, program.files, begun, (*called, *sent), READER, queues))
    yield Fragment(reader=READER, facts=tuple(facts), code=code, files=tuple(file.path for file in program.files))


def _consumers(program: Program, values: Values) -> Iterator[Entry]:
    """Yield the queues that functions take messages from."""
    for file in program.files:
        for node, call in file.calls:
            if call.last in {"Consume", "ConsumeWithContext"} and len(call.arguments) >= 6:
                context = call.last == "ConsumeWithContext"
                queue = values.text(call.arguments[1 if context else 0])
                automatic = text_of(call.arguments[3 if context else 2]) == "true"
                body = program.function(node)
                if HOLE not in queue and body is not None:
                    evidence = (Evidence(file.path, line_of(node), READER),)
                    yield Entry(
                        "message", queue, file, evidence, body=body, protocol="amqp", acknowledge="auto" if automatic else None
                    )


def _published(program: Program, values: Values) -> Iterator[Remote]:
    """Yield the messages that the AMQP client and the clients of Kafka send."""
    for file in program.files:
        for node, call in file.calls:
            evidence = (Evidence(file.path, line_of(node), READER),)
            if call.last in {"Publish", "PublishWithContext"} and len(call.arguments) >= 5:
                given = call.arguments[1:] if call.last == "PublishWithContext" else call.arguments
                exchange, key = (text if HOLE not in text and "$" not in text else "" for text in map(values.text, given[:2]))
                yield Remote(
                    file,
                    node,
                    evidence,
                    "amqp",
                    exchange=exchange,
                    channel=key,
                    confirmed=_confirmed(file),
                    persistent=_persistent(text_of(call.arguments[-1])),
                )
            elif call.function in {"sarama.ProducerMessage", "kafka.Message"} and "Topic" in call.named:
                topic = values.text(call.named["Topic"])
                yield Remote(file, node, evidence, "kafka", channel=topic if HOLE not in topic and "$" not in topic else "")


def _confirmed(file: File) -> bool | None:
    """Tell whether the channels that a file opens confirm what is published; unknown where it opens none."""
    called = {call.last for _, call in file.calls}
    return True if "Confirm" in called else False if "Channel" in called else None


def _persistent(message: str) -> bool | None:
    """Tell whether a message outlives the broker: a literal without a mode is transient, what stands elsewhere is unknown."""
    if not message.startswith("amqp.Publishing{"):
        return None
    mode = re.search(r"DeliveryMode:\s*([\w.]+)", message)
    return False if mode is None else True if mode[1] in {"2", "amqp.Persistent"} else None


def _declared(program: Program, values: Values) -> Iterator[Queue]:
    """Yield the queues that the AMQP client is told to create."""
    for file in program.files:
        for node, call in file.calls:
            name = values.text(call.arguments[0]) if call.last == "QueueDeclare" and len(call.arguments) == 6 else HOLE
            if name and HOLE not in name and "$" not in name:
                durable = {"true": True, "false": False}.get(text_of(call.arguments[1]))
                yield Queue(name=name, durable=durable, evidence=(Evidence(file.path, line_of(node), READER),))


def _limits(files: Sequence[File]) -> dict[str, Policy]:
    """Return, by directory, the policy of requests that go through a client made without a timeout; unsure packages are left out."""
    found: dict[str, Policy] = {}
    for directory in sorted({file.directory for file in files}):
        package = [file for file in files if file.directory == directory]
        made = tuple(
            Evidence(file.path, file.text.count("\n", 0, match.start()) + 1, READER)
            for file in package
            for match in _BARE.finditer(file.text)
        )
        if made and not any(_LIMITED.search(file.text) for file in package):
            found[directory] = Policy(absent=(Mechanism.TIMEOUT,), evidence=made)
    return found


def _limited(mention: Mention, limits: dict[str, Policy]) -> Mention:
    if mention.key != _NEW_REQUEST:
        return mention
    policy = limits.get(mention.directory, UNKNOWN_POLICY)
    if policy == UNKNOWN_POLICY:
        return mention
    return structs.replace(mention, policy=structs.replace(policy, evidence=(*mention.evidence, *policy.evidence)))


def _call(node: Node) -> Expression:
    function, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if function is None or given is None:
        return Unknown()
    receiver = function.child_by_field_name("operand") if function.type == "selector_expression" else None
    name = text_of(function)
    if receiver is not None and receiver.type not in {"identifier", "selector_expression"}:
        name = text_of(function.child_by_field_name("field"))
    # A package is no value: `fmt.Sprintf` has no receiver.
    arguments = tuple(child for child in given.named_children if child.type != "comment")
    return Invoked(name, receiver, arguments, {})


def _literal(node: Node) -> Expression:
    """Return `&redis.Options{Addr: x}` as a construction, `[]string{x}` as its one element."""
    kind, body = node.child_by_field_name("type"), node.child_by_field_name("body")
    if kind is None or body is None:
        return Unknown()
    if kind.type == "slice_type":
        return Same(body.named_children[0]) if len(body.named_children) == 1 else Unknown()
    named = {}
    for element in body.named_children:
        if element.type == "keyed_element" and len(element.named_children) == 2:
            named[text_of(element.named_children[0])] = element.named_children[1]
    return Invoked(text_of(kind), None, (), named)


def _name(node: Node) -> str:
    """Return a name; fields go by their last part, since the variable that holds the structure differs from place to place."""
    if node.type == "selector_expression":
        return f".{text_of(node.child_by_field_name('field'))}"
    if node.type == "index_expression":
        return f"[{text_of(node.child_by_field_name('index'))}]"[:120]
    return text_of(node)
