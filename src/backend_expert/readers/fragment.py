"""What one reader hands to the join: half-facts, each with the line it stands on."""

from __future__ import annotations

from msgspec import Struct

from backend_expert.model import UNKNOWN_POLICY, Certainty, Component, Evidence, Policy, Setting, Unread
from backend_expert.readers.code import Code, Table
from backend_expert.readers.source_code.facts import Fact


class Address(Struct, frozen=True, kw_only=True):
    """A text that may name a peer: an environment value, a proxy target, an argument.

    `owner` is the component that holds it, or, when a file speaks for whatever is built from its directory, the empty string with
    `directory` set. `key` is the name it stands under (`REDIS_ADDR`, `proxy_pass`); `path` is a public path prefix where a proxy
    has one. `text` may still hold `${NAME}` placeholders that the join fills from the owner's settings; `policy` is what code says of the
    call.
    """

    key: str
    text: str
    evidence: tuple[Evidence, ...]
    owner: str = ""
    directory: str = ""
    path: str = ""
    timeout_ms: float | None = None
    policy: Policy = UNKNOWN_POLICY
    certainty: Certainty = Certainty.DECLARED


class StartOrder(Struct, frozen=True, kw_only=True):
    """`component` is started after `target` (depends_on, links): a hint of use, not a call."""

    component: str
    target: str
    evidence: tuple[Evidence, ...]
    healthy: bool = False


class Image(Struct, frozen=True, kw_only=True):
    """What a Dockerfile says of the image that is built from `directory`."""

    directory: str
    file: str
    base: str = ""
    settings: tuple[Setting, ...] = ()
    ports: tuple[int, ...] = ()
    user: str = ""
    healthcheck: bool = False
    command: str = ""
    evidence: tuple[Evidence, ...] = ()


class Fragment(Struct, frozen=True, kw_only=True):
    """The half-facts of one deployment description or of one file.

    `deployment` names the description the components belong to (`compose:docker-compose.yaml`, `kubernetes:deploy/`): the join
    keeps the system of one description and uses the others to complete it. `rank` orders descriptions: the lowest is the most
    like production. Components carry their DNS names in `aliases` and their build directory in `source`.
    """

    reader: str
    deployment: str = ""
    rank: int = 50
    components: tuple[Component, ...] = ()
    addresses: tuple[Address, ...] = ()
    orders: tuple[StartOrder, ...] = ()
    images: tuple[Image, ...] = ()
    facts: tuple[Fact, ...] = ()
    code: tuple[Code, ...] = ()
    tables: tuple[Table, ...] = ()
    files: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
