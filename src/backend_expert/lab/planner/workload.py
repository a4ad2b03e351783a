"""Read the statements that an application sends: from pg_stat_statements, from a log of the server, or from a file of SQL."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from backend_expert.lab.planner.errors import InputError
from backend_expert.lab.planner.intake import Rejected, rejected
from backend_expert.lab.planner.scanner import pieces, without_comments
from backend_expert.model import Text

MOST_STATEMENTS = 500
"""Distinct statements that are planned at most; above, those that make up `_COVERED` of the time."""
_COVERED = 0.95
_LONGEST = 100_000  # characters of one statement


class Statement(Struct, frozen=True):
    """A distinct statement: how often it ran, how long and over how many rows in all (0 and -1: unknown)."""

    text: str
    fingerprint: str
    calls: float
    total_ms: float
    rows: float
    line: int
    file: str


class Workload(Struct, frozen=True):
    """The statements, heaviest first, what was left out, and the share of the time they stand for."""

    statements: tuple[Statement, ...]
    rejected: tuple[Rejected, ...] = ()
    covered: float = 1.0


_PLANNED = re.compile(r"(?:select|with|insert|update|delete|merge|values|table)\b|\(", re.IGNORECASE)
_LITERALS = re.compile(
    r"""(?P<text>[eE]?'(?:[^']|'')*')|(?P<number>(?<![\w$."])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)|(?P<parameter>\$\d+)|(?P<space>\s+)"""
)
_LISTS = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*(?:/\*.*?\*/)?\s*\)|\bVALUES\s*(\(\?\)(?:\s*,\s*\(\?\))+)", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(%s|%\(\w+\)s|(?<![?|@&#<>~!])\?(?![?|&])|(?<![:\w]):[a-zA-Z_]\w*)")
_INTERVAL = re.compile(r"\binterval\s+(\$\d+)", re.IGNORECASE)
_LOG = re.compile(r"^\d{4}-\d\d-\d\d[^\n]*?\b(?:LOG|DETAIL):\s", re.MULTILINE)
_LOG_STATEMENT = re.compile(
    r"^(?P<prefix>[^\n]*?)\bLOG:\s+(?:duration:\s+(?P<ms>[\d.]+)\s+ms\s+)?(?:statement|(?:parse|bind|execute)\s+[^:\n]*):\s*(?P<text>.*)\Z",
    re.DOTALL,
)
_LOG_DETAIL = re.compile(r"\bDETAIL:\s+[Pp]arameters:\s*(?P<list>.*)\Z", re.DOTALL)
_LOG_VALUE = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")


def read_workload(text: str, file: str) -> Workload:
    """Return the distinct statements of a workload; raise `InputError` when it holds none.

    The format is recognised: CSV of pg_stat_statements with a header, a log of PostgreSQL with a date at the start of each entry, or SQL.
    """
    left_out: list[Rejected] = []
    first = text.lstrip()[:2_000].split("\n", 1)[0].lower()
    if "query" in first and "calls" in first and ("," in first or ";" in first or "\t" in first):
        raw = _from_csv(text, file, left_out)
    elif _LOG.search(text[:200_000]):
        raw = _from_log(text, file, left_out)
    else:
        raw = _from_sql(text, file, left_out)
    statements = _merged(each for each in raw if _accepted(each, left_out))
    if not statements:
        reason = f" ({len(left_out)} left out; the first: {left_out[0].reason.en})" if left_out else ""
        motivo = f" ({len(left_out)} fora; o primeiro: {left_out[0].reason.pt})" if left_out else ""
        raise InputError(
            Text(
                f"{file} holds no statement that can be planned{reason}: hand in pg_stat_statements as CSV with a header, a log of the "
                "server, or a file of SQL.",
                f"{file} não contém nenhum comando que possa ser planejado{motivo}: forneça o pg_stat_statements em CSV com cabeçalho, um "
                "log do servidor ou um arquivo SQL.",
            )
        )
    kept, covered = _heaviest(statements)
    return Workload(kept, tuple(left_out), covered)


def fingerprint(statement: str) -> str:
    """Return the statement with every literal and parameter as `?`, lists shortened, in one case and single spaces."""

    def replaced(match: re.Match[str]) -> str:
        return " " if match.lastgroup == "space" else "?"

    short = _LITERALS.sub(replaced, without_comments(statement)).strip().lower()
    return _LISTS.sub(lambda match: "values (?)" if match[1] else "(?)", short)


def as_planned(statement: str) -> str:
    """Return the statement with the placeholders of drivers as `$1`, and `interval $1` in a form that PostgreSQL takes."""
    count = max((int(each) for each in re.findall(r"\$(\d+)", statement)), default=0)

    def numbered(match: re.Match[str]) -> str:
        nonlocal count
        if match[1] is None:
            return match[0]
        count += 1
        return f"${count}"

    return _INTERVAL.sub(r"\1::interval", _PLACEHOLDER.sub(numbered, statement))


def _accepted(statement: Statement, left_out: list[Rejected]) -> bool:
    text = statement.text
    reason = None
    if "<insufficient privilege>" in text:
        reason = Text(
            "the exporting role may not see the statement; export as a member of pg_read_all_stats",
            "o papel que exportou não pode ver o comando; exporte como membro de pg_read_all_stats",
        )
    elif not _PLANNED.match(text):
        reason = Text("not a statement that reads or changes rows", "não é um comando que lê ou altera linhas")
    elif len(text) > _LONGEST:
        reason = Text(f"longer than {_LONGEST} characters", f"mais longo que {_LONGEST} caracteres")
    elif _cut(text):
        reason = Text(
            "it seems cut off; raise track_activity_query_size on the server",
            "parece cortado; aumente track_activity_query_size no servidor",
        )
    if reason is not None:
        left_out.append(rejected(statement.file, statement.line, text, reason.en, reason.pt))
    return reason is None


def _cut(text: str) -> bool:
    """Tell whether a statement ends inside a string, a quoted name or parentheses."""
    bare = re.sub(r"[eE]?'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$", "x", without_comments(text), flags=re.DOTALL)
    return "'" in bare or '"' in bare or bare.count("(") > bare.count(")")


def _from_sql(text: str, file: str, left_out: list[Rejected]) -> Iterator[Statement]:
    for piece in pieces(text):
        if piece.kind == "statement":
            yield _statement(without_comments(piece.text), 1.0, 0.0, -1.0, piece.line, file)
        elif piece.kind == "meta":
            left_out.append(
                rejected(file, piece.line, piece.text, "commands of psql are never run", "comandos do psql nunca são executados")
            )


def _from_csv(text: str, file: str, left_out: list[Rejected]) -> Iterator[Statement]:
    header = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    csv.field_size_limit(_LONGEST * 10)
    reader = csv.DictReader(io.StringIO(text.lstrip()), delimiter=delimiter)
    try:
        for row in reader:
            named = {str(name).strip().lower(): value for name, value in row.items() if isinstance(value, str)}
            query = without_comments(named.get("query", "")).strip().rstrip(";").strip()
            calls = _number(named, "calls", default=1.0)
            mean = _number(named, "mean_exec_time", "mean_time")
            total = _number(named, "total_exec_time", "total_time", default=calls * mean)
            if query:
                yield _statement(query, calls, total, _number(named, "rows", default=-1.0), reader.line_num, file)
    except csv.Error as error:
        left_out.append(
            rejected(
                file,
                reader.line_num,
                "",
                f"the CSV is damaged from here on: {error}",
                f"o CSV está danificado a partir daqui: {error}",
            )
        )


def _number(row: dict[str, str], *names: str, default: float = 0.0) -> float:
    for name in names:
        try:
            value = float(row.get(name, ""))
        except ValueError:
            continue
        if 0 <= value < 1e15:
            return value
    return default


def _from_log(text: str, file: str, left_out: list[Rejected]) -> Iterator[Statement]:
    """Yield the statements of a log; parameters that the log shows are put in, so that the plan is that of real values."""
    waiting: Statement | None = None
    for line, entry in _entries(text):
        detail = _LOG_DETAIL.search(entry) if waiting is not None else None
        if waiting is not None and detail is not None:
            filled = _filled(waiting.text, dict(_LOG_VALUE.findall(detail["list"])))
            waiting = _statement(filled, waiting.calls, waiting.total_ms, -1.0, waiting.line, file)
            continue
        if waiting is not None:
            yield waiting
            waiting = None
        match = _LOG_STATEMENT.match(entry)
        if match is None:
            continue
        found = [piece for piece in pieces(match["text"]) if piece.kind == "statement"]
        if len(found) > 1:
            left_out.append(
                rejected(file, line, match["text"], "several statements in one entry", "vários comandos em uma só entrada")
            )
        elif found:
            waiting = _statement(without_comments(found[0].text), 1.0, float(match["ms"] or 0), -1.0, line, file)
    if waiting is not None:
        yield waiting


def _filled(statement: str, values: dict[str, str]) -> str:
    return re.sub(r"\$(\d+)", lambda match: values.get(match[1], match[0]), statement)


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """Yield the entries of a log with their lines: an entry goes on until the next line that starts with a date."""
    starts = [match.start() for match in re.finditer(r"^(?=\d{4}-\d\d-\d\d[ T]\d\d:\d\d)", text, re.MULTILINE)]
    line, counted = 1, 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        line += text.count("\n", counted, start)
        counted = start
        yield line, text[start:end].rstrip()


def _statement(text: str, calls: float, total_ms: float, rows: float, line: int, file: str) -> Statement:
    return Statement(as_planned(text), fingerprint(text), calls, total_ms, rows, line, file)


def _merged(statements: Iterable[Statement]) -> list[Statement]:
    """Return one statement a fingerprint, calls and times added; the text is that of the first."""
    merged: dict[str, Statement] = {}
    for each in statements:
        known = merged.get(each.fingerprint)
        if known is None:
            merged[each.fingerprint] = each
            continue
        rows = known.rows + each.rows if known.rows >= 0 and each.rows >= 0 else -1.0
        merged[each.fingerprint] = Statement(
            known.text, known.fingerprint, known.calls + each.calls, known.total_ms + each.total_ms, rows, known.line, known.file
        )
    return list(merged.values())


def _heaviest(statements: list[Statement]) -> tuple[tuple[Statement, ...], float]:
    """Return the statements, heaviest first: all of them, or above a limit those that stand for most of the time."""
    timed = any(each.total_ms > 0 for each in statements)

    def weight(statement: Statement) -> float:
        return statement.total_ms if timed else statement.calls

    ordered = sorted(statements, key=lambda each: (-weight(each), each.file, each.line))
    if len(ordered) <= MOST_STATEMENTS:
        return tuple(ordered), 1.0
    total = sum(map(weight, ordered)) or 1.0
    kept: list[Statement] = []
    covered = 0.0
    for each in ordered:
        if covered >= _COVERED or len(kept) == MOST_STATEMENTS:
            break
        kept.append(each)
        covered += weight(each) / total
    return tuple(kept), min(1.0, covered)


def of_statements(statements: Iterable[tuple[str, int, str]]) -> Workload:
    """Return the workload of statements found elsewhere: (file, line, SQL); each counts once, equal ones together."""
    left_out: list[Rejected] = []
    found = []
    for file, line, text in statements:
        for piece in pieces(text):
            each = _statement(without_comments(piece.text), 1.0, 0.0, -1.0, line + piece.line - 1, file)
            if piece.kind == "statement" and _accepted(each, left_out):
                found.append(each)
    kept, covered = _heaviest(_merged(found))
    return Workload(kept, tuple(left_out), covered)
