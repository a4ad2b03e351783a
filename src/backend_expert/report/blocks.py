"""A report as a row of simple blocks, and how each format writes them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from backend_expert.report.github import escaped, fenced, sentence
from backend_expert.report.hostile import plain

WIDTH = 80

Kind = Literal["title", "text", "list", "code", "table"]


class Block(Struct, frozen=True):
    """A piece of a report: its kind and its lines, made visible; the cells of a table are split by a tab, its first line are the heads."""

    kind: Kind
    lines: tuple[str, ...]

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Return the lines of a table as cells."""
        return tuple(tuple(line.split("\t")) for line in self.lines)


def as_text(blocks: Iterable[Block], width: int = WIDTH) -> Iterator[str]:
    """Yield the lines of blocks for a terminal of `width` columns; code is never wrapped."""
    for block in blocks:
        if block.kind == "title":
            yield from ("", *map(plain, block.lines))
        elif block.kind == "table":
            yield from _columns(block.rows, width)
        elif block.kind == "code":
            yield from (f"    {line}" for line in block.lines)
        else:
            first, rest = ("- ", "  ") if block.kind == "list" else ("", "")
            for line in block.lines:
                yield from textwrap.wrap(
                    plain(line),
                    width,
                    initial_indent=first,
                    subsequent_indent=rest,
                    break_long_words=False,
                    break_on_hyphens=False,
                )


def _columns(rows: tuple[tuple[str, ...], ...], width: int) -> Iterator[str]:
    """Yield the rows of a table with aligned columns; the last column takes what is left and is cut."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
    for row in rows:
        start = "  ".join(cell.rjust(size) for cell, size in zip(row[:-1], widths, strict=True))
        room = max(20, width - len(start) - 2)
        yield f"{start}  {row[-1] if len(row[-1]) <= room else row[-1][: room - 1] + '…'}"


def as_markdown(blocks: Iterable[Block], level: int = 1, below: int = 2) -> Iterator[str]:
    """Yield the lines of blocks as Markdown; the first title has the level, those after it the level `below`."""
    for block in blocks:
        yield ""
        if block.kind == "title":
            yield f"{'#' * level} {sentence(block.lines[0])}"
            level = below
        elif block.kind == "table":
            heads, *rows = [[escaped(cell) for cell in row] for row in block.rows]
            yield "| " + " | ".join(heads) + " |"
            yield "|" + " --- |" * len(heads)
            yield from ("| " + " | ".join(row) + " |" for row in rows)
        elif block.kind == "code":
            yield fenced("\n".join(block.lines), "sql")
        elif block.kind == "list":
            yield from (f"- {sentence(line)}" for line in block.lines)
        else:
            yield from map(sentence, block.lines)
