"""The routes of Flask, FastAPI, Django and its REST framework, with the prefixes that routers are mounted under in other files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Evidence
from backend_expert.readers.source_code.expressions import HOLE, Invoked, Values
from backend_expert.readers.source_code.operations import Entry, public_path
from backend_expert.readers.source_code.program import File, Program, line_of, text_of

MOUNT_LIMIT = 8
"""Most routers inside one another, and most places that one router is mounted at."""

_ROUTES = re.compile(r"(\w+\.)*\w+\.(route|get|post|put|delete|patch|head|api_route)")
_IMPORT = re.compile(
    r"^[ \t]*from[ \t]+(?P<module>[\w.]+)[ \t]+import[ \t]+(?:\((?P<several>[^)]*)\)|(?P<names>[^\n#(]+))", re.MULTILINE
)
_MODULE = re.compile(r"^[ \t]*import[ \t]+(?P<module>[\w.]+)(?:[ \t]+as[ \t]+(?P<alias>\w+))?", re.MULTILINE)
_PATTERNS = "urlpatterns"


class Mount(Struct, frozen=True):
    """A router that hangs below `prefix` of the router `holder` of a file.

    `module` and `router` say which: the variable of a module as the file imports it, of the file itself where `module` is empty.
    `instead` tells that the prefix takes the place of the router's own (Flask, `register_blueprint`).
    """

    file: str
    holder: str
    module: str
    router: str
    prefix: str
    instead: bool = False


def routes(program: Program, values: Values, reader: str) -> Iterator[Entry]:
    """Yield the HTTP entries of a program."""
    mounts = [mount for file in program.files for mount in _mounts(file, values)]
    for file in program.files:
        django = re.search(rf"^{_PATTERNS}\b", file.text, re.MULTILINE) is not None
        for node, call in file.calls:
            evidence = (Evidence(file.path, line_of(node), reader),)
            decorated = node.parent.parent if node.parent is not None and node.parent.type == "decorator" else None
            if decorated is not None and _ROUTES.fullmatch(call.function):
                body = decorated.child_by_field_name("definition")
                path = values.text(call.argument(0, "rule", "path"))
                if body is not None and (path.startswith("/") or path == ""):
                    for prefix in _prefixes(call, file, program, values, mounts):
                        for method in _methods(call):
                            yield Entry("http", f"{method} {public_path(prefix, path)}", file, evidence, body=body)
            elif django and call.function in {"path", "re_path", "url"} and len(call.arguments) >= 2:
                view, path = text_of(call.arguments[1]), values.text(call.arguments[0])
                if HOLE not in path and not re.match(r"include\b|\w+\.urls\b", view):
                    # A view that is a class answers each method in a method of its own.
                    body = node if view.endswith(")") else None
                    function = "" if body is not None else view.rpartition(".")[2]
                    for prefix in _below(file.path, _PATTERNS, mounts):
                        yield Entry("http", f"ALL {public_path(prefix, _plain(path))}", file, evidence, body, function)
            elif call.last == "register" and len(call.arguments) >= 2 and "rest_framework" in file.text:
                path = values.text(call.arguments[0])
                for prefix in _below(file.path, call.function.rpartition(".")[0], mounts) if HOLE not in path else ():
                    for item in ("", "/{id}"):
                        yield Entry("http", f"ALL {public_path(prefix, _plain(path) + item)}", file, evidence, body=node)


def _mounts(file: File, values: Values) -> Iterator[Mount]:
    """Yield the routers, blueprints and URL configurations that a file mounts."""
    imports = _imports(file.text)
    for _, call in file.calls:
        if call.last in {"include_router", "register_blueprint"} and call.arguments:
            module, router = _named(text_of(call.arguments[0]), imports)
            prefix = values.text(call.argument("prefix", "url_prefix")) if {"prefix", "url_prefix"} & set(call.named) else ""
            instead = call.last == "register_blueprint" and bool(prefix)
            yield Mount(file.path, call.function.rpartition(".")[0], module, router, prefix, instead)
        elif call.function in {"path", "re_path", "url"} and len(call.arguments) >= 2:
            included = re.match(r"include\(\s*(?:[\"'](?P<module>[\w.]+)[\"']|\(?(?P<name>\w+)\.urls)", text_of(call.arguments[1]))
            prefix = values.text(call.arguments[0])
            if included is not None and HOLE not in prefix:
                module, router = _named(included["name"], imports) if included["name"] else (included["module"], _PATTERNS)
                yield Mount(file.path, _PATTERNS, module, router, _plain(prefix))


def _imports(text: str) -> dict[str, tuple[str, str]]:
    """Return, by the name that a file gives it, the module and the name in it of what is imported."""
    found = {}
    for match in _MODULE.finditer(text):
        found[match["alias"] or match["module"]] = (match["module"], "")
    for match in _IMPORT.finditer(text):
        for piece in re.split(r"[,\n]", match["several"] or match["names"] or ""):
            words = piece.split("#")[0].split()
            if words:
                found[words[-1]] = (match["module"], words[0])
    return found


def _named(text: str, imports: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """Return the module and the variable that an expression names: `users.router`, `users_router`, or a variable of the file."""
    owner, _, name = text.rpartition(".")
    if text in imports:
        return imports[text]
    if owner in imports:
        module, inner = imports[owner]
        return f"{module}.{inner}".strip("."), name
    return "", text


def _prefixes(call: Invoked, file: File, program: Program, values: Values, mounts: list[Mount]) -> list[str]:
    """Return what stands before the path of a route, once for each place that its router is mounted at."""
    router = call.function.rpartition(".")[0]
    own = ""
    for value in program.assigned(router, call.receiver) if call.receiver is not None else ():
        made = values.call(value)
        if made is not None and (prefix := made.argument("url_prefix", "prefix")) is not None:
            own = values.text(prefix)
    return _below(file.path, router, mounts, own)


def _below(path: str, router: str, mounts: list[Mount], own: str = "", depth: int = 0) -> list[str]:
    """Return the prefixes that a router of a file is reached under; its own alone where nobody mounts it."""
    places = [mount for mount in mounts if mount.router == router and _is_module(path, mount)] if depth < MOUNT_LIMIT else []
    found = [
        f"{before}/{mount.prefix if mount.instead else f'{mount.prefix}/{own}'}"
        for mount in places[:MOUNT_LIMIT]
        for before in _below(mount.file, mount.holder, mounts, depth=depth + 1)
    ]
    return list(dict.fromkeys(found))[:MOUNT_LIMIT] or [own]


def _is_module(path: str, mount: Mount) -> bool:
    """Tell whether a file is the module that a mount names, seen from the file that mounts it."""
    if not mount.module:
        return path == mount.file
    stem = posixpath.splitext(path)[0].removesuffix("/__init__")
    inner = mount.module.lstrip(".").replace(".", "/")
    if stem != inner and not stem.endswith(f"/{inner}"):
        return False
    root = stem.removesuffix(inner)
    return mount.file.startswith(root)


def _methods(call: Invoked) -> tuple[str, ...]:
    """Return the methods of a route: those it lists, that of its name, else GET (Flask, "HTTP Methods")."""
    if call.last not in {"route", "api_route"}:
        return (call.last.upper(),)
    listed = re.findall(r"['\"]([A-Z]+)['\"]", text_of(call.argument("methods")))
    return tuple(listed) or ("GET",)


def _plain(pattern: str) -> str:
    """Return a pattern of Django as a path: `^orders/(?P<id>[0-9]+)/$` is `orders/{id}/`."""
    return re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"{\1}", pattern).strip("^$").removesuffix("/?").replace("\\", "")
