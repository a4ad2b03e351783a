"""The answer of the planner lab, for a terminal, as Markdown or as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from backend_expert.model import Text
from backend_expert.report.hostile import one_line
from backend_expert.report.numbers import number, percent
from backend_expert.report.words_of_queries import WORDS
from backend_expert.review.queries import Answer, Queries, QueryOutcome

_WIDTH = 80
_MOST = {"text": 12, "markdown": 100}
"""Most rows of a table: a screen, or a page that can be searched."""
_MOST_REJECTED = 12

Block = tuple[str, tuple[str, ...]]
"""A piece of the report: its kind (`title`, `text`, `list`, `code`, `table`) and its lines; cells of a table are split by a tab."""


def render_queries(queries: Queries, format_: Literal["text", "markdown", "json"], language: Literal["en", "pt-BR"]) -> str:
    """Return the answer as text of at most 80 columns (code is never wrapped), as Markdown, or as JSON."""
    if format_ == "json":
        return msgspec.json.format(msgspec.json.encode(queries), indent=2).decode() + "\n"
    blocks = tuple(_blocks(queries, language, _MOST[format_]))
    lines = _as_text(blocks) if format_ == "text" else _as_markdown(blocks)
    return "\n".join(lines).strip("\n") + "\n"


def _blocks(queries: Queries, language: str, most: int) -> Iterator[Block]:
    answer = queries.answer
    word = WORDS[language]
    yield "title", (word["title"],)
    yield "text", tuple(_summary(answer, language))
    if answer.refused:
        yield "title", (word["refused"],)
        yield "list", tuple(each.in_language(language) for each in answer.refused)
    yield from _indexes(answer, language)
    if queries.single:
        for query in answer.queries:
            yield from _plans(query, language)
    else:
        yield from _queries(answer, language, most)
    yield from _frontier(answer, language)
    yield from _removals(answer, language)
    yield from _rewrites(answer, language)
    if answer.observations:
        yield "title", (word["observations"],)
        yield "list", tuple(f"{each.rule}: {one_line(each.subject)}: {_plain(each.text, language)}" for each in answer.observations)
        remedies = tuple(dict.fromkeys(line for each in answer.observations for line in each.remedy))
        if remedies:
            yield "code", remedies
    yield from _left_out(answer, language)
    yield "text", (word["again"].format(command=one_line(queries.command)),)


def _summary(answer: Answer, language: str) -> Iterator[str]:
    word = WORDS[language]
    if answer.queries:
        ratio = answer.after / answer.before if answer.before else 1.0
        yield word["summary" if answer.indexes else "nothing"].format(
            queries=number(len(answer.queries), language),
            indexes=number(len(answer.indexes), language),
            size=_bytes(sum(each.bytes for each in answer.indexes), language),
            share=percent(ratio, language),
        )
    else:
        yield word["no queries"].format(tables=number(answer.tables, language))
    reasons = "; ".join(dict.fromkeys(_plain(each, language) for each in answer.reasons))
    yield word["level"].format(level=answer.level, reasons=f": {reasons}" if reasons else "")
    if answer.guessed:
        shown = ", ".join(map(one_line, answer.guessed[:8])) + (", …" if len(answer.guessed) > 8 else "")
        yield word["guessed"].format(count=number(len(answer.guessed), language), tables=shown)
    yield word["unit"]


def _indexes(answer: Answer, language: str) -> Iterator[Block]:
    word = WORDS[language]
    if not answer.indexes:
        return
    yield "title", (word["indexes"],)
    rows = [word["index columns"]]
    for each in answer.indexes:
        size = f"{_bytes(each.bytes_low, language)}–{_bytes(each.bytes_high, language)}"
        cells = (
            percent(each.contribution, language),
            percent(each.write_share, language),
            size,
            word[each.build],
            each.level,
            one_line(each.index),
        )
        rows.append("\t".join(cells))
    yield "table", tuple(rows)
    yield "text", (word["contribution"],)
    yield "code", tuple(dict.fromkeys(line for each in answer.indexes for line in each.create))
    yield "text", (word["way back"],)
    yield "code", tuple(dict.fromkeys(line for each in answer.indexes for line in each.drop))


def _queries(answer: Answer, language: str, most: int) -> Iterator[Block]:
    word = WORDS[language]
    if not answer.queries:
        return
    yield "title", (word["queries"],)
    rows = [word["query columns"]]
    for each in answer.queries[:most]:
        mark = " !" if each.risk is not None else ""
        rows.append(
            "\t".join((percent(each.share, language), _change(each, language) + mark, each.level, one_line(each.statement)))
        )
    yield "table", tuple(rows)
    if len(answer.queries) > most:
        yield "text", (word["more"].format(count=number(len(answer.queries) - most, language)),)
    risky = [each for each in answer.queries if each.risk is not None]
    if risky:
        yield "title", (word["risk"],)
        yield (
            "list",
            tuple(f"{_short(each.statement)} ({_change(each, language)}): {_plain(each.risk, language)}" for each in risky),
        )


def _plans(query: QueryOutcome, language: str) -> Iterator[Block]:
    word = WORDS[language]
    yield "title", (word["before"].format(cost=number(query.before, language), level=query.level),)
    yield "code", tuple(map(one_line_kept, query.plan_before))
    if query.uses:
        yield "title", (word["after"].format(cost=number(query.after, language), indexes=one_line("; ".join(query.uses))),)
        yield "code", tuple(map(one_line_kept, query.plan_after))
    if query.reasons:
        yield "list", tuple(_plain(each, language) for each in query.reasons)
    if query.risk is not None:
        yield "text", (_plain(query.risk, language),)


def one_line_kept(line: str) -> str:
    """Return a line of a plan made visible, with its indentation."""
    bare = line.lstrip(" ")
    return " " * (len(line) - len(bare)) + one_line(bare)


def _frontier(answer: Answer, language: str) -> Iterator[Block]:
    word = WORDS[language]
    if len(answer.frontier) < 2 or not answer.indexes:
        return
    yield "title", (word["frontier"],)
    rows = [word["frontier columns"]]
    for each in answer.frontier:
        cells = (
            _bytes(each.budget, language),
            percent(each.ratio, language),
            number(each.indexes, language),
            _bytes(each.bytes, language),
        )
        rows.append("\t".join(cells))
    yield "table", tuple(rows)


def _removals(answer: Answer, language: str) -> Iterator[Block]:
    word = WORDS[language]
    if not answer.removals:
        return
    yield "title", (word["removals"],)
    yield (
        "list",
        tuple(
            f"{one_line(each.index)} ({one_line(each.table)}): {_plain(each.reason, language)}; "
            + word["removal"].format(size=_bytes(each.bytes, language), share=percent(each.cost_ratio, language))
            for each in answer.removals
        ),
    )
    yield "code", tuple(dict.fromkeys(line for each in answer.removals for line in each.drop))
    yield "text", (word["way back"],)
    yield "code", tuple(dict.fromkeys(one_line(line) for each in answer.removals for line in each.create))


def _rewrites(answer: Answer, language: str) -> Iterator[Block]:
    word = WORDS[language]
    if not answer.rewrites:
        return
    yield "title", (word["rewrites"],)
    for each in answer.rewrites:
        costs = ""
        if each.before is not None and each.after is not None:
            costs = word["cost"].format(before=number(each.before, language), after=number(each.after, language))
            costs += word["needs"].format(index=one_line(each.needs)) if each.needs else ""
            costs += "" if each.proved else word["not cheaper"]
        yield "list", (f"{each.rule}, {one_line(each.file)}:{each.line}: {_plain(each.text, language)}{costs}",)
        forms = (
            (f"- {one_line(each.statement)}", f"+ {one_line(each.rewrite)}") if each.rewrite else (f"  {one_line(each.statement)}",)
        )
        yield "code", forms


def _left_out(answer: Answer, language: str) -> Iterator[Block]:
    word = WORDS[language]
    items = [f"{one_line(each.file)}:{each.line}: {_short(each.statement)}: {one_line(each.reason)}" for each in answer.unplanned]
    items += [
        f"{one_line(each.file)}:{each.line}: {one_line(each.item)}: {_plain(each.reason, language)}" for each in answer.rejected
    ]
    if not items:
        return
    yield "title", (word["left out"].format(count=number(len(items), language)),)
    yield "list", tuple(items[:_MOST_REJECTED])
    if len(items) > _MOST_REJECTED:
        yield "text", (word["json"].format(count=number(len(items) - _MOST_REJECTED, language)),)


def _change(query: QueryOutcome, language: str) -> str:
    if query.after == query.before:
        return number(query.before, language)
    return f"{number(query.before, language)} → {number(query.after, language)}"


def _plain(text: Text | None, language: str) -> str:
    return one_line(text.in_language(language)) if text is not None else ""


def _short(statement: str, width: int = 60) -> str:
    line = one_line(statement)
    return line if len(line) <= width else line[: width - 1] + "…"


def _bytes(size: float, language: str) -> str:
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{number(size / scale, language)} {unit}"
    return f"{number(size / 1e3, language)} kB"


def _as_text(blocks: Iterable[Block]) -> Iterator[str]:
    for kind, lines in blocks:
        if kind == "title":
            yield from ("", *lines)
        elif kind == "table":
            yield from _columns(lines)
        elif kind == "code":
            yield from (f"    {line}" for line in lines)
        else:
            first = "- " if kind == "list" else ""
            for line in lines:
                rest = "  " if kind == "list" else ""
                yield from textwrap.wrap(
                    line, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
                )


def _columns(lines: tuple[str, ...]) -> Iterator[str]:
    """Yield the rows of a table with aligned columns; the last column takes what is left and is cut."""
    rows = [line.split("\t") for line in lines]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
    for row in rows:
        start = "  ".join(cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=True))
        room = max(20, _WIDTH - len(start) - 2)
        yield f"{start}  {row[-1] if len(row[-1]) <= room else row[-1][: room - 1] + '…'}"


def _as_markdown(blocks: Iterable[Block]) -> Iterator[str]:
    level = "#"
    for kind, lines in blocks:
        yield ""
        if kind == "title":
            yield f"{level} {_escaped(lines[0])}"
            level = "##"
        elif kind == "table":
            rows = [[_escaped(cell) for cell in line.split("\t")] for line in lines]
            yield "| " + " | ".join(rows[0]) + " |"
            yield "|" + " --- |" * len(rows[0])
            yield from ("| " + " | ".join(row) + " |" for row in rows[1:])
        elif kind == "code":
            fence = "```"
            while any(fence in line for line in lines):
                fence += "`"
            yield from (f"{fence}sql", *lines, fence)
        elif kind == "list":
            yield from (f"- {_escaped(line)}" for line in lines)
        else:
            yield from (_escaped(line) for line in lines)


def _escaped(text: str) -> str:
    """Return the text with what Markdown or HTML would obey written as plain characters."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{each}" if each in "\\`*_[]|#" else each for each in text)
