"""Stores that more than one service uses."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.model import (
    STORES,
    Action,
    CacheGet,
    CachePut,
    Certainty,
    Component,
    Dataset,
    Evidence,
    Finding,
    Kind,
    Link,
    Query,
    Severity,
    System,
    Text,
    call_sites,
)
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import BESIDE_REQUESTS, carries_messages, distinct
from backend_expert.rules.wording import counted, listed


class Use(Struct, frozen=True):
    """One service's use of one dataset of a store; `database` and `table` are empty where the files do not say."""

    service: str
    database: str
    table: str
    writes: bool
    certainty: Certainty
    evidence: tuple[Evidence, ...]


@rule(
    "shared-datastore",
    code="BE-STR-001",
    family="structure",
    severity=Severity.HIGH,
    en="Store shared by several services",
    pt="Banco compartilhado por vários serviços",
)
def shared_datastore(system: System) -> Iterator[Finding]:
    """Yield, for each store, what its services share: tables, a database, only the server, or what the files do not say.

    Processes that run the same image are one service (a web process and its worker), and only they may share freely.
    """
    for store in system.components:
        if store.kind not in STORES or carries_messages(store):
            continue
        uses = _uses(system, store.name)
        services = tuple(dict.fromkeys(each.service for each in uses))
        if len({_owner(system.component(name)) for name in services}) < 2:
            continue
        found = (*_shared_tables(system, store.name, uses), *_shared_databases(system, store.name, uses))
        yield from found or (_server(store.name, uses),)


def _uses(system: System, store: str) -> tuple[Use, ...]:
    datasets = {dataset.name: dataset for dataset in system.datasets}
    kinds = {component.name: component.kind for component in system.components}
    uses: dict[tuple[str, str, str, bool], Use] = {}
    for site in call_sites(system):
        beside = kinds.get(site.caller) in BESIDE_REQUESTS | STORES | {Kind.EXTERNAL}
        if site.callee != store or beside or not isinstance(site.step, Query | CacheGet | CachePut):
            continue
        database, table = _place(datasets[site.step.dataset])
        writes = isinstance(site.step, CachePut) or (isinstance(site.step, Query) and site.step.action is not Action.READ)
        key = (site.caller, database, table, writes)
        before = uses[key].evidence if key in uses else ()
        # the step itself and, at the end of its evidence, what leads it to this store
        here = (*site.step.evidence[:1], *site.step.evidence[-1:])
        uses[key] = Use(site.caller, database, table, writes, site.step.certainty, distinct((*before, *here)))
    return tuple(uses[key] for key in sorted(uses))


def _place(dataset: Dataset) -> tuple[str, str]:
    """Return the database and the table of a dataset, each empty where unknown."""
    rest = dataset.name.partition("/")[2]
    if rest in {"", "*"} or rest == dataset.database:
        return dataset.database, ""
    database, dot, table = rest.rpartition(".")
    return (dataset.database or database, table) if dot else (dataset.database, rest)


def _owner(component: Component) -> str:
    """Return what a component is built from: processes of one code base are one service."""
    return component.source or component.image or component.name


def _several_owners(system: System, uses: tuple[Use, ...] | list[Use]) -> bool:
    return len({_owner(system.component(each.service)) for each in uses}) > 1


def _shared_tables(system: System, store: str, uses: tuple[Use, ...]) -> tuple[Finding, ...]:
    """Return one finding for each database in which services use each other's tables."""
    tables: dict[tuple[str, str], list[Use]] = {}
    for each in uses:
        if each.table:
            tables.setdefault((each.database, each.table), []).append(each)
    shared = {place: users for place, users in tables.items() if _several_owners(system, users)}
    findings = []
    for database in sorted({place[0] for place in shared}):
        users = [each for place, several in shared.items() if place[0] == database for each in several]
        names = [f"{place[0]}.{place[1]}" if place[0] else place[1] for place in shared if place[0] == database]
        contested = [
            place for place in shared if place[0] == database and _several_owners(system, [u for u in shared[place] if u.writes])
        ]
        findings.append(_tables(store, database, names, users, written_twice=bool(contested)))
    return tuple(findings)


def _tables(store: str, database: str, names: list[str], users: list[Use], *, written_twice: bool) -> Finding:
    writers = tuple(sorted({each.service for each in users if each.writes}))
    services = tuple(sorted({each.service for each in users}))
    readers = tuple(name for name in services if name not in writers)
    if written_twice:
        why = Text(
            f"{listed(writers, 'en')} all write {listed(names, 'en', most=5)} in `{store}`. No one of them can keep a rule about "
            f"those rows, because the others write past it, and no one can change a column without a deployment of all.",
            f"{listed(writers, 'pt')} gravam em {listed(names, 'pt', most=5)} no `{store}`. Nenhum deles consegue garantir uma "
            f"regra sobre essas linhas, porque os outros gravam por fora, e nenhum consegue mudar uma coluna sem implantar todos.",
        )
    else:
        why = Text(
            f"{listed(readers, 'en') or listed(services, 'en')} {'reads' if len(readers) == 1 else 'read'} "
            f"{listed(names, 'en', most=5)} of {listed(writers, 'en') or 'another service'} straight from `{store}`: the table "
            f"has become an interface that nobody versions, and a slow report holds the same connections, locks and cache as the "
            f"requests of the owner.",
            f"{listed(readers, 'pt') or listed(services, 'pt')} {'lê' if len(readers) == 1 else 'leem'} "
            f"{listed(names, 'pt', most=5)} de {listed(writers, 'pt') or 'outro serviço'} direto no `{store}`: a tabela virou uma "
            f"interface que ninguém versiona, e um relatório lento disputa as mesmas conexões, locks e cache que as requisições "
            f"do dono.",
        )
    first = readers or services
    return Finding(
        rule="shared-datastore",
        severity=Severity.HIGH if written_twice else Severity.MEDIUM,
        subject=f"{store}/{database}" if database else f"{store} tables",
        components=distinct((*first, *(name for name in services if name not in first), store)),
        links=tuple(Link(name, store) for name in services),
        title=Text(
            f"{counted(len(services), 'service', 'services')} {'write' if written_twice else 'use'} the same tables in `{store}`",
            f"{counted(len(services), 'serviço', 'serviços')} {'gravam' if written_twice else 'usam'} as mesmas tabelas no "
            f"`{store}`",
        ),
        why=why,
        evidence=distinct(place for each in users for place in each.evidence),
        confidence=0.95,
    )


def _shared_databases(system: System, store: str, uses: tuple[Use, ...]) -> tuple[Finding, ...]:
    """Return one finding for each database that several services open and whose tables the files do not show."""
    databases: dict[str, list[Use]] = {}
    for each in uses:
        if each.database:
            databases.setdefault(each.database, []).append(each)
    findings = []
    for database, users in sorted(databases.items()):
        opaque = [each for each in users if not each.table]
        if not opaque or not _several_owners(system, users):
            continue
        services = tuple(sorted({each.service for each in users}))
        findings.append(
            Finding(
                rule="shared-datastore",
                severity=Severity.MEDIUM,
                subject=f"{store}/{database}",
                components=(*services, store),
                links=tuple(Link(name, store) for name in services),
                title=Text(
                    f"{len(services)} services open the same database `{database}` on `{store}`",
                    f"{len(services)} serviços abrem o mesmo banco `{database}` no `{store}`",
                ),
                why=Text(
                    f"{listed(services, 'en')} all connect to `{database}`. Which tables each uses was not found in the files "
                    f"read, but nothing in the connection keeps them apart: a migration of one can break the others, and they "
                    f"share its connections, locks and cache.",
                    f"{listed(services, 'pt')} conectam no `{database}`. Quais tabelas cada um usa não foi encontrado nos "
                    f"arquivos lidos, mas nada na conexão os separa: uma migração de um pode quebrar os outros, e todos dividem "
                    f"as conexões, os locks e o cache.",
                ),
                evidence=distinct(place for each in users for place in each.evidence),
                confidence=0.8,
            )
        )
    return tuple(findings)


def _server(store: str, uses: tuple[Use, ...]) -> Finding:
    """Return what is left where no table and no database is known to be shared: one server, with databases known or not."""
    services = tuple(sorted({each.service for each in uses}))
    first = {each.service: each for each in reversed(uses)}
    apart = all(each.database or each.table for each in uses)
    effect = Text(
        "They share one failure, one upgrade, one connection limit and one cache: a heavy query of one slows all of them.",
        "Eles dividem uma falha, uma atualização, um limite de conexões e um cache: uma consulta pesada de um deixa todos lentos.",
    )
    databases = tuple(sorted({each.database or each.table for each in uses}))
    one = len({each.database for each in uses} - {""}) == 1 and all(each.database for each in uses)
    if apart and one:
        why = Text(
            f"{listed(services, 'en')} use tables of their own in the same database {listed(databases, 'en')}; nothing but habit keeps "
            f"them from using each other's. {effect.en}",
            f"{listed(services, 'pt')} usam tabelas próprias no mesmo banco de dados {listed(databases, 'pt')}; só o costume impede que "
            f"um use as do outro. {effect.pt}",
        )
    elif apart:
        why = Text(
            f"{listed(services, 'en')} use databases or key spaces of their own ({listed(databases, 'en')}) on one server. "
            f"{effect.en}",
            f"{listed(services, 'pt')} usam bancos ou espaços de chaves próprios ({listed(databases, 'pt')}) no mesmo servidor. "
            f"{effect.pt}",
        )
    else:
        why = Text(
            f"{listed(services, 'en')} use `{store}`; whether each has a database or key space of its own was not found in the "
            f"files read. {effect.en} If two of them also use the same data, that is the larger problem.",
            f"{listed(services, 'pt')} usam `{store}`; se cada um tem seu próprio banco ou espaço de chaves não foi encontrado "
            f"nos arquivos lidos. {effect.pt} Se dois deles também usam os mesmos dados, esse é o problema maior.",
        )
    return Finding(
        rule="shared-datastore",
        severity=Severity.LOW if apart else Severity.MEDIUM,
        subject=f"{store} server",
        components=distinct((store, *services)),
        links=tuple(Link(name, store) for name in services),
        title=Text(
            f"{len(services)} services depend on one `{store}` server",
            f"{len(services)} serviços dependem de um mesmo servidor `{store}`",
        ),
        why=why,
        evidence=distinct(place for each in first.values() for place in each.evidence[:2]),
        confidence=0.9 if all(each.certainty is not Certainty.ASSUMED for each in uses) else 0.7,
        asked=not apart,
    )
