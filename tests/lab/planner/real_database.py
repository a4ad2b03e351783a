"""A database that really holds rows, seen through the eyes of the lab: what the lab has to agree with."""

from __future__ import annotations

from backend_expert.lab.planner.export import export_statement
from backend_expert.lab.planner.laboratory import Lab, Loaded
from backend_expert.lab.planner.server import Server
from backend_expert.lab.planner.statistics import Statistics, read_statistics


def really_loaded(server: Server, *scripts: str) -> Lab:
    """Return a new database after the statements of the scripts, which hold no semicolon but between them."""
    database = server.create_database()
    with server.connect(database) as owner:
        for statement in ";".join(scripts).split(";"):
            if statement.strip():
                owner.execute(statement.encode())
    return Lab(server, database, None, (), Loaded((), 1.0, ()))  # type: ignore[arg-type] - a real database needs no catalogue here


def exported(real: Lab, *, redact: bool = False) -> Statistics:
    """Return what the statement for production exports."""
    with real.server.connect(real.database) as owner:
        row = owner.execute(export_statement(redact=redact).encode()).fetchone()
    assert row is not None
    return read_statistics(row[0], "stats.json")
