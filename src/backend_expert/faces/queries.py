"""`backend-expert queries` and `backend-expert queries export-sql`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter

from backend_expert.faces.cli import Exit, UsageError
from backend_expert.faces.output import check_writable, default_language, progress, write

queries = cyclopts.App(
    name="queries",
    help="Advise on indexes and statements of a PostgreSQL schema: planner costs before and after, without the data.",
    help_format="plaintext",
)


@queries.default
def advise(
    *,
    schema: Path | None = None,
    connect: str = "",
    stats: Path | None = None,
    workload: Path | None = None,
    plan: str = "",
    budget: str = "",
    max_indexes: int = 20,
    width: int = 3,
    rows: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    format: Literal["text", "markdown", "html", "json"] = "text",  # noqa: A002 - the word of the command line
    output: Path | None = None,
    lang: Literal["en", "pt-BR"] | None = None,
) -> int:
    """Print the best indexes for a workload, what could go, and better forms of statements; every number is a planner cost.

    Parameters
    ----------
    schema
        The schema: pg_dump --schema-only, a custom-format dump, or a folder of SQL migrations.
    connect
        A server to ask instead: its connection string. One read-only transaction, plans only, never DDL. A password is taken from
        PGPASSWORD or .pgpass, and never printed.
    stats
        The statistics of production: what 'queries export-sql' or pg_dump --statistics-only gave. Without them the level is GUESS.
    workload
        The statements: pg_stat_statements as CSV, a log of the server, or SQL.
    plan
        One statement to explain before and after, instead of a workload.
    budget
        The most that new indexes may take: 500MB, 2GB.
    max_indexes
        The most new indexes.
    width
        The most columns of a key.
    rows
        The number of rows of a table without statistics: orders=2M; as often as you like.
    format
        How to print it.
    output
        Write to this file instead of the terminal.
    lang
        The language of the text; by default that of the environment.

    """
    from backend_expert.lab.planner.errors import InputError, PlannerError
    from backend_expert.report.queries import render_queries
    from backend_expert.review.queries import Options, ask, ask_server, parse_bytes, parse_rows, shown

    check_writable(output)
    language = lang or default_language()
    if workload is not None and plan:
        raise UsageError("--workload and --plan exclude each other; drop one of them")
    if (schema is None) == (not connect):
        raise UsageError("name the schema with --schema, or a server with --connect")
    if connect and (stats is not None or rows):
        raise UsageError("--connect reads the statistics of the server; drop --stats and --rows")
    if not 1 <= width <= 6 or not 1 <= max_indexes <= 200:
        raise UsageError("--width is from 1 to 6 and --max-indexes from 1 to 200")
    try:
        size = parse_bytes(budget) if budget else float("inf")
        sizes = dict(map(parse_rows, rows))
    except ValueError as error:
        raise UsageError(str(error)) from None
    options = Options(budget_bytes=size, most_indexes=max_indexes, width=width)
    stated: list[str] = []
    given = (("--schema", schema), ("--connect", connect and shown(connect)), ("--stats", stats), ("--workload", workload))
    for name, value in (*given, ("--plan", plan), ("--budget", budget)):
        stated += [name, str(value)] if value else []
    command = shlex.join(["backend-expert", "queries", *stated, *(word for each in rows for word in ("--rows", each))])
    try:
        with progress() as advance:
            if schema is None:
                found = ask_server(connect, workload, statement=plan, options=options, command=command, progress=advance)
            else:
                found = ask(schema, stats, workload, statement=plan, options=options, rows=sizes, command=command, progress=advance)
    except InputError as error:
        raise UsageError(error.text.in_language(language)) from None
    except PlannerError as error:
        print(f"backend-expert: {error.text.in_language(language)}", file=sys.stderr)
        return Exit.FAILED
    write(render_queries(found, format, language), output)
    asked = workload is not None or bool(plan)
    return Exit.FAILED if found.answer.refused or (asked and not found.answer.queries) else Exit.CLEAN


@queries.command(name="export-sql")
def export_sql(*, redact: bool = False, output: Path | None = None) -> int:
    """Print the one SELECT to run on production: it exports planner statistics and changes nothing.

    Parameters
    ----------
    redact
        Hide texts among the most common values; numbers and dates stay. Estimates on texts get worse: in benchmarks/planner/redaction.py
        14 of 16 statements keep their cost and 15 their plan. The level is APPROX.
    output
        Write to this file instead of the terminal.

    """
    from backend_expert.review.queries import DUMP_COMMAND, export_statement

    check_writable(output)
    text = export_statement(redact=redact)
    if not redact:
        text = f"-- The same with pg_dump 18, but without the settings: {DUMP_COMMAND}\n{text}"
    write(text, output)
    return Exit.CLEAN
