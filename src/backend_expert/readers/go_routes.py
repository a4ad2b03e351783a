"""The routes of net/http, gorilla, gin, echo, chi and fiber, with the prefixes of groups that are made elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from backend_expert.model import Evidence
from backend_expert.readers.source_code.expressions import HOLE, Invoked, Values
from backend_expert.readers.source_code.operations import Entry, public_path
from backend_expert.readers.source_code.program import Program, line_of, text_of

PREFIX_LIMIT = 8
"""Most groups inside one another, and most places that one group is made at."""

_ROUTE = re.compile(r"(HandleFunc|Handle|GET|POST|PUT|DELETE|PATCH|Get|Post|Put|Delete|Patch|Any)")
_GROUPS = frozenset({"Group", "PathPrefix", "Route"})
_HANDLERS = frozenset({"identifier", "selector_expression", "func_literal", "call_expression"})
_CLIMB_LIMIT = 60


def routes(program: Program, values: Values, reader: str) -> Iterator[Entry]:
    """Yield the HTTP entries of a program."""
    groups = _Groups(program, values)
    for file in program.files:
        for node, call in file.calls:
            if len(call.arguments) < 2 or not _ROUTE.fullmatch(call.last):
                continue
            last, (verb, _, path) = call.arguments[-1], values.text(call.arguments[0]).rpartition(" ")
            if last.type not in _HANDLERS or HOLE in path or not (path.startswith("/") or (path == "" and not verb)):
                continue
            prefixes = groups.before(call.receiver)
            body = last if last.type == "func_literal" else None
            function = "" if body is not None else re.findall(r"\w+", text_of(last).rstrip(")"))[-1]
            evidence = (Evidence(file.path, line_of(node), reader),)
            for prefix in prefixes:
                for method in _methods(call, verb, node):
                    yield Entry("http", f"{method} {public_path(prefix, path)}", file, evidence, body=body, function=function)


class _Groups:
    """Find what stands before the paths of a router: through names, functions that it is handed to, and closures."""

    def __init__(self, program: Program, values: Values) -> None:
        self._program = program
        self._values = values
        self._callers: dict[str, list[Invoked]] = {}
        self._mounts: dict[str, list[Invoked]] = {}
        for file in program.files:
            for _, call in file.calls:
                self._callers.setdefault(call.last, []).append(call)
                if call.last == "Mount" and len(call.arguments) == 2:
                    mounted = re.findall(r"(\w+)\(\s*\)$", text_of(call.arguments[1]))
                    for name in mounted:
                        self._mounts.setdefault(name, []).append(call)

    def before(self, router: Node | None, depth: int = 0) -> list[str]:
        """Return the prefixes of a router, each once; an empty one where nothing stands before."""
        if router is None or depth > PREFIX_LIMIT:
            return [""]
        made = self._values.call(router)
        if made is None:
            found = self._of_name(router, depth)
        elif made.last in _GROUPS and made.arguments:
            found = self._below(made, depth)
        else:
            # `r.With(guard)` hangs where `r` does, `chi.NewRouter()` where the function that makes it is mounted.
            found = self.before(made.receiver, depth + 1)
            found = found if any(found) else self._mounted(router, depth)
        return list(dict.fromkeys(found))[:PREFIX_LIMIT] or [""]

    def _below(self, group: Invoked, depth: int) -> list[str]:
        prefix = self._values.text(group.arguments[0])
        return [f"{before}/{prefix if HOLE not in prefix else ''}" for before in self.before(group.receiver, depth + 1)]

    def _of_name(self, router: Node, depth: int) -> list[str]:
        """Follow a variable to what made it, to the closure or to the function whose parameter it is."""
        name = text_of(router)
        closure = self._closure(router, name)
        if closure is not None:
            return self._below(closure, depth) if closure.last in _GROUPS else self.before(closure.receiver, depth + 1)
        values = [value for value in self._program.assigned(name, router) if value.id != router.id]
        if values:
            return [prefix for value in values[:PREFIX_LIMIT] for prefix in self.before(value, depth + 1)]
        function = self._program.function(router)
        place = _parameters(function).index(name) if name in _parameters(function) else -1
        called = self._callers.get(text_of(function.child_by_field_name("name")), []) if function is not None and place >= 0 else []
        given = [call.arguments[place] for call in called if len(call.arguments) > place]
        return [prefix for argument in given[:PREFIX_LIMIT] for prefix in self.before(argument, depth + 1)]

    def _closure(self, router: Node, name: str) -> Invoked | None:
        """Return the call that hands a router to the closure around a node (chi, `r.Route("/x", func(r chi.Router) {…})`)."""
        parent = router.parent
        for _ in range(_CLIMB_LIMIT):
            if parent is None or parent.type in {"function_declaration", "method_declaration"}:
                return None
            if parent.type == "func_literal" and name in _parameters(parent) and parent.parent is not None:
                holder = parent.parent.parent
                return self._values.call(holder) if holder is not None else None
            parent = parent.parent
        return None

    def _mounted(self, router: Node, depth: int) -> list[str]:
        """Return where the routers that the function around a node makes are mounted (chi, `r.Mount("/x", orders())`)."""
        function = self._program.function(router)
        name = text_of(function.child_by_field_name("name")) if function is not None else ""
        return [prefix for call in self._mounts.get(name, ()) for prefix in self._below(call, depth)]


def _parameters(function: Node | None) -> list[str]:
    declared = function.child_by_field_name("parameters") if function is not None else None
    names = (each.child_by_field_name("name") for each in declared.named_children) if declared is not None else ()
    return [text_of(name) for name in names]


def _methods(call: Invoked, verb: str, node: Node) -> tuple[str, ...]:
    """Return the methods of a route: that of its name, that in its pattern (Go 1.22), those of `.Methods(…)` after it, else all."""
    if call.last.upper() in {"GET", "POST", "PUT", "DELETE", "PATCH"}:
        return (call.last.upper(),)
    if verb:
        return (verb,)
    after = node.parent.parent if node.parent is not None and node.parent.type == "selector_expression" else None
    if after is not None and text_of(node.parent.child_by_field_name("field") if node.parent is not None else None) == "Methods":
        given = re.findall(r"GET|POST|PUT|DELETE|PATCH|Get|Post|Put|Delete|Patch", text_of(after.child_by_field_name("arguments")))
        return tuple(dict.fromkeys(each.upper() for each in given)) or ("ALL",)
    return ("ALL",)
