"""Read nginx configuration: which location is passed on to which peer, and for how long nginx waits."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Evidence, Text, Unread
from backend_expert.readers.fragment import Address, Fragment
from backend_expert.readers.repository import Repository
from backend_expert.readers.settings import LENGTH_LIMIT

READER = "nginx"

PASS_DIRECTIVES = {"proxy_pass": "", "grpc_pass": "grpc", "fastcgi_pass": "fastcgi", "uwsgi_pass": "uwsgi", "scgi_pass": "scgi"}
"""The directives that hand a request on, with the scheme of an address that has none of its own."""

DEPTH_LIMIT = 64
"""Deepest nesting of blocks that is followed; real configurations stay below 6 (http, server, location, location, if)."""

ADDRESS_LIMIT = 10_000
"""Most addresses of one file: a location for each of the 40 services of the largest system we read makes about 100."""

_MARKS = re.compile(r"^[ \t]*(?:server|upstream\s+\S+|http)\s*\{|^[ \t]*(?:proxy|grpc|fastcgi|uwsgi|scgi)_pass\s", re.MULTILINE)
_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)|(?P<sign>[;{}])|(?P<word>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\\.|\$\{\w*\}|\$|[^\s;{}"'\\$]|(?<=[^\s;{}"'])["'])+|.)""",
    re.DOTALL,
)
_TIME = re.compile(r"(\d+)(ms|s|m|h|d|w|M|y)?")
_MILLISECONDS = {"ms": 1, "": 1_000, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


_TOO_MANY_ADDRESSES = Text(
    f"it passes requests on to more than {ADDRESS_LIMIT:,} addresses; the rest was left out",
    f"repassa requisições a mais de {ADDRESS_LIMIT} endereços; o resto ficou de fora",
)


class Directive(Struct, frozen=True):
    """One directive with its words, the line it begins on, and the directives of its block."""

    words: tuple[str, ...]
    line: int
    block: tuple[Directive, ...] = ()

    @property
    def name(self) -> str:
        """Return the first word."""
        return self.words[0]


class _Scope(Struct, frozen=True):
    """What holds in a block: the public path, variables that were set, timeouts in ms by directive."""

    path: str
    variables: dict[str, str]
    timeouts: dict[str, float]


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment for each file of nginx configuration; it speaks for what is built from its directory."""
    for file in repository.matching("*.conf", "*.conf.template", "*.conf.tmpl", "*.nginx", "*.template", "*/sites-available/*"):
        text = repository.text(file) if _worth_reading(file) else None
        if text is None or not is_nginx(text):
            continue
        found, unread = addresses(file, text, directory=posixpath.dirname(file) or ".")
        yield Fragment(reader=READER, addresses=found, files=(file,), unread=unread)


def is_nginx(text: str) -> bool:
    """Tell whether a text is nginx configuration: it opens a server or an upstream, or passes requests on."""
    return _MARKS.search(text) is not None


def addresses(
    file: str, text: str, *, directory: str = "", owner: str = "", first_line: int = 1
) -> tuple[tuple[Address, ...], tuple[Unread, ...]]:
    """Return the peers that a configuration passes requests on to, and what of it could not be read.

    `first_line` is the line of the file on which the text begins, for a configuration inside another file.
    """
    directives, problem = parse(text)
    upstreams = _upstreams(directives)
    found: list[Address] = []
    for scope, directive in _passes(directives, _Scope("", {}, {})):
        if len(found) > ADDRESS_LIMIT:
            problem.append((directive.line, _TOO_MANY_ADDRESSES))
            break
        scheme = PASS_DIRECTIVES[directive.name]
        target = _filled(directive.words[1], scope.variables)
        wait = scope.timeouts.get(directive.name.replace("_pass", "_read_timeout"))
        for text_of, line in _targets(target, scheme, upstreams, directive.line):
            places = dict.fromkeys((directive.line, line))
            found.append(
                Address(
                    key=directive.name,
                    text=text_of,
                    owner=owner,
                    directory=directory,
                    path=scope.path,
                    timeout_ms=wait,
                    evidence=tuple(Evidence(file, place + first_line - 1, READER) for place in places),
                )
            )
    unread = [Unread(file, line + first_line - 1, reason, partly=True) for line, reason in problem]
    return tuple(found), tuple(unread)


def parse(text: str) -> tuple[tuple[Directive, ...], list[tuple[int, Text]]]:
    """Return the directives of a configuration and the problems with their lines; a broken end leaves what stood before it."""
    open_blocks: list[tuple[tuple[str, ...], int, list[Directive]]] = [((), 1, [])]
    problems: list[tuple[int, Text]] = []
    words: list[str] = []
    line = begun = 1
    skipped = 0
    for match in _TOKEN.finditer(text):
        sign = match[0]
        if match["word"] is not None:
            begun = begun if words else line
            words.append(_unquoted(sign))
        elif sign == "{":
            if len(open_blocks) >= DEPTH_LIMIT:
                skipped += 1
            else:
                open_blocks.append((tuple(words), begun if words else line, []))
            words = []
        elif sign == ";" and words:
            open_blocks[-1][2].append(Directive(tuple(words), begun))
            words = []
        elif sign == "}":
            words = []
            if skipped:
                skipped -= 1
            elif len(open_blocks) > 1:
                _close(open_blocks)
            else:
                problems.append((line, Text("a block is closed that was never opened", "um bloco é fechado sem ter sido aberto")))
        line += sign.count("\n")
    if len(open_blocks) > 1:
        opened = open_blocks[-1][1]
        problems.append((opened, Text("this block is never closed", "este bloco nunca é fechado")))
        while len(open_blocks) > 1:
            _close(open_blocks)
    return tuple(open_blocks[0][2]), problems[:1]


def _close(open_blocks: list[tuple[tuple[str, ...], int, list[Directive]]]) -> None:
    words, line, block = open_blocks.pop()
    if words:
        open_blocks[-1][2].append(Directive(words, line, tuple(block)))


def _passes(directives: tuple[Directive, ...], scope: _Scope) -> Iterator[tuple[_Scope, Directive]]:
    """Yield every directive that hands requests on, with what holds where it stands."""
    variables, timeouts = dict(scope.variables), dict(scope.timeouts)
    for each in directives:
        if each.name == "set" and len(each.words) == 3:
            variables[each.words[1].lstrip("$")] = _filled(each.words[2], variables)
        elif each.name.endswith("_timeout") and len(each.words) == 2:
            wait = milliseconds(each.words[1])
            if wait is not None:
                timeouts[each.name] = wait
    here = _Scope(scope.path, variables, timeouts)
    for each in directives:
        if each.name in PASS_DIRECTIVES and len(each.words) >= 2:
            yield here, each
        elif each.name == "location" and len(each.words) >= 2:
            yield from _passes(each.block, _Scope(_prefix(each.words[1:], scope.path), variables, timeouts))
        elif each.block and each.name != "upstream":
            yield from _passes(each.block, here)


def milliseconds(text: str) -> float | None:
    """Return a time of nginx (`60s`, `1m 30s` as `1m30s`, `500ms`, plain seconds) in ms; `None` when it is none."""
    parts = _TIME.findall(text) if len(text) <= 30 else []
    if not parts or "".join(amount + unit for amount, unit in parts) != text or any(unit in {"M", "y"} for _, unit in parts):
        return None
    return float(sum(int(amount) * _MILLISECONDS[unit] for amount, unit in parts))


def _prefix(words: tuple[str, ...], outer: str) -> str:
    """Return the public path of a location: the path itself, or of a pattern what stands before its first sign."""
    modifier, path = (words[0], words[1]) if len(words) > 1 and words[0] in {"=", "~", "~*", "^~"} else ("", words[0])
    if path.startswith("@"):
        return outer
    if modifier.startswith("~"):
        return re.split(r"[\\()\[\].*+?|$^{}]", path.lstrip("^"), maxsplit=1)[0]
    return path


def _upstreams(directives: tuple[Directive, ...]) -> dict[str, tuple[Directive, ...]]:
    found: dict[str, tuple[Directive, ...]] = {}
    for each in directives:
        if each.name == "upstream" and len(each.words) == 2:
            servers = tuple(inner for inner in each.block if inner.name == "server" and len(inner.words) > 1)
            found[each.words[1]] = tuple(server for server in servers if "down" not in server.words[2:])
        elif each.block:
            found |= _upstreams(each.block)
    return found


def _targets(target: str, scheme: str, upstreams: dict[str, tuple[Directive, ...]], line: int) -> Iterator[tuple[str, int]]:
    """Yield the address behind a target, or those of the servers of its upstream, each with its line."""
    match = re.fullmatch(r"(?:(?P<scheme>\w+)://)?(?P<host>[^/]*)(?P<rest>.*)", target, re.DOTALL)
    if match is None or match["host"].startswith("unix:") or "unix:" in target:
        return
    prefix = f"{match['scheme'] or scheme}://" if match["scheme"] or scheme else ""
    servers = upstreams.get(match["host"], ())
    if not servers:
        yield f"{prefix}{match['host']}{match['rest']}", line
    for server in servers:
        if not server.words[1].startswith("unix:"):
            yield f"{prefix}{server.words[1]}{match['rest']}", server.line


def _filled(text: str, variables: dict[str, str]) -> str:
    """Fill in the variables that `set` gave a value; the others stay for whoever knows the environment.

    A text that would grow past every real address stays as it is: a variable may hold itself twice.
    """
    filled = re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda match: variables.get(match[1] or match[2], match[0]), text)
    return filled if len(filled) <= LENGTH_LIMIT else text


def _unquoted(token: str) -> str:
    if len(token) >= 2 and token[0] == token[-1] and token[0] in "\"'":
        return re.sub(r"\\([\"'\\])", r"\1", token[1:-1])
    return token


def _worth_reading(file: str) -> bool:
    name = posixpath.basename(file)
    return not name.endswith((".js", ".ts", ".mjs", ".html.template", ".yaml.template", ".json.template"))
