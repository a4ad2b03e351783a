"""Tell what a component is from its image, its Dockerfile, its settings, its ports and, last, its name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Kind
from backend_expert.readers.products import (
    CLIENT_NAMES,
    GATEWAY_NAMES,
    JOB_WORDS,
    PLATFORM_NAMES,
    PORTS,
    PRODUCTS,
    RUNTIMES,
    STORE_NAMES,
    TELLING_SETTINGS,
    USES_A_PRODUCT,
    WORKER_WORDS,
)
from backend_expert.readers.settings import name_words


class Identity(Struct, frozen=True):
    """What a component is to the others, and the technology it is made of (empty when unknown)."""

    kind: Kind
    technology: str = ""


class Traits(Struct, frozen=True, kw_only=True):
    """Everything that tells what a component is.

    `base` is the image that its own image is built from; `built` says that its sources are in the repository.
    """

    name: str
    image: str = ""
    base: str = ""
    built: bool = False
    settings: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    command: str = ""


_IMAGES = {
    image: Identity(kind, technology)
    for kind, products in PRODUCTS.items()
    for technology, images in products.items()
    for image in images.split()
} | {image: Identity(Kind.SERVICE, technology) for technology, images in RUNTIMES.items() for image in images.split()}

_PRODUCT_WORDS = {
    word: identity
    for word, identity in _IMAGES.items()
    if identity.kind in {Kind.DATABASE, Kind.CACHE, Kind.BROKER} and re.fullmatch(r"[a-z0-9]+", word)
} | {"pg": Identity(Kind.DATABASE, "postgresql"), "elastic": Identity(Kind.DATABASE, "elasticsearch")}


def identify(traits: Traits) -> Identity:
    """Return what the component is: the surest sign that says something wins; without any it is a service of unknown technology."""
    for identity in _signs(traits):
        if identity is not None:
            return _at_work(identity, traits)
    return _at_work(Identity(Kind.SERVICE), traits)


def runtime(files: frozenset[str], package: str) -> str:
    """Return the technology of a source directory from the names in it; `package` is the text of its package.json, or empty."""
    if "package.json" in files:
        for name, technology in (('"@nestjs/core"', "nestjs"), ('"fastify"', "fastify"), ('"express"', "express")):
            if name in package:
                return technology
        return "node"
    for technology, markers in (
        ("go", {"go.mod"}),
        ("java", {"pom.xml", "build.gradle", "build.gradle.kts"}),
        ("python", {"requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "manage.py"}),
        ("php", {"composer.json"}),
        ("ruby", {"Gemfile"}),
        ("rust", {"Cargo.toml"}),
        ("elixir", {"mix.exs"}),
    ):
        if markers & files:
            return technology
    return "dotnet" if any(name.endswith((".csproj", ".fsproj")) for name in files) else ""


def _signs(traits: Traits) -> Iterator[Identity | None]:
    """Yield what each sign says, the surest first; `None` where it says nothing."""
    if not traits.built:
        yield by_image(traits.image)
    if traits.name.lower() in CLIENT_NAMES or _repository(traits.image).rpartition("/")[2] in CLIENT_NAMES:
        yield Identity(Kind.CLIENT, (by_image(traits.base) or Identity(Kind.CLIENT)).technology)
    if traits.name.lower() in PLATFORM_NAMES:
        yield Identity(Kind.PLATFORM, PLATFORM_NAMES[traits.name.lower()])
    base = by_image(traits.base)
    if traits.name.lower() in GATEWAY_NAMES and (base is None or base.kind is Kind.SERVICE):
        yield Identity(Kind.GATEWAY, base.technology if base is not None else "")
    yield base
    if traits.built and traits.base:
        return  # It has sources and a base that is no product: a name alone does not make it a store.
    yield from (_by_words(text, traits) for text in (_repository(traits.image).rpartition("/")[2], traits.name) if text)


def by_image(image: str) -> Identity | None:
    """Return what an image is known to be, by its name alone; registry, tag and digest do not count."""
    path = _repository(image)
    if not path:
        return None
    parts = path.split("/")
    for start in range(max(0, len(parts) - 3), len(parts)):
        identity = _IMAGES.get("/".join(parts[start:]))
        if identity is not None:
            return identity
    return None


def _repository(image: str) -> str:
    """Return the path of an image without tag, digest and placeholders."""
    path = image.lower().split("@")[0]
    path = re.sub(r"\$\{[^{}]*\}", "", path)
    path = re.sub(r":[^/]*$", "", path)
    return path.strip("/ ")


def _by_words(text: str, traits: Traits) -> Identity | None:
    """Read a name such as `rs-mongodb`, `orders-db` or `redis-cart`; a word like `exporter` or `service` takes the meaning away."""
    parts = name_words(text)
    if not parts or USES_A_PRODUCT & set(parts) or JOB_WORDS & set(parts) or WORKER_WORDS & set(parts):
        return None
    for part in reversed(parts):
        if part in _PRODUCT_WORDS:
            return _PRODUCT_WORDS[part]
    technology = _by_settings(traits.settings) or next((PORTS[port] for port in traits.ports if port in PORTS), "")
    known = _PRODUCT_WORDS.get(technology)
    if parts[-1] in STORE_NAMES:
        return known or Identity(STORE_NAMES[parts[-1]])
    return None


def _by_settings(names: tuple[str, ...]) -> str:
    for technology, signs in TELLING_SETTINGS.items():
        if signs & set(names):
            return technology
    return ""


def works_alone(name: str, command: str) -> bool:
    """Tell whether a name or a command says that the component takes its work by itself and waits for no requests."""
    return bool((set(name_words(name)) | set(name_words(command))) & WORKER_WORDS or set(name_words(name)) & JOB_WORDS)


def _at_work(identity: Identity, traits: Traits) -> Identity:
    """Turn a service that waits for no requests into a worker: its name or command says so, and it listens on no port."""
    if identity.kind is Kind.SERVICE and not traits.ports and works_alone(traits.name, traits.command):
        return Identity(Kind.WORKER, identity.technology)
    return identity
