"""Secrets that stand in the files of the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import Component, Evidence, Finding, Setting, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import counted, listed

MARK = re.compile(r"<secret:([0-9a-f]+)>")
"""What the readers put in the place of a secret: a hash, so that equal secrets are known as equal and none is ever shown."""

SAMPLES = re.compile(r"(^|[./_-])(example|sample|template|dist|test|tests|fixture|fixtures)([./_-]|$)", re.IGNORECASE)
"""Files that show what a secret looks like, or belong to tests."""

NO_SECRET = re.compile(r"(^|[^a-z])(user|username|login|host|hostname|port|database|db)$", re.IGNORECASE)
"""Names that a Kubernetes Secret often carries beside the secret."""


class Written(Struct, frozen=True):
    """A secret in a file: whose setting, where, and the hash of each secret in it."""

    component: Component
    setting: Setting
    places: tuple[Evidence, ...]
    hashes: tuple[str, ...]


@rule(
    "secret-committed",
    code="BE-SEC-014",
    family="security",
    severity=Severity.HIGH,
    en="Secret in the repository",
    pt="Segredo no repositório",
)
def secret_committed(system: System) -> Iterator[Finding]:
    """Yield one finding for all secrets whose value stands in a file that was read; references to a secret store are none."""
    written = [each for component in system.components for setting in component.settings for each in _written(component, setting)]
    if written:
        yield _finding(written)


def _written(component: Component, setting: Setting) -> Iterator[Written]:
    hashes = tuple(MARK.findall(setting.value)) if setting.secret and not NO_SECRET.search(setting.name) else ()
    # The value itself stands in a file of variables where there is one, and else in the last place; the others lead to it.
    places = tuple(sorted((*setting.evidence[-1:], *setting.evidence[:-1]), key=lambda place: place.reader != "dotenv"))
    sample = any(SAMPLES.search(place.file) for place in places)  # what leads to a sample has its value from there
    if hashes and places and not sample:
        yield Written(component, setting, places, hashes)


def _finding(written: list[Written]) -> Finding:
    names = tuple(dict.fromkeys(each.component.name for each in written))
    settings = tuple(dict.fromkeys(f"{each.component.name}: {each.setting.name}" for each in written))
    users: dict[str, set[str]] = {}
    for each in written:
        for digest in each.hashes:
            users.setdefault(digest, set()).add(each.component.name)
    shared = max((len(several) for several in users.values()), default=1)
    reuse = Text("", "")
    if shared > 1:
        reuse = Text(
            f" {'It' if len(users) == 1 else 'One of them'} serves {shared} components, so one leak opens all of them and one "
            f"rotation stops all of them.",
            f" {'Ele' if len(users) == 1 else 'Um deles'} serve a {shared} componentes: um vazamento abre todos, e uma troca para "
            f"todos.",
        )
    return Finding(
        rule="secret-committed",
        severity=Severity.HIGH,
        subject=settings[0] if len(settings) == 1 else "secrets in files",
        components=names,
        title=Text(
            f"{counted(len(users), 'secret stands', 'different secrets stand')} in the files of the repository",
            f"{counted(len(users), 'segredo está', 'segredos diferentes estão')} nos arquivos do repositório",
        ),
        why=Text(
            f"{listed(settings, 'en', most=6)}: whoever can read the repository, a fork or an old clone of it has "
            f"{'it' if len(users) == 1 else 'them'}. Taking the line out is not enough: the history keeps it, so the value has "
            f"to be changed.{reuse.en}",
            f"{listed(settings, 'pt', most=6)}: quem consegue ler o repositório, um fork ou um clone antigo "
            f"{'o tem' if len(users) == 1 else 'os tem'}. Apagar a linha não basta: o histórico a guarda, então o valor precisa "
            f"ser trocado.{reuse.pt}",
        ),
        evidence=distinct(place for each in written for place in each.places),
        confidence=0.85,
    )
