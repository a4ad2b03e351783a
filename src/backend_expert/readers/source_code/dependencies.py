"""The packages that a build file asks for at run time, with their lines, in one pass over the text."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator

_DECLARATION_LIMIT = 4_000
"""Longest `<dependency>` that is looked into, in characters; the longest in 42 public repositories has 556."""

_GRADLE = re.compile(
    r"[ \t]*(?:implementation|compile|api|runtimeOnly|runtime|compileOnly)\b[^'\"]{0,80}['\"][\w.-]+:(?P<name>[\w.-]+)"
)
_GO = re.compile(r"[ \t]*(?:require[ \t]+)?(?P<name>[\w.-]+\.\w+/[\w./-]+)[ \t]+v\S+(?P<rest>.*)")
_DOTNET = re.compile(r"[^<]*<PackageReference\s[^>]*Include=\"(?P<name>[\w.]+)\"")
_PYTHON = re.compile(r"[ \t]*[\"']?(?P<name>[A-Za-z][\w.-]*)(?=[\[=<>~!;,\s\"']|$)")


def dependencies(path: str, text: str) -> Iterator[tuple[str, int]]:
    """Yield the names of the packages in order: artifacts, modules or distributions as the format calls them."""
    name = posixpath.basename(path)
    if name == "pom.xml":
        yield from _of_maven(text)
    elif name == "composer.json":
        yield from _of_composer(text)
    else:
        pattern = _DOTNET if name.endswith(".csproj") else _GO if name == "go.mod" else _GRADLE if "gradle" in name else _PYTHON
        for number, line in enumerate(text.split("\n"), 1):
            match = pattern.match(line[:_DECLARATION_LIMIT])
            if match is not None and "// indirect" not in line:
                yield match["name"], number


def _of_maven(text: str) -> Iterator[tuple[str, int]]:
    """Leave out what is only managed, commented out, for tests or provided by the server."""
    text = _blanked(_blanked(text, "<!--", "-->"), "<dependencyManagement>", "</dependencyManagement>")
    line = 1
    for piece in re.split(r"(?=<dependency>)", text):
        body = piece[:_DECLARATION_LIMIT].partition("</dependency>")
        if piece.startswith("<dependency>") and body[1]:
            artifact = re.search(r"<artifactId>\s*([\w.-]+)", body[0])
            if artifact is not None and not re.search(r"<scope>\s*(test|provided)", body[0]):
                yield artifact[1], line + body[0].count("\n", 0, artifact.start())
        line += piece.count("\n")


def _blanked(text: str, begin: str, end: str) -> str:
    """Return the text with everything between the marks replaced by its line ends."""
    kept = []
    place = 0
    while (start := text.find(begin, place)) >= 0 and (stop := text.find(end, start)) >= 0:
        kept.append(text[place:start])
        kept.append("\n" * text.count("\n", start, stop))
        place = stop + len(end)
    return "".join([*kept, text[place:]])


def _of_composer(text: str) -> Iterator[tuple[str, int]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return  # Nothing is known of a broken file but that it is no build file that composer would take.
    required = document.get("require") if isinstance(document, dict) else None
    for name in required if isinstance(required, dict) else ():
        yield name, text.count("\n", 0, max(0, text.find(f'"{name}"'))) + 1
