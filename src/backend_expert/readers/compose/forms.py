"""The short and long forms of Compose: ports, volumes, health checks, sizes and durations."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from typing import Literal

from backend_expert.model import Port, Probe, Volume
from backend_expert.readers.compose.service import Found
from backend_expert.readers.repository import beside

RANGE_LIMIT = 64
"""Most ports of one range that are kept one by one: FTP and media servers publish thousands, and they are all alike."""

_PORT = re.compile(
    r"(?:(?P<address>\[[0-9a-fA-F:.]+\]|\d{1,3}(?:\.\d{1,3}){3}|localhost):)?"
    r"(?:(?P<published>[^:]*):)?(?P<target>\d+(?:-\d+)?)(?:/(?P<protocol>\w+))?"
)
_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_DURATION = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def ports(entry: Found) -> Iterator[Port]:
    """Yield the ports of one entry of `ports`; none where the port of the container is not known.

    `22:22` is two numbers here, never the 1342 that YAML 1.1 makes of it. A published port that is not known counts as 0.
    """
    if entry.at("target") is not None:
        yield from _long_port(entry)
        return
    match = _PORT.fullmatch(entry.text)
    if match is None:
        return
    target = _range(match["target"])
    published = _range(match["published"] or "")
    for position, number in enumerate(target[:RANGE_LIMIT]):
        outside = published[position] if len(published) == len(target) else 0
        yield Port(
            number=number,
            published=outside,
            address=(match["address"] or "").strip("[]"),
            protocol=(match["protocol"] or "tcp").lower(),
            evidence=entry.evidence,
        )


def exposed(entry: Found) -> Iterator[Port]:
    """Yield the ports of one entry of `expose`."""
    match = re.fullmatch(r"(?P<target>\d+(?:-\d+)?)(?:/(?P<protocol>\w+))?", entry.text)
    if match is not None:
        for number in _range(match["target"])[:RANGE_LIMIT]:
            yield Port(number=number, protocol=(match["protocol"] or "tcp").lower(), evidence=entry.evidence)


def _long_port(entry: Found) -> Iterator[Port]:
    def text(key: str) -> str:
        found = entry.at(key)
        return found.text if found is not None else ""

    for number in _range(text("target"))[:RANGE_LIMIT]:
        published = _range(text("published"))
        yield Port(
            number=number,
            published=published[0] if published else 0,
            address=text("host_ip"),
            protocol=text("protocol") or "tcp",
            name=text("name") or text("app_protocol"),
            evidence=entry.evidence,
        )


def _range(text: str) -> list[int]:
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text.strip())
    if match is None:
        return []
    first, last = int(match[1]), int(match[2] or match[1])
    return list(range(first, last + 1)) if 0 < first <= last < 65_536 else []


def volume(entry: Found) -> Volume | None:
    """Return one entry of `volumes`; `None` where the path in the container is not known.

    A bind mount of the repository has a `source` that starts with `./`, counted from the root. An anonymous volume does not
    persist: `docker compose down` leaves it behind and `up` makes a new one.
    """
    target = entry.at("target")
    if target is not None:
        kind = entry.at("type")
        source = entry.at("source")
        named = source.text if source is not None else ""
        temporary = kind is not None and kind.text == "tmpfs"
        return Volume(
            path=target.text,
            source=_source(entry, named),
            persistent=bool(named) and not temporary,
            evidence=(entry.layer.evidence(entry.node.line),),
        )
    # A drive letter (`C:\data`) and a default (`${A:-b}`) hold colons that separate nothing.
    parts = re.findall(r"(?:\$\{[^}]*\}|^[A-Za-z]:[\\/]|[^:])+", entry.text)
    if not parts or not parts[0]:
        return None
    if len(parts) == 1:
        return Volume(path=parts[0], persistent=False, evidence=entry.evidence)
    return Volume(path=parts[1], source=_source(entry, parts[0]), evidence=entry.evidence)


def _source(entry: Found, source: str) -> str:
    if not source.startswith((".", "/", "~")) and "/" not in source and "\\" not in source:
        return source
    path = beside(entry.layer.file, source) if source.startswith(".") else None
    return f"./{path}" if path is not None else source


def health(check: Found) -> Probe | None:
    """Return the probe of a `healthcheck`; `None` where it is switched off."""
    disabled, test = check.at("disable"), check.at("test")
    if disabled is not None and disabled.text.lower() in {"true", "yes", "on"}:
        return None
    if test is None:
        return None
    words = [item.text for item in test.items()]
    if not words or words[0] == "NONE":
        return None
    command = " ".join(words[1:] if words[0] in {"CMD", "CMD-SHELL"} else words)
    mechanism, target = _mechanism(command)
    return Probe(
        kind="healthcheck",
        mechanism=mechanism,
        target=target,
        period_s=_seconds(check.at("interval")),
        timeout_s=_seconds(check.at("timeout")),
        evidence=(check.layer.evidence(test.node.line),),
    )


def _mechanism(command: str) -> tuple[Literal["http", "tcp", "grpc", "command"], str]:
    if "grpc_health_probe" in command or "grpc-health-probe" in command:
        return "grpc", command
    match = re.search(r"https?://[^\s\"']+", command)
    if match and re.search(r"\b(curl|wget|fetch|http)\b", command.replace(match[0], "")):
        return "http", match[0]
    if re.search(r"(^|\s|/)nc(\s|$)|/dev/tcp/", command):
        return "tcp", command
    return "command", command


def _seconds(found: Found | None) -> float | None:
    return seconds(found.text) if found is not None else None


def seconds(text: str) -> float | None:
    """Return a duration (`1m30s`, `500ms`, `10`) in seconds; `None` where it is none."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|µs|ms|s|m|h|d)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return float(sum(float(number) * _DURATION[unit] for number, unit in parts))


def megabytes(text: str) -> float | None:
    """Return a size (`512m`, `1.5GB`, `64MiB`, bytes) in MiB; `None` where it is none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)i?b?", text.strip().lower())
    return float(match[1]) * _UNITS[match[2]] / 1024**2 if match else None


def arguments(entry: Found) -> list[str]:
    """Return the words of a command, given as a list or as a line for a shell."""
    words: list[str] = []
    for item in entry.items():
        text = item.text
        if " " not in text:
            words.append(text)
            continue
        try:
            words.extend(shlex.split(text.replace("\n", " ")))
        except ValueError:
            words.extend(text.split())
    # `sh -c "wait-for db:5432 && start"` arrives as one word.
    return [part for word in words for part in (word.split() if " " in word else [word])]


def directory(entry: Found, text: str) -> str:
    """Return a build context from the root of the repository; empty where it is a URL or leaves the root."""
    if "://" in text or text.startswith(("git@", "github.com/")) or "$" in text:
        return ""
    path = beside(entry.layer.file, text or ".")
    return posixpath.normpath(path) if path is not None else ""
