"""From the calls and texts of a program to mentions: who is called with what address, and whether the call waits for ever."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from tree_sitter import Node

from backend_expert.model import UNKNOWN_POLICY, Certainty, Estimate, Evidence, Mechanism, Policy
from backend_expert.readers.source_code.expressions import HOLE, Fallback, Invoked, Joined, Same, Values, variable
from backend_expert.readers.source_code.facts import Mention
from backend_expert.readers.source_code.operations import Remote
from backend_expert.readers.source_code.program import File, Grammar, Program, line_of

Place = int | str
Pattern = tuple[re.Pattern[str], re.Pattern[str] | None, "Client"]


class Client(Struct, frozen=True, kw_only=True):
    """A function that takes the address of a peer.

    `function` is an expression for its dotted name; `address`, `port` and `database` are the places of arguments. `key` names the call
    in reports and ends in a word for addresses. `timeout` are the places that set how long the call may take, in units of
    `unit_ms`; where none is given the call waits `default_ms`, and without a default for ever. `made_by` is an expression for the
    function whose result it is called on; what that was given holds where the call itself says nothing.
    """

    function: str
    key: str
    address: tuple[Place, ...]
    port: tuple[Place, ...] = ()
    scheme: str = ""
    timeout: tuple[Place, ...] = ()
    unit_ms: float = 1_000
    default_ms: float | None = None
    made_by: str = ""


_TOLD = re.compile(
    r"(?i)((log|f?print|info|debug|warn|warning|error|trace|fatal|panic)(f|ln|w|context)?|log(error|warning|information|debug)|\w*exception|raise|echo|describe|comment|title|summary|assert\w*|"
    r"docs?|license\w*|contact|url_?for|redirect\w*|allow\w*|cors|origins?|schema\w*|namespace\w*|split|replace\w*|startswith|contains|match\w*)$"
)
"""Calls whose texts are read by people, browsers and parsers: a URL in them is called by nobody."""

_ADDRESS = re.compile(r"://|^[A-Za-z][\w.-]*:\d{4,5}$|(?i:\b(host|server|data source|hostname|addr)\s*=)")
_HTTP = re.compile(r"^(requests|httpx|aiohttp|urlopen|http client|http|http request|RestTemplate|WebClient|HttpClient|curl) url$")
_LISTS = frozenset({"argument_list", "arguments", "argument", "attribute", "member_access_expression", "selector_expression"})
"""Nodes between a call and its arguments or receiver."""

_TEXT_MAKERS = frozenset(["format", "Sprintf", "sprintf", "Format", "formatted", "concat", "ofNullable", "orElse", "getOrDefault"])
_WRAPPERS = frozenset({"ClientTimeout", "Timeout"})
"""What aiohttp and httpx put a timeout into."""

_CLIMB_LIMIT = 12


def mentions(program: Program, grammar: Grammar, values: Values, clients: Sequence[Client], reader: str) -> Iterator[Mention]:
    """Yield what the files say of peers: reads of the environment, calls of clients, and texts that are URLs."""
    patterns = _compiled(clients)
    for file in program.files:
        seen: set[int] = set()
        for node, call in file.calls:
            yield from _of_call(call, node, file, grammar, values, patterns, reader, seen)
        for node in file.texts:
            yield from _of_text(node, file, grammar, values, reader, seen)


def remotes(program: Program, values: Values, clients: Sequence[Client], reader: str) -> Iterator[Remote]:
    """Yield the HTTP calls at their places; the clients of stores are made once and used elsewhere."""
    patterns = _compiled(client for client in clients if _HTTP.search(client.key))
    for file in program.files:
        for node, call in file.calls:
            if (found := _client(call, patterns, values)) is None:
                continue
            text = values.text(call.argument(*found.address))
            if text.startswith(HOLE) or not ("://" in text or text.startswith("${")):
                continue
            evidence = (Evidence(file.path, line_of(node), reader),)
            yield Remote(
                file=file,
                node=node,
                evidence=evidence,
                protocol="http",
                text=text,
                method=_method(call, values),
                policy=_policy(call, found, values, evidence),
            )


def _method(call: Invoked, values: Values) -> str:
    """Return the HTTP method that the name of a call says, or an argument beside the address; empty where neither does."""
    named = re.match(r"(?i)(get|post|put|delete|patch|head)", call.last)
    if named is not None:
        return named[1].upper()
    for argument in call.arguments[:3]:
        text = values.text(argument)
        if text.upper() in {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"}:
            return text.upper()
    return ""


def _compiled(clients: Iterable[Client]) -> list[Pattern]:
    return [(re.compile(client.function), re.compile(client.made_by) if client.made_by else None, client) for client in clients]


def _client(call: Invoked, patterns: Sequence[Pattern], values: Values) -> Client | None:
    """Return the first client that a call is one of, by its name and by what made the object it is called on."""
    for function, maker, client in patterns:
        if function.fullmatch(call.function):
            made = values.made(call.receiver) if maker is not None else None
            if maker is None or (made is not None and maker.fullmatch(made.function)):
                return client
    return None


def _of_call(
    call: Invoked,
    node: Node,
    file: File,
    grammar: Grammar,
    values: Values,
    patterns: Sequence[Pattern],
    reader: str,
    seen: set[int],
) -> Iterator[Mention]:
    evidence = (Evidence(file.path, line_of(node), reader),)
    read = values.read(call)
    if read is not None:
        text = _with_default(node, variable(*read), grammar, values)
        yield Mention(directory=file.directory, key=read[0], text=text, evidence=evidence)
        return
    client = _client(call, patterns, values)
    if client is None:
        return
    address = call.argument(*client.address)
    text = values.text(address)
    if text in {"", HOLE} or text.startswith(HOLE):
        return
    if address is not None:
        seen.add(address.id)
    if client.port and "://" not in text and (port := values.text(call.argument(*client.port))) != HOLE:
        text = f"{text}:{port}"
    if client.scheme and "://" not in text:
        text = f"{client.scheme}://{text}"
    yield Mention(
        directory=file.directory, key=client.key, text=text, evidence=evidence, policy=_policy(call, client, values, evidence)
    )


def _policy(call: Invoked, client: Client, values: Values, evidence: tuple[Evidence, ...]) -> Policy:
    """Return what is known of the timeout: its value, that there is none, or nothing."""
    if not client.timeout and client.default_ms is None:
        return UNKNOWN_POLICY
    maker = values.made(call.receiver) if client.made_by else None
    given = call.argument(*client.timeout) or (maker.argument(*client.timeout) if maker is not None else None)
    if given is not None:
        wrapped = values.made(given)
        if wrapped is not None and wrapped.last in _WRAPPERS:
            given = wrapped.argument("total", "timeout", 0)
        # A variable holds its default as far as the code says.
        text = re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", values.text(given))
        if text in {"None", "nil", "null"}:
            return Policy(absent=(Mechanism.TIMEOUT,), evidence=evidence)
        if re.fullmatch(r"\d+(\.\d+)?", text) and float(text) > 0:
            timeout_ms = Estimate(float(text) * client.unit_ms, certainty=Certainty.RECOVERED, evidence=evidence)
            return Policy(timeout_ms=timeout_ms, evidence=evidence)
        return UNKNOWN_POLICY
    if "**" in call.named or (maker is not None and "**" in maker.named):
        return UNKNOWN_POLICY
    if client.default_ms is not None:
        timeout_ms = Estimate(client.default_ms, certainty=Certainty.RECOVERED, evidence=evidence)
        return Policy(timeout_ms=timeout_ms, evidence=evidence)
    return Policy(absent=(Mechanism.TIMEOUT,), evidence=evidence)


def _with_default(node: Node, read: str, grammar: Grammar, values: Values) -> str:
    """Return what a read of the environment comes to with a default that stands around it or is assigned after it."""
    whole, parent = _whole(node, grammar)
    text = values.text(whole)
    names = [binding.name for binding in grammar.bindings(parent) if binding.value.id == whole.id] if parent is not None else []
    if text == read and names and parent is not None:
        text = values.named(names[0], parent)
    return text if text.startswith(read.rstrip("}")) else read


def _of_text(node: Node, file: File, grammar: Grammar, values: Values, reader: str, seen: set[int]) -> Iterator[Mention]:
    """Yield the URL or connection string that a literal is part of, once for the whole expression."""
    whole, parent = _whole(node, grammar)
    context = _context(parent, grammar) if parent is not None else ""
    if whole.id in seen or _TOLD.search(context):
        return
    seen.add(whole.id)
    text = values.text(whole)
    if _ADDRESS.search(text):
        yield Mention(
            directory=file.directory,
            key=f"{context} literal".strip(),
            text=text,
            evidence=(Evidence(file.path, line_of(node), reader),),
        )


def _whole(node: Node, grammar: Grammar) -> tuple[Node, Node | None]:
    """Return the largest expression that puts one text together around a node, and what it stands in."""
    whole, parent = node, node.parent
    for _ in range(_CLIMB_LIMIT):
        holder = parent
        while holder is not None and holder.type in _LISTS:
            holder = holder.parent
        if holder is None:
            break
        shape = grammar.shape(holder)
        if isinstance(shape, Joined | Same | Fallback) or (isinstance(shape, Invoked) and _makes_text(shape)):
            whole, parent = holder, holder.parent
        else:
            break
    return whole, parent


def _makes_text(call: Invoked) -> bool:
    return call.last in _TEXT_MAKERS


def _context(node: Node, grammar: Grammar) -> str:
    """Return the name of the call that an argument is given to, or of what a value is assigned to."""
    current: Node | None = node
    for _ in range(4):
        if current is None or current.type in grammar.functions:
            return ""
        shape = grammar.shape(current)
        if isinstance(shape, Invoked):
            return shape.last
        names = [binding.name for binding in grammar.bindings(current)]
        if names:
            return names[0].rpartition(".")[2]
        current = current.parent
    return ""
