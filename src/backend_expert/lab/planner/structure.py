"""What is wrong in a schema or a workload whatever the plans: keys, types, and the pattern of the calls."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from backend_expert.lab.planner.catalogue import Catalogue, Table
from backend_expert.lab.planner.statistics import Statistics
from backend_expert.lab.planner.whatif import quoted
from backend_expert.lab.planner.workload import Workload
from backend_expert.model import Text


class Observation(Struct, frozen=True, order=True):
    """A problem of the schema or the workload: a rule, what it is about, one sentence, and the statements that remedy it, if any."""

    rule: str
    subject: str
    text: Text
    remedy: tuple[str, ...] = ()


_MONEY = re.compile(r"(?:^|_)(?:price|amount|total|balance|cost|fee|salary|preco|valor|saldo|custo|tarifa)(?:$|_)", re.IGNORECASE)
_LARGEST_INTEGER = {"int2": 32_767, "int4": 2_147_483_647}
_EXHAUSTED = 0.5
_MANY_CALLS = 100
_FOLD = 10
_BY_KEY = re.compile(r"^select\b.*\bwhere\s+[\w\".]+\s*=\s*\?\s*(?:limit \?)?$", re.DOTALL)


def observe(catalogue: Catalogue, statistics: Statistics | None, workload: Workload | None) -> tuple[Observation, ...]:
    """Return what schema and workload show without a plan, ordered by rule and subject."""
    found = [*_foreign_keys(catalogue)]
    for table in catalogue.tables:
        if table.parent == 0 and table.kind != "m":
            found += [*_table(catalogue, table)]
    found += [*_exhaustion(catalogue, statistics)] if statistics is not None else []
    found += [*_repeated(workload)] if workload is not None else []
    return tuple(sorted(found))


def _foreign_keys(catalogue: Catalogue) -> Iterator[Observation]:
    for key in catalogue.foreign_keys:
        table, parent = catalogue.table(key.table), catalogue.table(key.parent)
        wanted = set(key.columns)
        if any(set(index.columns[: len(wanted)]) == wanted and not index.partial for index in catalogue.indexes_of(table)):
            continue
        columns = ", ".join(key.columns)
        name = f"{table.name}_{'_'.join(key.columns)}_idx"[:63]
        on = f"{quoted(table.schema)}.{quoted(table.name)} ({', '.join(map(quoted, key.columns))})"
        create = f"CREATE INDEX CONCURRENTLY {quoted(name)} ON {on};"
        yield Observation(
            "foreign-key-without-index",
            f"{table.schema}.{table.name}",
            Text(
                f"{table.name}({columns}) refers to {parent.name} and has no index: every delete in {parent.name} reads all of "
                f"{table.name}",
                f"{table.name}({columns}) referencia {parent.name} e não tem índice: cada delete em {parent.name} lê "
                f"{table.name} inteira",
            ),
            ("SET lock_timeout = '5s';", create),
        )


def _table(catalogue: Catalogue, table: Table) -> Iterator[Observation]:
    subject = f"{table.schema}.{table.name}"
    if not any(index.primary for index in catalogue.indexes_of(table)):
        yield Observation(
            "no-primary-key",
            subject,
            Text(
                f"{table.name} has no primary key: rows cannot be told apart, and logical replication cannot update them",
                f"{table.name} não tem chave primária: as linhas não se distinguem e a replicação lógica não consegue atualizá-las",
            ),
        )
    for column in table.columns:
        place = f"{subject}.{column.name}"
        if column.base in ("float4", "float8", "money") and _MONEY.search(column.name):
            yield Observation(
                "money-as-float",
                place,
                Text(
                    f"{column.name} is {column.type}: sums of money in binary fractions drift; use numeric or whole cents",
                    f"{column.name} é {column.type}: somas de dinheiro em frações binárias desviam; use numeric ou centavos inteiros",
                ),
            )
        elif column.base == "timestamp":
            yield Observation(
                "timestamp-without-zone",
                place,
                Text(
                    f"{column.name} has no time zone: the same value means another moment to a session in another zone; use timestamptz",
                    f"{column.name} não tem fuso horário: o mesmo valor é outro instante para uma sessão em outro fuso; use timestamptz",
                ),
            )
        elif column.base == "bpchar" and column.mean_width > 4:
            yield Observation(
                "padded-text",
                place,
                Text(
                    f"{column.name} is {column.type}: it is stored padded with blanks and compared without them; use text",
                    f"{column.name} é {column.type}: é gravado com espaços à direita e comparado sem eles; use text",
                ),
            )


def _exhaustion(catalogue: Catalogue, statistics: Statistics) -> Iterator[Observation]:
    for name, column_name, value in statistics.sequences:
        table = catalogue.named(name)
        column = table.column(column_name) if table is not None else None
        largest = _LARGEST_INTEGER.get(column.base) if column is not None else None
        if table is None or largest is None or value < largest * _EXHAUSTED:
            continue
        share = f"{value / largest * 100:.0f}"
        yield Observation(
            "integer-key-exhaustion",
            f"{table.schema}.{name}.{column_name}",
            Text(
                f"{share} % of the values of {name}.{column_name} are used up; after {largest} every insert fails: move to bigint in time",
                f"{share} % dos valores de {name}.{column_name} já foram usados; depois de {largest} todo insert falha: migre para "
                "bigint a tempo",
            ),
        )


def _repeated(workload: Workload) -> Iterator[Observation]:
    """Yield lookups of one row by key that run many times for each time a list is read: the pattern of N+1."""
    lists = [
        each
        for each in workload.statements
        if each.rows > each.calls * 2 and each.calls > 0 and each.fingerprint.startswith("select")
    ]
    for each in workload.statements:
        single = 0 <= each.rows <= each.calls * 1.05
        if each.calls < _MANY_CALLS or not single or not _BY_KEY.match(each.fingerprint):
            continue
        parent = next((other for other in lists if other is not each and _fits(each.calls, other.calls, other.rows)), None)
        if parent is None:
            continue
        yield Observation(
            "n-plus-one",
            each.fingerprint[:120],
            Text(
                f"runs {each.calls:.0f} times, one row each, about once for each of the {parent.rows:.0f} rows of another statement "
                f"that runs {parent.calls:.0f} times: read them together with = ANY($1)",
                f"roda {each.calls:.0f} vezes, uma linha por vez, cerca de uma para cada uma das {parent.rows:.0f} linhas de outro "
                f"comando que roda {parent.calls:.0f} vezes: leia-as juntas com = ANY($1)",
            ),
        )


def _fits(calls: float, parent_calls: float, parent_rows: float) -> bool:
    return calls >= parent_calls * _FOLD and 0.5 * parent_rows <= calls <= 1.5 * parent_rows
