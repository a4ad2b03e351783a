"""Read exported planner statistics as data: nothing in them is executed."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from backend_expert.lab.planner.errors import InputError
from backend_expert.lab.planner.intake import Rejected, rejected
from backend_expert.lab.planner.scanner import pieces
from backend_expert.model import Text


class RelationStatistics(Struct, frozen=True):
    """Pages of 8192 bytes and rows of a table, a materialised view or an index.

    `tuples` is -1 when it was never analysed, `pages` -1 for a partitioned table, which has no file.
    """

    schema: str
    name: str
    pages: int
    tuples: float
    visible: int = 0
    line: int = 0


class AttributeStatistics(Struct, frozen=True):
    """The statistics of one column (by name) or of one expression of an index (by number), as text in the server's own format."""

    schema: str
    relation: str
    attribute: str
    number: int
    inherited: bool
    values: tuple[tuple[str, str], ...]
    line: int = 0


class Usage(Struct, frozen=True):
    """How often production used an index, and how large it is there."""

    schema: str
    index: str
    scans: int


class Statistics(Struct, frozen=True):
    """Everything an export holds; `version` is the major version of its server, 0 when it does not say."""

    relations: tuple[RelationStatistics, ...] = ()
    attributes: tuple[AttributeStatistics, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    version: int = 0
    collation: str = ""
    redacted: bool = False
    extended: bool = False
    taken: str = ""
    usage: tuple[Usage, ...] = ()
    sequences: tuple[tuple[str, str, int], ...] = ()
    rejected: tuple[Rejected, ...] = ()


VALUE_TYPES = {
    "null_frac": "real",
    "avg_width": "integer",
    "n_distinct": "real",
    "most_common_vals": "text",
    "most_common_freqs": "real[]",
    "histogram_bounds": "text",
    "correlation": "real",
    "most_common_elems": "text",
    "most_common_elem_freqs": "real[]",
    "elem_count_histogram": "real[]",
    "range_length_histogram": "text",
    "range_empty_frac": "real",
    "range_bounds_histogram": "text",
}
"""The arguments of `pg_restore_attribute_stats` in PostgreSQL 18 and their types."""

SETTINGS = (
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "cpu_tuple_cost",
    "constraint_exclusion",
    "cursor_tuple_fraction",
    "default_statistics_target",
    "effective_cache_size",
    "effective_io_concurrency",
    "enable_bitmapscan",
    "enable_hashagg",
    "enable_hashjoin",
    "enable_incremental_sort",
    "enable_indexonlyscan",
    "enable_indexscan",
    "enable_material",
    "enable_memoize",
    "enable_mergejoin",
    "enable_nestloop",
    "enable_parallel_append",
    "enable_parallel_hash",
    "enable_partition_pruning",
    "enable_partitionwise_aggregate",
    "enable_partitionwise_join",
    "enable_seqscan",
    "enable_sort",
    "from_collapse_limit",
    "geqo",
    "geqo_threshold",
    "hash_mem_multiplier",
    "jit_above_cost",
    "join_collapse_limit",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "min_parallel_index_scan_size",
    "min_parallel_table_scan_size",
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "random_page_cost",
    "seq_page_cost",
    "work_mem",
)
"""The settings the planner reads; others of an export are left aside."""

_CALL = re.compile(r"pg_restore_(relation|attribute)_stats\s*\(", re.IGNORECASE)
_ARGUMENT = re.compile(r"\s*(?:(E?)'((?:[^']|'')*)'|(-?[\d.eE+]+)|(NULL))\s*(?:::\s*[\w\s\"\[\].]+?)?\s*([,)])", re.IGNORECASE)
_LOOKS_LIKE_JSON = re.compile(r"\s*[\[{]")
_MOST_PAGES = 2**32 - 2


def read_statistics(text: str, file: str) -> Statistics:
    """Return the statistics in the SQL of `pg_dump --statistics-only` or in the JSON of `queries export-sql`.

    Raises `InputError` when the file holds none.
    """
    found = _from_json(text, file) if _LOOKS_LIKE_JSON.match(text) else _from_sql(text, file)
    if not found.relations:
        raise InputError(
            Text(
                f"{file} holds no statistics of any table: export them with pg_dump --statistics-only (version 18 of pg_dump reads older "
                "servers too) or with the statement that 'backend-expert queries export-sql' prints.",
                f"{file} não contém estatísticas de nenhuma tabela: exporte-as com pg_dump --statistics-only (o pg_dump 18 lê também "
                "servidores mais antigos) ou com o comando que 'backend-expert queries export-sql' imprime.",
            )
        )
    return found


def holds_statistics(text: str) -> bool:
    """Tell whether SQL text contains calls that restore statistics."""
    return _CALL.search(text) is not None


def _from_sql(text: str, file: str) -> Statistics:
    relations: list[RelationStatistics] = []
    attributes: list[AttributeStatistics] = []
    left_out: list[Rejected] = []
    version = 0
    for piece in pieces(text):
        call = _CALL.search(piece.text) if piece.kind == "statement" else None
        if call is None:
            continue
        arguments = _arguments(piece.text, call.end())
        if arguments is None:
            left_out.append(_damaged(file, piece.line, piece.text))
            continue
        version = max(version, _whole(arguments.get("version", "0")) // 10_000)
        item = _relation(arguments, piece.line) if call[1].lower() == "relation" else _attribute(arguments, piece.line)
        if isinstance(item, RelationStatistics):
            relations.append(item)
        elif isinstance(item, AttributeStatistics):
            attributes.append(item)
        else:
            left_out.append(_damaged(file, piece.line, piece.text))
    return Statistics(tuple(relations), tuple(attributes), version=version, rejected=tuple(left_out))


def _arguments(text: str, position: int) -> dict[str, str] | None:
    values: list[str | None] = []
    while (match := _ARGUMENT.match(text, position)) is not None:
        position = match.end()
        if match[2] is not None:
            plain = match[2].replace("''", "'")
            values.append(re.sub(r"\\(.)", r"\1", plain, flags=re.DOTALL) if match[1] else plain)
        else:
            values.append(match[3])
        if match[5] == ")":
            break
    else:
        return None
    if len(values) % 2:
        return None
    return {name: value for name, value in zip(values[::2], values[1::2], strict=True) if name is not None and value is not None}


def _relation(arguments: dict[str, str], line: int) -> RelationStatistics | None:
    name = arguments.get("relname", "")
    pages, tuples = _whole(arguments.get("relpages", "0")), _real(arguments.get("reltuples", "-1"))
    if not name or not -1 <= pages <= _MOST_PAGES or not tuples >= -1:
        return None
    visible = min(max(0, pages), max(0, _whole(arguments.get("relallvisible", "0"))))
    return RelationStatistics(arguments.get("schemaname", "public"), name, pages, tuples, visible, line)


def _attribute(arguments: dict[str, str], line: int) -> AttributeStatistics | None:
    relation, attribute = arguments.get("relname", ""), arguments.get("attname", "")
    number = _whole(arguments.get("attnum", "0"))
    if not relation or not (attribute or number > 0):
        return None
    inherited = arguments.get("inherited", "f").lower() in ("t", "true")
    values = tuple((name, arguments[name]) for name in VALUE_TYPES if name in arguments)
    return AttributeStatistics(arguments.get("schemaname", "public"), relation, attribute, number, inherited, values, line)


def _whole(text: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return -1


def _real(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return float("nan")
    return value if abs(value) < 1e18 else float("nan")


def _damaged(file: str, line: int, text: str) -> Rejected:
    return rejected(
        file,
        line,
        text,
        "this record is damaged or cut off; export the statistics again",
        "este registro está danificado ou cortado; exporte as estatísticas de novo",
    )


def _from_json(text: str, file: str) -> Statistics:
    try:
        export = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InputError(
            Text(
                f"{file} is cut off or is no JSON ({error}): export the statistics again.",
                f"{file} está cortado ou não é JSON ({error}): exporte as estatísticas de novo.",
            )
        ) from None
    while isinstance(export, list) and len(export) == 1:  # psql -A prints the row, other clients a list of rows
        export = export[0]
    if isinstance(export, dict) and len(export) == 1 and isinstance(next(iter(export.values())), dict):
        export = next(iter(export.values()))
    if not isinstance(export, dict):
        return Statistics()
    left_out: list[Rejected] = []
    relations: list[RelationStatistics] = []
    attributes: list[AttributeStatistics] = []
    for row in _rows(export, "pg_class"):
        named = {"schemaname": row.get("schema"), "relname": row.get("name")}
        item = _relation(_texts(row | named), 0)
        relations += [item] if item else []
        left_out += [] if item else [_damaged(file, 0, str(row))]
    for row in _rows(export, "pg_stats"):
        named = {"schemaname": row.get("schema"), "relname": row.get("table"), "attname": row.get("column")}
        record = _attribute(_texts(row | named), 0)
        attributes += [record] if record else []
        left_out += [] if record else [_damaged(file, 0, str(row))]
    settings = tuple(sorted((str(row.get("name")), str(row.get("setting"))) for row in _rows(export, "pg_settings")))
    usage = tuple(
        Usage(str(row.get("schema")), str(row.get("name")), _whole(str(row.get("scans"))))
        for row in _rows(export, "pg_stat_user_indexes")
    )
    sequences = tuple(
        (str(row.get("table")), str(row.get("column")), _whole(str(row.get("last_value")))) for row in _rows(export, "sequences")
    )
    return Statistics(
        tuple(relations),
        tuple(attributes),
        tuple((name, value) for name, value in settings if name in SETTINGS),
        max(0, _whole(str(export.get("server_version_num", 0)))) // 10_000,
        "C" if export.get("collation") in ("C", "POSIX", "C.builtin") else "",
        bool(export.get("redacted")),
        bool(export.get("extended_statistics")),
        str(export.get("now") or ""),
        usage,
        sequences,
        tuple(left_out),
    )


def _rows(export: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = export.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _texts(row: dict[str, Any]) -> dict[str, str]:
    """Return the values of a row as the server writes them: arrays in braces, booleans as one letter, nothing for null."""
    texts = {}
    for name, value in row.items():
        if value is None:
            continue
        if isinstance(value, bool):
            texts[name] = "t" if value else "f"
        elif isinstance(value, list):
            texts[name] = "{" + ",".join(_element(each) for each in value) + "}"
        else:
            texts[name] = str(value)
    return texts


def _element(value: Any) -> str:
    """Return an element of an array as the server writes it: numbers plainly, texts quoted."""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return "NULL" if value is None else str(value)
