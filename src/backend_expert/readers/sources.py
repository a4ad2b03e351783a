"""Where the sources of a component stand, which Dockerfile builds it, and what it is written in."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from backend_expert.model import Component
from backend_expert.readers.descriptions import plain_name
from backend_expert.readers.fragment import Image
from backend_expert.readers.repository import Repository
from backend_expert.readers.technology import by_image, runtime

_BUILD_FILES = (
    "package.json",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "go.mod",
    "requirements.txt",
    "pyproject.toml",
    "Pipfile",
    "composer.json",
)


class Sources:
    """The build directories of a repository, asked by component."""

    def __init__(self, images: Iterable[Image], repository: Repository) -> None:
        self._images = tuple(sorted(images, key=lambda image: (image.directory, image.file)))
        self._repository = repository
        self._named: dict[str, set[str]] = {}
        for path in repository.matching(*_BUILD_FILES):
            directory = posixpath.dirname(path)
            self._named.setdefault(plain_name(posixpath.basename(directory)), set()).add(directory)
        self._short = _without_shared_words({directory for found in self._named.values() for directory in found})
        self._names: dict[str, set[str]] = {}
        for path in repository.files:
            self._names.setdefault(posixpath.dirname(path) or ".", set()).add(posixpath.basename(path))

    def image(self, component: Component) -> Image | None:
        """Return the Dockerfile of a component: that of its build directory, else that of the one directory with its name."""
        if component.source:
            same = [image for image in self._images if image.directory == component.source]
            below = [image for image in self._images if image.directory.startswith(f"{component.source}/")]
            return _plainest(same) or (below[0] if len(below) == 1 and component.source != "." else None)
        names = _names(component)
        named = [image for image in self._images if names & {plain_name(part) for part in image.directory.split("/")[-2:]}]
        return _plainest(named) if len({image.directory for image in named}) == 1 else None

    def directory(self, component: Component) -> str:
        """Return the build directory of a component; without a Dockerfile, the one with a build file and its name, else empty."""
        image = self.image(component)
        built = component.source or (image.directory if image is not None else "")
        if built:
            return self._mounted(component, built) or built
        names = _names(component)
        found = {directory for name in names for directory in self._named.get(name, ())}
        if not found and by_image(component.image) is None:
            found = {directory for name in names for directory in self._short.get(name, ())}
        return found.pop() if len(found) == 1 else self._ending(component) if not found else ""

    def _mounted(self, component: Component, built: str) -> str:
        """Return the one directory with a build file that is mounted into an image which is built without any sources."""
        directories = {directory or "." for found in self._named.values() for directory in found}
        if built == "." or any(f"{directory}/".startswith(f"{built}/") for directory in directories):
            return ""
        volumes = component.deployment.volumes if component.deployment is not None else ()
        mounted = {posixpath.normpath(volume.source) for volume in volumes if volume.source.startswith("./")} & directories
        return mounted.pop() if len(mounted) == 1 else ""

    def _ending(self, component: Component) -> str:
        """Return the one directory whose name ends that of an image no registry knows: `acme/shop-orders` is built from `orders`."""
        name = _image_name(component)
        if not name or by_image(component.image) is not None:
            return ""
        parts = re.split(r"[-_.]", name)
        for start in range(1, len(parts)):
            found = self._named.get(plain_name("-".join(parts[start:])), set())
            if found:
                return next(iter(found)) if len(found) == 1 else ""
        return ""

    def technology(self, directory: str) -> str:
        """Return what the sources in a directory are written in; empty when nothing there says it."""
        names = frozenset(self._names.get(directory or ".", ()))
        path = "package.json" if directory == "." else f"{directory}/package.json"
        package = self._repository.text(path) if "package.json" in names else None
        return runtime(names, package or "")


def _without_shared_words(directories: set[str]) -> dict[str, set[str]]:
    """Return directories by what is their own in their names: `cart` and `users` for `cart-shop-service` beside `users-shop-service`."""
    beside: dict[str, list[str]] = {}
    for directory in sorted(directories):
        beside.setdefault(posixpath.dirname(directory), []).append(directory)
    short: dict[str, set[str]] = {}
    for siblings in beside.values():
        words = {directory: re.split(r"[-_.]", posixpath.basename(directory)) for directory in siblings}
        for directory, own in words.items():
            for cut in range(1, len(own)):
                others = [each for other, each in words.items() if other != directory]
                if any(each[-cut:] == own[-cut:] for each in others if len(each) > cut):
                    short.setdefault(plain_name("-".join(own[:-cut])), set()).add(directory)
                if any(each[:cut] == own[:cut] for each in others if len(each) > cut):
                    short.setdefault(plain_name("-".join(own[cut:])), set()).add(directory)
    return short


def _names(component: Component) -> set[str]:
    return {plain_name(component.name), plain_name(_image_name(component))} - {""}


def _image_name(component: Component) -> str:
    return component.image.split("@")[0].rpartition("/")[2].partition(":")[0]


def _plainest(images: list[Image]) -> Image | None:
    """Prefer the file called Dockerfile to `Dockerfile.debug`."""
    return min(images, key=lambda image: (posixpath.basename(image.file) != "Dockerfile", image.file), default=None)
