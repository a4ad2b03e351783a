"""The routes of Laravel and Symfony: in code, in attributes and comments, in YAML."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from tree_sitter import Node

from backend_expert.model import Evidence, Text
from backend_expert.model.positions import Mapping, PositionError, Scalar, Sequence, parse_documents
from backend_expert.readers.repository import Repository
from backend_expert.readers.source_code.expressions import HOLE, Invoked, Values
from backend_expert.readers.source_code.files import left_out
from backend_expert.readers.source_code.operations import Entry, public_path
from backend_expert.readers.source_code.program import File, Program, line_of, text_of

CHAIN_LIMIT = 12
"""Most calls in one chain, and most groups around one route."""

_VERBS = frozenset({"get", "post", "put", "delete", "patch", "any", "match"})
_RESOURCE = {
    "index": ("GET", ""),
    "store": ("POST", ""),
    "show": ("GET", "/{id}"),
    "update": ("PUT", "/{id}"),
    "destroy": ("DELETE", "/{id}"),
}
"""What a resource controller answers (Laravel documentation, "Resource Controllers"), without the pages with forms."""

_ROUTE = re.compile(r"(?:@|#\[\s*)Route\(\s*(?:path\s*[:=]\s*)?[\"'](?P<path>[^\"']*)[\"'](?P<rest>[^)]*)\)")


def routes(program: Program, values: Values, repository: Repository, reader: str) -> Iterator[Entry]:
    """Yield the HTTP entries of a program."""
    methods = _methods_of_classes(program)
    for file in program.files:
        for node, call in file.calls:
            if "Route::" in text_of(_root(node)):
                yield from _laravel(node, call, file, values, methods, reader)
        for node in file.functions:
            if node.type == "method_declaration":
                yield from _annotated(file, node, reader)
    yield from _symfony(repository, methods, reader)


def _laravel(
    node: Node, call: Invoked, file: File, values: Values, methods: dict[tuple[str, str], tuple[File, Node]], reader: str
) -> Iterator[Entry]:
    """Yield the routes of one call of the router."""
    evidence = (Evidence(file.path, line_of(node), reader),)
    # What stands in routes/api.php is below /api (Laravel documentation, "The Default Route Files").
    before = "/".join((*(["api"] if file.path.endswith("routes/api.php") else []), *_groups(node, values)))
    arguments = call.arguments
    verbs = [call.last.upper()] if call.last != "any" else ["ALL"]
    if call.last == "match" and len(arguments) == 3:
        verbs, arguments = [each.upper() for each in re.findall(r"\w+", text_of(arguments[0]))], arguments[1:]
    path = values.text(arguments[0]) if arguments else HOLE
    if HOLE in path or len(arguments) < 2:
        return
    if call.last in {"resource", "apiResource"}:
        options = text_of(arguments[2]) if len(arguments) > 2 else ""
        for method in _chosen(options):
            verb, item = _RESOURCE[method]
            place = methods.get((_class(arguments[1]), method), (file, node))
            yield Entry("http", f"{verb} {public_path(before, path + item)}", place[0], evidence, body=place[1])
    elif call.last in _VERBS:
        handler = arguments[1]
        inline = handler if handler.type in {"anonymous_function", "arrow_function"} else None
        named = re.findall(r"\w+", text_of(handler))
        place = methods.get((_class(handler), named[-1] if named else ""), (file, inline or node))
        for verb in verbs:
            yield Entry("http", f"{verb} {public_path(before, path)}", place[0], evidence, body=place[1])


def _chosen(options: str) -> Iterator[str]:
    """Yield the methods of a resource that its options leave."""
    only = re.search(r"only\W+\[([^\]]*)", options)
    without = re.search(r"except\W+\[([^\]]*)", options)
    for method in _RESOURCE:
        if (only is None or method in only[1]) and (without is None or method not in without[1]):
            yield method


def _class(handler: Node) -> str:
    """Return the controller that `'OrderController@show'`, `[OrderController::class, 'show']` or `OrderController::class` names."""
    found = re.findall(r"(\w+)(?:@|::class)|['\"](?:[\w\\]*\\)?(\w+)['\"]$", text_of(handler))
    return next((one or other for one, other in found), "")


def _root(node: Node) -> Node:
    """Return the first call of the chain that a call ends."""
    current = node
    for _ in range(CHAIN_LIMIT):
        receiver = current.child_by_field_name("object")
        if receiver is None or not receiver.type.endswith("call_expression"):
            break
        current = receiver
    return current


def _groups(node: Node, values: Values) -> list[str]:
    """Return the prefixes of the groups around a route and of its own chain, the outermost first."""
    found = _prefixes(node, values)
    parent = node.parent
    for _ in range(CHAIN_LIMIT * 6):
        if parent is None:
            break
        if (
            parent.type in {"anonymous_function", "arrow_function"}
            and parent.parent is not None
            and parent.parent.parent is not None
        ):
            holder = parent.parent.parent.parent
            call = values.call(holder) if holder is not None else None
            if holder is not None and call is not None and call.last == "group":
                found = _prefixes(holder, values) + found
        parent = parent.parent
    return found


def _prefixes(node: Node, values: Values) -> list[str]:
    """Return the prefixes that the chain of a call sets: `Route::prefix('x')`, `->prefix('x')`, `group(['prefix' => 'x'], …)`."""
    found: list[str] = []
    current: Node | None = node
    for _ in range(CHAIN_LIMIT):
        call = values.call(current) if current is not None else None
        if call is None:
            break
        given = call.named.get("prefix") if call.last == "group" else call.argument(0) if call.last == "prefix" else None
        if given is not None and (text := values.text(given)) != HOLE:
            found.insert(0, text)
        current = call.receiver
    return found


def _methods_of_classes(program: Program) -> dict[tuple[str, str], tuple[File, Node]]:
    """Return the methods by the class, which has the name of its file (PSR-4), and their own name."""
    return {
        (posixpath.basename(file.path).removesuffix(".php"), text_of(node.child_by_field_name("name"))): (file, node)
        for file in program.files
        for node in file.functions
        if node.type == "method_declaration"
    }


def _annotated(file: File, method: Node, reader: str) -> Iterator[Entry]:
    """Yield the routes that an attribute or the comment before a method gives it."""
    holder = method.parent.parent if method.parent is not None else None
    prefix = _ROUTE.search(_notes(holder)) if holder is not None else None
    for match in _ROUTE.finditer(_notes(method)):
        listed = re.search(r"methods\s*[:=]\s*[\[{]([^\]}]*)", match["rest"])
        evidence = (Evidence(file.path, line_of(method), reader),)
        for verb in re.findall(r"[A-Z]+", listed[1]) if listed is not None else ("ALL",):
            path = public_path(prefix["path"] if prefix is not None else "", match["path"])
            yield Entry("http", f"{verb} {path}", file, evidence, body=method)


def _notes(node: Node) -> str:
    """Return the comment before a declaration and its attributes."""
    before = node.prev_named_sibling
    comment = text_of(before) if before is not None and before.type == "comment" else ""
    return f"{comment}\n{text_of(node.child_by_field_name('attributes'))}"


def _symfony(repository: Repository, methods: dict[tuple[str, str], tuple[File, Node]], reader: str) -> Iterator[Entry]:
    """Yield the routes of Symfony's YAML files whose controllers were found."""
    for path in repository.matching("*/config/routes/*.yaml", "*/config/routes.yaml", "config/routes/*.yaml", "config/routes.yaml"):
        text = repository.text(path) if not left_out(path) else None
        if text is None:
            continue
        try:
            documents = parse_documents(text)
        except PositionError as error:
            repository.leave(path, Text(error.problem, error.problem), line=error.line)
            continue
        for document in documents:
            for key, route in document.pairs if isinstance(document, Mapping) else ():
                evidence = (Evidence(path, key.line, reader),)
                controller, public, listed = (_value(route, name) for name in ("controller", "path", "methods"))
                named = re.findall(r"\w+", controller)
                owner, method = (
                    (named[-2], named[-1]) if "::" in controller and len(named) > 1 else ((named or [""])[-1], "__invoke")
                )
                place = methods.get((owner, method))
                if place is not None and public:
                    for verb in listed.split() or ["ALL"]:
                        yield Entry("http", f"{verb.upper()} {public_path('', public)}", place[0], evidence, body=place[1])


def _value(route: object, name: str) -> str:
    """Return the text of a field of a route; a list gives its words."""
    node = route.get(name) if isinstance(route, Mapping) else None
    if isinstance(node, Sequence):
        return " ".join(item.text for item in node.items if isinstance(item, Scalar))
    return node.text if isinstance(node, Scalar) else ""
