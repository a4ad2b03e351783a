"""The databases of a reviewed repository in the planner lab: what the rules find in them, and what the planner makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from backend_expert.lab.planner.advisor import Options
from backend_expert.lab.planner.errors import InputError, PlannerError, reason_of
from backend_expert.lab.planner.experiment import answer
from backend_expert.lab.planner.intake import read_text
from backend_expert.lab.planner.laboratory import Lab, opened
from backend_expert.lab.planner.migrations import read_schemas
from backend_expert.lab.planner.server import Server, running
from backend_expert.lab.planner.statistics import Statistics, read_statistics
from backend_expert.lab.planner.workload import Workload, of_statements, read_workload
from backend_expert.model import Dataset, Finding, System, Text
from backend_expert.readers.repository import Repository
from backend_expert.review.database import POSTGRESQL, Home, home_of, with_database
from backend_expert.review.queries import Told, found_in, suggested, told
from backend_expert.review.result import DatabaseStudy
from backend_expert.review.schemas import Source, of_dialect, sources
from backend_expert.review.statements import of_workload, statements_of
from backend_expert.rules import all_rules, check

MOST_SCHEMAS = 20
"""Schemas of one repository that are planned: half a second each, beside the other labs."""

_NOT_OURS = re.compile(r'relation ".*" does not exist|it reads no table of the schema')
"""The reasons of statements that belong to another schema than the one in which they were tried."""


class Given(Struct, frozen=True):
    """What the user hands in beside the repository: the statements that production sends, and its statistics."""

    workload: Workload | None = None
    statistics: Statistics | None = None


NOTHING = Given()


class Planning(Struct, frozen=True):
    """What was found about data: findings with their plans, the schemas that were planned, the system with their tables, and notes."""

    system: System
    findings: tuple[Told, ...]
    studies: tuple[DatabaseStudy, ...] = ()
    notes: tuple[Text, ...] = ()


def read_given(workload: Path | None, statistics: Path | None) -> Given:
    """Return what the files hold; raise `InputError` for one that cannot be used."""
    return Given(
        read_workload(read_text(workload), workload.name) if workload is not None else None,
        read_statistics(read_text(statistics), statistics.name) if statistics is not None else None,
    )


def planned(repository: Repository, system: System, *, lab: bool = True, given: Given = NOTHING) -> Planning:
    """Look at the data of a system: in the planner lab where its schema is in the repository, by the rules alone where it is not.

    Without statistics, row counts are those of the system where known and assumed otherwise: every level is GUESS. A lab that cannot
    run, or a schema that it cannot load, is a note and no failure.
    """
    every = sources(repository, system) if lab else ()
    done = _in_lab(every[:MOST_SCHEMAS], system, given)
    own = frozenset(name for each in done.studies for name in each.datasets)
    rest = narrowed(done.system, (dataset for dataset in done.system.datasets if dataset.name not in own))
    findings = (*done.findings, *(Told(finding) for finding in _check(rest)))
    return replace(done, findings=findings, notes=(*_too_many(every), *done.notes))


def _in_lab(schemas: tuple[Source, ...], system: System, given: Given) -> Planning:
    """Plan the schemas one after the other on one server; what cannot be done is a note."""
    if not schemas:
        return Planning(system, ())
    import psycopg

    findings: list[Told] = []
    studies: list[DatabaseStudy] = []
    notes: list[Text] = []
    try:
        with running() as server:
            for source in schemas:
                try:
                    study, system, found = _loaded(server, system, source, given)
                except InputError as error:
                    notes.append(_not_loaded(source, error))
                    continue
                studies.append(study)
                findings += found
    except PlannerError as error:
        notes.append(Text(f"No statement was planned: {error.text.en}", f"Nenhum comando foi planejado: {error.text.pt}"))
    except (psycopg.Error, OSError) as error:
        reason = reason_of(error)
        notes.append(
            Text(f"The planner lab ended before its time: {reason}.", f"O laboratório de planos terminou antes da hora: {reason}.")
        )
    return Planning(system, tuple(findings), tuple(studies), tuple(notes))


def narrowed(system: System, datasets: Iterable[Dataset]) -> System:
    """Return the system with these datasets only, for rules that look at tables and their statements."""
    return replace(system, datasets=tuple(datasets))


def _loaded(server: Server, system: System, source: Source, given: Given) -> tuple[DatabaseStudy, System, tuple[Told, ...]]:
    """Load one schema; return what the planner says, the system with its tables, and what the rules find in them."""
    schema = read_schemas(source.texts)
    rows = {dataset.table: dataset.rows.value for dataset in system.datasets if dataset.rows is not None}
    with opened(server, schema, given.statistics, rows) as lab:
        names = [table.name for table in lab.catalogue.tables]
        if len(names) * 2 < len(source.tables) or not names:
            raise InputError(
                Text(
                    f"{len(names)} of {len(source.tables)} tables load, it may be of another database",
                    f"{len(names)} de {len(source.tables)} tabelas carregam, talvez seja de outro banco de dados",
                )
            )
        stores = (component.name for component in system.components if component.technology in POSTGRESQL)
        home = source.home or home_of(system, names, source.name, stores)
        system = with_database(
            system,
            home,
            lab.catalogue,
            source.tables,
            given.statistics,
            lab.loaded.guessed,
            translated=source.dialect != "postgres",
            refused=(each.item for each in lab.loaded.rejected),
        )
        study, found = _studied(lab, narrowed(system, own_datasets(system, home, names)), home, source, given)
    return study, system, found


def _studied(lab: Lab, system: System, home: Home, source: Source, given: Given) -> tuple[DatabaseStudy, tuple[Told, ...]]:
    """Return what the planner and the rules say of the tables of one schema and of the statements on them."""
    sent = statements_of(system, system.datasets)
    workload = of_statements((each.file, each.line, each.text) for each in sent)
    findings = _check(system)
    if given.workload is not None:
        workload = together(given.workload, workload)
        known = {finding.fingerprint for finding in findings}
        counted = found_in(of_workload(system, home, given.workload))
        findings += tuple(finding for finding in counted if finding.fingerprint not in known)
    # INCLUDE, partial and GIN indexes are PostgreSQL's own: no advice for another database.
    options = Options(special=source.dialect == "postgres")
    suggestions = suggested(lab, system, findings)
    found = answer(lab, given.statistics, workload, options=options, suggestions=suggestions)
    mine = tuple(each for each in found.unplanned if not _NOT_OURS.match(each.reason))
    derived = {(each.file, each.line) for each in sent if each.derived}
    study = DatabaseStudy(
        name=source.name,
        dialect=source.dialect,
        datasets=tuple(dataset.name for dataset in system.datasets),
        answer=replace(
            of_dialect(found, source.dialect), unplanned=mine, rejected=tuple(each for each in found.rejected if each.line)
        ),
        derived=sum((query.file, query.line) in derived for query in found.queries),
        entities=source.derived,
    )
    return study, told(lab, system, findings, found, source.dialect)


def together(counted: Workload, sent: Workload) -> Workload:
    """Return the statements that production counted with those of the code that it did not send."""
    known = {each.fingerprint for each in counted.statements}
    rest = tuple(each for each in sent.statements if each.fingerprint not in known)
    return Workload((*counted.statements, *rest), (*counted.rejected, *sent.rejected), counted.covered)


def own_datasets(system: System, home: Home, names: Iterable[str]) -> tuple[Dataset, ...]:
    """Return the datasets that are tables of a loaded schema."""
    tables = {name.lower() for name in names}
    return tuple(each for each in system.datasets if each.store == home.store and each.table.lower() in tables)


def _too_many(schemas: tuple[Source, ...]) -> list[Text]:
    left = len(schemas) - MOST_SCHEMAS
    if left <= 0:
        return []
    return [
        Text(
            f"{left} more schemas were not planned, the first: {schemas[MOST_SCHEMAS].name}; review their folders one by one.",
            f"Mais {left} esquemas não foram planejados, o primeiro: {schemas[MOST_SCHEMAS].name}; revise as pastas deles uma a uma.",
        )
    ]


def _not_loaded(source: Source, error: InputError) -> Text:
    en, pt = error.text.en.rstrip("."), error.text.pt.rstrip(".")
    return Text(
        f"{source.name}: its statements were not planned: {en}.", f"{source.name}: seus comandos não foram planejados: {pt}."
    )


def _check(system: System) -> tuple[Finding, ...]:
    return check(system, tuple(rule for rule in all_rules() if rule.family == "data"))


__all__ = ["NOTHING", "Given", "InputError", "Planning", "planned", "read_given"]
