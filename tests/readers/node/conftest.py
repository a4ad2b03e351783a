"""Programs as texts, and their steps as outlines that a person can compare at a glance."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backend_expert.model import Ack, CacheGet, CachePut, Call, Publish, Query, Repeat, Reply, Step, Transaction, Work
from backend_expert.model.graph import children
from backend_expert.readers.code import Code, Handler, Piece, Target
from backend_expert.readers.node import read
from backend_expert.readers.repository import Repository

PACKAGE = '{"name": "orders"}'


def shown(pieces: tuple[Piece, ...]) -> str:
    """Return a text with variables as `${NAME}` and holes as `{name}`."""
    return "".join(piece.text or (f"${{{piece.variable}}}" if piece.variable else f"{{{piece.hole}}}") for piece in pieces)


def line_of(step: Step, targets: dict[str, Target]) -> str:
    """Return one step in one line."""
    match step:
        case Call():
            target = targets[step.operation]
            return " ".join(part for part in ("call", target.method, shown(target.address) + shown(target.path)) if part)
        case CacheGet():
            return f"look up {targets[step.dataset].dataset}"
        case CachePut():
            return f"keep {targets[step.dataset].dataset}"
        case Query():
            columns = f" by {', '.join(step.filter_columns)}" if step.filter_columns else ""
            return f"{step.action.value} {targets[step.dataset].dataset or '?'}{columns}"
        case Publish():
            target = targets[step.topic]
            return f"publish {target.exchange}/{target.channel}" if target.exchange else f"publish {target.channel}"
        case Transaction():
            return f"transaction {step.isolation}".strip()
        case Repeat():
            return f"repeat {step.count.value:g}"
        case Ack():
            return "ack"
        case Reply():
            return f"reply {step.status}"
        case _:
            return type(step).__name__.lower()


def outline(handler: Handler, code: Code) -> str:
    """Return the steps of a handler, one a line, inner ones indented; alternatives and branches are parted by `--`."""
    targets = {target.key: target for target in code.targets}
    lines: list[str] = []

    def write(steps: tuple[Step, ...], depth: int) -> None:
        for step in steps:
            if isinstance(step, Work):
                continue
            lines.append("  " * depth + line_of(step, targets))
            for position, block in enumerate(children(step)):
                if position:
                    lines.append("  " * depth + "--")
                write(block, depth + 1)

    write(handler.operation.steps, 0)
    return "\n".join(lines)


class Program:
    """One program that was read, asked by the names of its triggers."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.handlers = {handler.trigger.name: handler for handler in code.handlers}

    def outline(self, name: str) -> str:
        return outline(self.handlers[name], self.code)

    def steps(self, name: str, kind: type[Step]) -> list[Step]:
        found: list[Step] = []

        def collect(steps: tuple[Step, ...]) -> None:
            for step in steps:
                found.extend([step] if isinstance(step, kind) else [])
                for block in children(step):
                    collect(block)

        collect(self.handlers[name].operation.steps)
        return found


@pytest.fixture
def codes(tree) -> Callable[[dict[str, str]], list[Code]]:
    """Return a function that reads files and gives the programs they hold."""

    def reading(files: dict[str, str]) -> list[Code]:
        return [code for fragment in read(Repository.open(tree({"package.json": PACKAGE} | files))) for code in fragment.code]

    return reading


@pytest.fixture
def program(codes) -> Callable[..., Program]:
    """Return a function that reads files, or the text of `server.js` alone, and gives the one program they hold."""

    def reading(source: str | dict[str, str], name: str = "server.js") -> Program:
        (code,) = codes(source if isinstance(source, dict) else {name: source})
        return Program(code)

    return reading


@pytest.fixture
def handler(program) -> Callable[..., Program]:
    """Return a function that reads the body of one handler, with declarations before it."""

    def reading(body: str, before: str = "", name: str = "server.ts", parameters: str = "req, res") -> Program:
        return program(
            "import express from 'express';\nimport { Pool } from 'pg';\nconst pool = new Pool({ host: 'db', database: 'shop' });\n"
            "const find = async (id) => (await pool.query('SELECT * FROM items WHERE id = $1', [id])).rows[0];\n"
            "const save = async (row) => { await pool.query('INSERT INTO items (id) VALUES ($1)', [row]); };\n"
            f"{before}\nconst app = express();\napp.post('/x', async ({parameters}) => {{\n{body}\n}});\napp.listen(80);\n",
            name,
        )

    return reading
