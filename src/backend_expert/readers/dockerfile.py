"""Read Dockerfiles: what the last stage says of the image that is built from a directory."""

from __future__ import annotations

import json
import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Evidence, Setting, Text, Unread
from backend_expert.readers.fragment import Fragment, Image
from backend_expert.readers.repository import Repository
from backend_expert.readers.settings import LENGTH_LIMIT, setting

READER = "dockerfile"

INSTRUCTIONS = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "RUN"}
    | {"SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)
"""Every instruction of the Dockerfile reference."""

STAGE_LIMIT = 100
"""Most stages of one Dockerfile; the largest we met (a build for many platforms) has 19."""

_HEREDOC = re.compile(r"<<-?(?P<quote>[\"']?)(?P<word>[A-Za-z_]\w*)(?P=quote)")
_VARIABLE = re.compile(r"\\\$|\$(?:\{(?P<braced>\w+)(?::?(?P<sign>[-+])(?P<word>[^{}]*))?\}|(?P<plain>\w+))")
_PAIR = re.compile(r"(?<![\w.-])([A-Za-z_][\w.-]*)=((?:\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.|[^\s\"'\\])*)", re.DOTALL)


class Instruction(Struct, frozen=True):
    """One instruction, continuation lines joined; `lines` are the lines it was written on, with their numbers."""

    word: str
    rest: str
    lines: tuple[tuple[int, str], ...]

    @property
    def line(self) -> int:
        """Return the first line of the instruction."""
        return self.lines[0][0]

    @property
    def places(self) -> dict[str, int]:
        """Return the line on which each word of the instruction first stands."""
        found: dict[str, int] = {}
        for line, text in self.lines:
            for word in re.findall(r"[A-Za-z_][\w.-]*", text):
                found.setdefault(word, line)
        return found


class _Stage(Struct):
    """What is known of a stage while its instructions are read."""

    base: str
    line: int
    environment: dict[str, Setting]
    values: dict[str, str]
    ports: dict[int, int]
    user: str = ""
    healthcheck: bool = False
    entrypoint: str = ""
    command: str = ""
    command_inherited: bool = False


_TOO_MANY_STAGES = Text(
    f"it has more than {STAGE_LIMIT} stages; no image is built like this",
    f"tem mais de {STAGE_LIMIT} estágios; nenhuma imagem é feita assim",
)


def read(repository: Repository) -> Iterator[Fragment]:
    """Yield one fragment for each Dockerfile of the repository."""
    patterns = ("Dockerfile", "Dockerfile.*", "*.Dockerfile", "*.dockerfile", "dockerfile", "Containerfile")
    for file in repository.matching(*patterns):
        if file.endswith((".dockerignore", ".md")):
            continue
        text = repository.text(file)
        if text is None:
            continue
        image, unread = image_of(file, text)
        if image is not None:
            yield Fragment(reader=READER, images=(image,), files=(file,), unread=unread)
        elif unread:
            yield Fragment(reader=READER, unread=unread)


def image_of(file: str, text: str) -> tuple[Image | None, tuple[Unread, ...]]:
    """Return what a Dockerfile says of its image, `None` when it has no stage, and the lines that are no instruction."""
    stages: dict[str, _Stage] = {}
    stage: _Stage | None = None
    defaults: dict[str, str] = {}
    unknown: list[Instruction] = []
    begun = 0
    for each in instructions(text):
        if each.word not in INSTRUCTIONS:
            unknown.append(each)
        elif each.word == "FROM":
            begun += 1
            if begun > STAGE_LIMIT:
                return None, (Unread(file, each.line, _TOO_MANY_STAGES),)
            stage = _begin(each, stages, defaults)
        elif stage is None:
            if each.word == "ARG":
                defaults |= {name: value or "" for name, value in _arguments(each.rest, defaults)}
        else:
            _apply(stage, each, file, defaults)
    if stage is None:
        return None, (Unread(file, 0, Text("it has no FROM, so it builds no image", "não tem FROM, então não gera imagem")),)
    image = Image(
        directory=posixpath.dirname(file) or ".",
        file=file,
        base=stage.base,
        settings=tuple(stage.environment[name] for name in sorted(stage.environment)),
        ports=tuple(sorted(stage.ports)),
        user=stage.user,
        healthcheck=stage.healthcheck,
        command=" ".join(part for part in (stage.entrypoint, stage.command) if part),
        evidence=(Evidence(file, stage.line, READER), *(Evidence(file, line, READER) for _, line in sorted(stage.ports.items()))),
    )
    return image, _unknown(file, unknown)


def copies(text: str) -> bool:
    """Tell whether a Dockerfile takes files of its context into any stage."""
    return any(
        (each.word in {"COPY", "ADD"} and "--from=" not in each.rest) or (each.word == "RUN" and "--mount=type=bind" in each.rest)
        for each in instructions(text)
    )


def instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile: comments and here-documents left out, continuation lines joined."""
    lines = text.split("\n")
    escape = _escape(lines)
    ends = _line_numbers(lines)
    at = 0
    while at < len(lines):
        content = lines[at]
        at += 1
        if not content.strip() or content.lstrip().startswith("#"):
            continue
        parts = []
        while content.rstrip().endswith(escape) and at < len(lines):
            parts.append((at, content.rstrip()[:-1]))
            # Comments and empty lines inside a continued instruction do not end it (Dockerfile reference, "Format").
            while at < len(lines) and (not lines[at].strip() or lines[at].lstrip().startswith("#")):
                at += 1
            content = lines[at] if at < len(lines) else ""
            at = min(at + 1, len(lines))
        parts.append((at, content))
        words = "".join(part for _, part in parts).split(None, 1)
        if not words:
            continue
        word, rest = words[0].upper(), words[1].strip() if len(words) > 1 else ""
        if word in {"RUN", "COPY", "ADD"}:
            at = _after_heredocs(rest, ends, at)
        yield Instruction(word, rest, tuple(parts))


def _escape(lines: list[str]) -> str:
    """Return the escape sign: a backtick where the directive at the top of the file says so."""
    for line in lines:
        directive = re.fullmatch(r"#\s*(\w+)\s*=\s*(\S+)\s*", line)
        if directive is None:
            break
        if directive[1].lower() == "escape" and directive[2] == "`":
            return "`"
    return "\\"


def _line_numbers(lines: list[str]) -> dict[str, list[int]]:
    """Return the places of every line that could close a here-document."""
    found: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        found.setdefault(line.strip("\t"), []).append(at)
    return found


def _after_heredocs(rest: str, ends: dict[str, list[int]], at: int) -> int:
    """Return the place after the here-documents that an instruction opens; an unclosed one opens nothing."""
    for match in _HEREDOC.finditer(rest):
        places = ends.get(match["word"], [])
        following = bisect_left(places, at)
        if following < len(places):
            at = places[following] + 1
    return at


def _begin(each: Instruction, stages: dict[str, _Stage], defaults: dict[str, str]) -> _Stage:
    """Open a stage; one that stands on an earlier stage takes over all that was said there."""
    words = [word for word in each.rest.split() if not word.startswith("--")]
    base = _filled(words[0], defaults) if words else ""
    origin = stages.get(base.lower())
    if origin is not None:
        stage = _Stage(
            origin.base, each.line, dict(origin.environment), dict(origin.values), dict(origin.ports), origin.user,
            origin.healthcheck, origin.entrypoint, origin.command, command_inherited=True,
        )  # fmt: skip
    else:
        stage = _Stage(base, each.line, {}, {}, {})
    if len(words) >= 3 and words[1].upper() == "AS":
        stages[words[2].lower()] = stage
    return stage


def _apply(stage: _Stage, each: Instruction, file: str, defaults: dict[str, str]) -> None:
    match each.word:
        case "ARG":
            for name, value in _arguments(each.rest, stage.values):
                default = defaults.get(name, "") if value is None else value
                stage.values.setdefault(name, default)
        case "ENV":
            places = each.places
            for name, value in _pairs(each.rest):
                filled = _filled(value, stage.values)
                stage.values[name] = filled
                stage.environment[name] = setting(name, filled, (Evidence(file, places.get(name, each.line), READER),))
        case "EXPOSE":
            for word in _filled(each.rest, stage.values).split():
                first, _, last = word.partition("/")[0].partition("-")
                if first.isdecimal() and len(first) < 6:
                    upper = int(last) if last.isdecimal() and len(last) < 6 else int(first)
                    for port in range(int(first), min(upper, int(first) + 100) + 1):
                        stage.ports.setdefault(port, each.line)
        case "USER":
            stage.user = _filled(each.rest, stage.values)
        case "HEALTHCHECK":
            stage.healthcheck = each.rest.strip().upper() != "NONE"
        case "ENTRYPOINT":
            stage.entrypoint = _command(each.rest)
            if stage.command_inherited:
                # An ENTRYPOINT resets the CMD that came with the base (Dockerfile reference, "ENTRYPOINT").
                stage.command = ""
        case "CMD":
            stage.command, stage.command_inherited = _command(each.rest), False
        case _:
            pass


def _arguments(rest: str, values: dict[str, str]) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for word in re.findall(r"(?:\"(?:\\.|[^\"\\])*\"|'[^']*'|\S)+", rest):
        name, equals, value = word.partition("=")
        found.append((name, _filled(_unquoted(value), values) if equals else None))
    return found


def _pairs(rest: str) -> list[tuple[str, str]]:
    """Return the variables of an ENV: `A=1 B="two words"`, or the old form `A value up to the end of the line`."""
    first = rest.split(None, 1)
    if first and "=" not in first[0]:
        return [(first[0], _unquoted(first[1].strip()) if len(first) > 1 else "")] if re.fullmatch(r"[\w.-]+", first[0]) else []
    return [(match[1], _unquoted(match[2])) for match in _PAIR.finditer(rest)]


def _unquoted(text: str) -> str:
    def piece(match: re.Match[str]) -> str:
        part = match[0]
        if part.startswith("'"):
            return part[1:-1]
        if part.startswith('"'):
            return re.sub(r"\\([\"\\])", r"\1", part[1:-1])
        return part[1:] if part.startswith("\\") and part != "\\$" else part

    return re.sub(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.", piece, text, flags=re.DOTALL)


def _filled(text: str, values: dict[str, str]) -> str:
    """Fill in `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+word}`; a name without a value stays as it is written.

    A text that would grow past every real value stays as it is: a variable may hold itself twice.
    """

    def value(match: re.Match[str]) -> str:
        name = match["braced"] or match["plain"]
        if name is None:
            return "$"
        known = values.get(name, "")
        if match["sign"] == "+":
            return match["word"] if known else ""
        return known or (match["word"] if match["sign"] == "-" else match[0])

    filled = _VARIABLE.sub(value, text)
    return filled if len(filled) <= LENGTH_LIMIT else text


def _command(rest: str) -> str:
    """Return a command as one line, from the list form or the shell form."""
    if rest.startswith("["):
        try:
            words = json.loads(rest)
        except (ValueError, RecursionError):
            return rest
        if isinstance(words, list):
            return " ".join(str(word) for word in words)
    return rest


def _unknown(file: str, unknown: list[Instruction]) -> tuple[Unread, ...]:
    if not unknown:
        return ()
    first = unknown[0]
    shown, count = first.word[:30], len(unknown)
    reason = Text(
        f"'{shown}' is no instruction of a Dockerfile (such lines: {count}); the rest of the file was read",
        f"'{shown}' não é uma instrução de Dockerfile (linhas assim: {count}); o resto do arquivo foi lido",
    )
    return (Unread(file, first.line, reason, partly=True),)
