"""What source code and its configuration tell of calls: half-facts that speak for whatever is built from their directory."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from backend_expert.model import UNKNOWN_POLICY, Evidence, Kind, Policy

EVERYBODY = "*"
"""In the place of a name: all that register."""


class Mention(Struct, frozen=True, kw_only=True, tag=True):
    """A text in code or configuration that names a peer, as a template with `${NAME:-default}` for variables.

    `key` is the call, variable or property it stands under; the rules for keys of settings hold for it. `application` is set where a
    file speaks for an application of that name and not for its directory (the files of a configuration server).
    """

    directory: str
    key: str
    text: str
    evidence: tuple[Evidence, ...]
    policy: Policy = UNKNOWN_POLICY
    application: str = ""


class Registration(Struct, frozen=True, kw_only=True, tag=True):
    """What is built from `directory` answers under `name`: a name of service discovery, or a gRPC service that it serves."""

    directory: str
    kind: Literal["discovery", "grpc"]
    name: str
    evidence: tuple[Evidence, ...]


class Use(Struct, frozen=True, kw_only=True, tag=True):
    """What is built from `directory` (or the application of that name) calls whoever registers `name`."""

    directory: str
    kind: Literal["discovery", "grpc"]
    name: str
    evidence: tuple[Evidence, ...]
    policy: Policy = UNKNOWN_POLICY
    application: str = ""


class Listens(Struct, frozen=True, kw_only=True, tag=True):
    """What is built from `directory` (or the application of that name) listens on `port` where nothing deploys it."""

    directory: str
    port: int
    evidence: tuple[Evidence, ...]
    application: str = ""


class Library(Struct, frozen=True, kw_only=True, tag=True):
    """A build file asks for a client of `technology`: it is used, and nothing here says where it is."""

    directory: str
    technology: str
    evidence: tuple[Evidence, ...]


class Role(Struct, frozen=True, kw_only=True, tag=True):
    """What is built from `directory` is a server of this kind by a dependency alone; `technology` is empty where it says nothing new."""

    directory: str
    kind: Kind
    technology: str
    evidence: tuple[Evidence, ...]


class Module(Struct, frozen=True, kw_only=True, tag=True):
    """A program that serves is built from `directory`, whether or not anything deploys it."""

    directory: str
    language: str
    evidence: tuple[Evidence, ...]


Fact = Mention | Registration | Use | Listens | Library | Role | Module
