"""Sort the manifests of a repository into deployment descriptions: which directories speak of one system, which only vary it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from enum import IntEnum

from msgspec import Struct

from backend_expert.readers.kubernetes.manifests import Manifest


class Standing(IntEnum):
    """How near to production a description is; the value is the rank of its fragments (the lowest is taken)."""

    PRODUCTION = 15
    PLAIN = 20
    BUNDLE = 25
    CHART = 30
    REHEARSAL = 60
    VARIANT = 80
    TRIAL = 90


WORKLOADS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod", "Job", "CronJob", "Rollout"}
    | {"DeploymentConfig"}
)
"""Kinds whose objects run containers: those of Kubernetes, the `Rollout` of Argo and the `DeploymentConfig` of OpenShift."""

_WORDS = {
    Standing.PRODUCTION: frozenset({"live", "prd", "prod", "production"}),
    Standing.BUNDLE: frozenset({"bundle", "bundles", "generated", "release", "releases", "rendered"}),
    Standing.REHEARSAL: frozenset(
        {"debug", "dev", "develop", "development", "kind", "local", "localhost", "minikube", "preview", "qa", "sandbox", "stage"}
        | {"staging", "stg", "uat"}
    ),
    Standing.VARIANT: frozenset(
        {
            "addons",
            "blue",
            "canary",
            "chaos",
            "contrib",
            "extra",
            "extras",
            "fault",
            "faults",
            "green",
            "inject",
            "injection",
            "istio",
        }
        | {"linkerd", "optional", "overlay", "overlays", "patches"}
    ),
    Standing.TRIAL: frozenset(
        {".circleci", ".github", ".gitlab", "doc", "docs", "e2e", "example", "examples", "fixtures", "old", "sample", "samples"}
        | {"test", "testdata", "tests", "tutorial", "tutorials"}
    ),
}
_AROUND = frozenset(
    {
        "app",
        "apps",
        "cluster",
        "json",
        "deploy",
        "deployment",
        "deployments",
        "env",
        "environment",
        "helm",
        "k8s",
        "kube",
        "kubernetes",
    }
    | {"manifest", "manifests", "values", "with", "yaml", "yml"}
)
"""Words that may stand beside the ones above without changing their sense: `k8s-with-istio`, but not `test-results-service`."""


class Family(Struct, frozen=True):
    """The objects of one deployment description, the most telling directory first; `rank` orders the descriptions."""

    directory: str
    rank: int
    manifests: tuple[Manifest, ...]


def standing_of(path: str) -> Standing:
    """Return the standing that the words of a path give: the farthest from production wins."""
    found = [standing for segment in path.split("/") if (standing := _standing_of_name(segment)) is not None]
    return max(found, default=Standing.PLAIN)


def families(manifests: Iterable[Manifest], variants: frozenset[str]) -> list[Family]:
    """Return the deployment descriptions, ordered by rank.

    Directories whose workloads do not overlap speak of one system and are joined from the leaves of the tree upwards; where most of
    the smaller one's workloads stand in the other too, they are two descriptions of the same system and stay apart.
    """
    groups: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        groups.setdefault(posixpath.dirname(manifest.file), []).append(manifest)
    classes: dict[int, list[_Group]] = {}
    for directory, members in sorted(groups.items()):
        standing = standing_of(directory)
        if any(directory == variant or directory.startswith(f"{variant}/") for variant in variants):
            standing = max(standing, Standing.VARIANT)
        ordered = tuple(sorted(members, key=lambda each: (_rehearsed(each.file), each.file, each.line)))
        group = _Group((directory,), standing, ordered)
        classes.setdefault(max(standing, Standing.BUNDLE), []).append(group)
    near = _gathered(classes.pop(Standing.BUNDLE, []))
    rehearsals = _gathered(classes.pop(Standing.REHEARSAL, []))
    if near and rehearsals and len(near[0].workloads) < len(rehearsals[0].workloads) and not near[0].overlaps(rehearsals[0]):
        near[0] = near[0].joined(rehearsals.pop(0))
    found = [near, rehearsals, *(_gathered(groups) for _, groups in sorted(classes.items()))]
    return [
        Family(group.directory, group.standing + min(place, 4), group.manifests)
        for groups_of_class in found
        for place, group in enumerate(groups_of_class)
    ]


class _Group(Struct, frozen=True):
    directories: tuple[str, ...]
    standing: int
    manifests: tuple[Manifest, ...]

    @property
    def directory(self) -> str:
        """Return the directory that holds all workloads; other objects may stand beside it."""
        holding = {posixpath.dirname(each.file) for each in self.manifests if each.kind in WORKLOADS}
        return posixpath.commonpath(sorted(holding) or self.directories)

    @property
    def workloads(self) -> frozenset[str]:
        return frozenset(each.name for each in self.manifests if each.kind in WORKLOADS)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(f"{each.kind}/{each.name}" for each in self.manifests)

    @property
    def preference(self) -> tuple[int, int, int, str]:
        return (self.standing, -len(self.workloads), self.directory.count("/"), self.directory)

    def overlaps(self, other: _Group) -> bool:
        """Tell whether most of the smaller group stands in the other: workloads where both have some, other objects where not."""
        mine, theirs = self.workloads, other.workloads
        if not mine or not theirs:
            mine, theirs = self.names, other.names
        return 2 * len(mine & theirs) > min(len(mine), len(theirs))

    def joined(self, other: _Group) -> _Group:
        return _Group(self.directories + other.directories, min(self.standing, other.standing), self.manifests + other.manifests)


def _gathered(groups: list[_Group]) -> list[_Group]:
    """Join groups that do not overlap, nearest directories first; return them in order of preference."""
    deepest = max((group.directory.count("/") + 1 for group in groups), default=0)
    for depth in range(deepest, -1, -1):
        below: dict[tuple[str, ...], list[_Group]] = {}
        for group in sorted(groups, key=lambda each: each.preference):
            below.setdefault(_segments(group.directory)[:depth], []).append(group)
        groups = [group for _, bucket in sorted(below.items()) for group in _accreted(bucket)]
    return sorted(groups, key=lambda each: each.preference)


def _accreted(groups: list[_Group]) -> list[_Group]:
    joined: list[_Group] = []
    for group in groups:
        for place, other in enumerate(joined):
            if not other.overlaps(group):
                joined[place] = other.joined(group)
                break
        else:
            joined.append(group)
    return joined


def _rehearsed(file: str) -> bool:
    """Tell whether a file among others of its directory is not meant for production: `orders-dev.yaml` beside `orders.yaml`."""
    words = set(re.split(r"[-_.]", posixpath.basename(file).lower()))
    return bool(words & (_WORDS[Standing.REHEARSAL] | _WORDS[Standing.VARIANT]))


def _segments(directory: str) -> tuple[str, ...]:
    return tuple(directory.split("/")) if directory else ()


def _standing_of_name(name: str) -> Standing | None:
    lowered = name.lower()
    parts = {lowered} if lowered.startswith(".") else set(re.split(r"[-_.]", lowered)) - _AROUND
    for standing, words in _WORDS.items():
        if parts and parts <= words:
            return standing
    return None
