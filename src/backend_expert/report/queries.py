"""The answer of the planner lab, for a terminal, as Markdown, as a page, or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from backend_expert.model import Text
from backend_expert.model.wording import counted
from backend_expert.report.blocks import Block, as_markdown, as_text
from backend_expert.report.hostile import one_line
from backend_expert.report.numbers import number, percent
from backend_expert.report.words import words
from backend_expert.report.words_of_queries import WORDS
from backend_expert.review.queries import Answer, Compared, IndexRemoval, OnServer, Queries, QueryOutcome, Told
from backend_expert.review.result import DatabaseStudy

Format = Literal["text", "markdown", "html", "json"]

_MOST = {"text": 12, "markdown": 100, "html": 200}
"""Most rows of a table: a screen, or a page that can be searched."""
_MOST_REJECTED = 12
_PLACES = 3
_BAR = 30
"""Characters of the bar for today's cost."""


def render_queries(queries: Queries, format_: Format, language: Literal["en", "pt-BR"]) -> str:
    """Return the answer as text of at most 80 columns (code is never wrapped), as Markdown, as an HTML page, or as JSON."""
    if format_ == "json":
        return msgspec.json.format(msgspec.json.encode(queries), indent=2).decode() + "\n"
    blocks = tuple(_blocks(queries, language, _MOST[format_]))
    if format_ == "html":
        from backend_expert.report.html import environment, sentence
        from backend_expert.report.prose import highlighted

        template = environment().get_template("queries.html")
        title = WORDS[language]["title"]
        return template.render(parts=_parts(blocks), title=title, language=language, sentence=sentence, highlighted=highlighted)
    lines = as_text(blocks) if format_ == "text" else as_markdown(blocks)
    return "\n".join(lines).strip("\n") + "\n"


def _parts(blocks: tuple[Block, ...]) -> list[list[Block]]:
    """Return the blocks of a page, each title with what stands below it."""
    parts: list[list[Block]] = []
    for block in blocks:
        if block.kind == "title":
            parts.append([])
        parts[-1].append(block)
    return parts


def _blocks(queries: Queries, language: str, most: int) -> Iterator[Block]:
    answer, word = queries.answer, WORDS[language]
    yield Block("title", (word["title"],))
    yield Block("text", (*_summary(answer, language), *_server(queries.server, language)))
    if answer.refused:
        yield Block("title", (word["refused"],))
        yield Block("list", tuple(each.in_language(language) for each in answer.refused))
    yield from _indexes(answer, language)
    if queries.single:
        for query in answer.queries:
            yield from _plans(query, language)
    else:
        yield from _queries(answer, language, most)
    yield from _frontier(answer, language)
    yield from _removals(answer, language)
    yield from _findings(queries.findings, language)
    yield from _left_out(answer, language)
    yield Block("text", (word["again"].format(command=one_line(queries.command)),))


def study_summary(study: DatabaseStudy, language: str) -> tuple[str, ...]:
    """Return what the planner found out about one schema in a few sentences, and what that rests on."""
    return (*_summary(study.answer, language, where="system"), *_made(study, language))


def study_lines(studies: tuple[DatabaseStudy, ...], language: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each schema with what matters most; at the end, under no name, what holds for all of them."""
    common: list[str] = []
    for study in studies:
        first, *rest = _summary(study.answer, language, where="system")
        common += rest
        yield study.name, " ".join((first, *_made(study, language)))
    yield "", " ".join(dict.fromkeys(common))


def _made(study: DatabaseStudy, language: str) -> Iterator[str]:
    """Yield how much of a schema and its statements was made from something else."""
    word = WORDS[language]
    if study.entities:
        yield word["entities"]
    if study.dialect != "postgres":
        yield word["translated"].format(dialect=study.dialect)
    if study.derived:
        yield word["derived"].format(count=_statements(study.derived, language))


def _statements(count: int, language: str) -> str:
    return counted(count, Text("statement", "comando"), Text("statements", "comandos")).in_language(language)


def study_blocks(study: DatabaseStudy, language: str, most: int) -> Iterator[Block]:
    """Yield what the planner found out about one schema, for a section of a larger report."""
    answer = study.answer
    yield Block("text", study_summary(study, language))
    yield from _indexes(answer, language)
    yield from _queries(answer, language, most)
    yield from _frontier(answer, language)
    yield from _removals(answer, language)
    yield from _left_out(answer, language)


def _summary(answer: Answer, language: str, where: str = "rows") -> Iterator[str]:
    """Yield what came out and how sure it is; `where` is the place to state row counts: an option, or the file of the system."""
    word = WORDS[language]
    if answer.queries:
        ratio = answer.after / answer.before if answer.before else 1.0
        yield word["summary" if answer.indexes else "nothing"].format(
            queries=_statements(len(answer.queries), language),
            indexes=number(len(answer.indexes), language),
            size=_bytes(sum(each.bytes for each in answer.indexes), language),
            share=percent(ratio, language),
        )
    else:
        yield word[f"no queries, {where}"].format(tables=number(answer.tables, language))
    reasons = "; ".join(dict.fromkeys(_plain(each, language) for each in answer.reasons))
    yield word["level"].format(level=answer.level, reasons=f": {reasons}" if reasons else "")
    if answer.guessed:
        shown = ", ".join(map(one_line, answer.guessed[:8])) + (", …" if len(answer.guessed) > 8 else "")
        yield word[f"guessed, {where}"].format(count=number(len(answer.guessed), language), tables=shown)
    yield from (f"{_plain(each, language)}." for each in answer.hints)
    yield word["unit"]


def _server(server: OnServer | None, language: str) -> Iterator[str]:
    """Yield what the server itself says of the same statements."""
    word = WORDS[language]
    if server is None:
        return
    yield word["server"].format(
        version=server.version, agreeing=number(server.agreeing, language), statements=_statements(server.compared, language)
    )
    if server.after is not None:
        yield word["hypopg"].format(before=number(server.before, language), after=number(server.after, language))


def _indexes(answer: Answer, language: str) -> Iterator[Block]:
    word = WORDS[language]
    if not answer.indexes:
        return
    yield Block("title", (word["indexes"],))
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
    yield Block("table", tuple(rows))
    yield Block("text", (word["contribution"],))
    yield Block("code", tuple(dict.fromkeys(line for each in answer.indexes for line in each.create)))
    yield Block("text", (word["way back"],))
    yield Block("code", tuple(dict.fromkeys(line for each in answer.indexes for line in each.drop)))


def _queries(answer: Answer, language: str, most: int) -> Iterator[Block]:
    word = WORDS[language]
    if not answer.queries:
        return
    yield Block("title", (word["queries"],))
    rows = [word["query columns"]]
    for each in answer.queries[:most]:
        mark = " !" if each.risk is not None else ""
        rows.append(
            "\t".join((percent(each.share, language), _change(each, language) + mark, each.level, one_line(each.statement)))
        )
    yield Block("table", tuple(rows))
    if len(answer.queries) > most:
        yield Block("text", (word["more"].format(count=number(len(answer.queries) - most, language)),))
    risky = [each for each in answer.queries if each.risk is not None]
    if risky:
        yield Block("title", (word["risk"],))
        told = (f"{_short(each.statement)} ({_change(each, language)}): {_plain(each.risk, language)}" for each in risky)
        yield Block("list", tuple(told))


def _plans(query: QueryOutcome, language: str) -> Iterator[Block]:
    word = WORDS[language]
    yield Block("title", (word["before"].format(cost=number(query.before, language), level=query.level),))
    yield Block("code", tuple(map(one_line_kept, query.plan_before)))
    if query.uses:
        yield Block("title", (word["after"].format(cost=number(query.after, language), indexes=one_line("; ".join(query.uses))),))
        yield Block("code", tuple(map(one_line_kept, query.plan_after)))
    if query.reasons:
        yield Block("list", tuple(_plain(each, language) for each in query.reasons))
    if query.risk is not None:
        yield Block("text", (_plain(query.risk, language),))


def one_line_kept(line: str) -> str:
    """Return a line of a plan made visible, with its indentation."""
    bare = line.lstrip(" ")
    return " " * (len(line) - len(bare)) + one_line(bare)


def _frontier(answer: Answer, language: str) -> Iterator[Block]:
    word = WORDS[language]
    if len(answer.frontier) < 2 or not answer.indexes:
        return
    yield Block("title", (f"{word['frontier']} ({answer.level})",))
    rows = [word["frontier columns"]]
    for each in answer.frontier:
        bar = "█" * max(1, round(each.ratio * _BAR))
        cells = (
            _bytes(each.budget, language),
            _bytes(each.bytes, language),
            number(each.indexes, language),
            percent(each.ratio, language),
            bar + "░" * (_BAR - len(bar)),
        )
        rows.append("\t".join(cells))
    yield Block("table", tuple(rows))


def _removals(answer: Answer, language: str) -> Iterator[Block]:
    word = WORDS[language]
    if not answer.removals:
        return
    yield Block("title", (word["removals"],))
    yield Block("list", tuple(_removal(each, answer, language) for each in answer.removals))
    yield Block("code", tuple(dict.fromkeys(line for each in answer.removals for line in each.drop)))
    yield Block("text", (word["way back"],))
    yield Block("code", tuple(dict.fromkeys(one_line(line) for each in answer.removals for line in each.create)))


def _removal(each: IndexRemoval, answer: Answer, language: str) -> str:
    word = WORDS[language]
    why = word[each.kind].format(instead=one_line(each.instead), taken=answer.taken or word["unknown time"])
    share = word["removal"].format(share=percent(each.cost_ratio, language), level=answer.level) if answer.queries else ""
    return f"{one_line(each.index)} ({one_line(each.table)}), {_bytes(each.bytes, language)}: {why}{share}"


def _findings(findings: tuple[Told, ...], language: str) -> Iterator[Block]:
    word, w = WORDS[language], words(language)
    if not findings:
        return
    yield Block("title", (word["findings"],))
    for each in findings:
        found = each.finding
        places = ", ".join(str(place) for place in found.evidence[:_PLACES]) + (", …" if len(found.evidence) > _PLACES else "")
        told = (
            f"{w(found.severity)}: {found.title.in_language(language)} ({', '.join(part for part in (found.rule, places) if part)})"
        )
        yield Block("list", (one_line(told),))
        for comparison in each.comparisons:
            yield from compared(comparison, language)
    remedies = tuple(dict.fromkeys(line for each in findings for line in each.remedy))
    if remedies:
        yield Block("code", remedies)


def compared(each: Compared, language: str, *, plans: bool = False) -> Iterator[Block]:
    """Yield both forms of a statement with their costs, and with their plans where asked for."""
    word = WORDS[language]
    costs = word["cost"].format(before=number(each.before, language), after=number(each.after, language), level=each.level)
    needs = word["needs"].format(index=one_line(each.needs)) if each.needs else ""
    yield Block("text", (f"{costs}{needs}{'' if each.proved else word['not cheaper']}.",))
    yield Block("code", (f"- {one_line(each.statement)}", f"+ {one_line(each.better)}", *((each.create,) if each.create else ())))
    if plans:
        both = (word["plan before"], *each.plan_before, word["plan after"], *each.plan_after)
        yield Block("code", tuple(map(one_line_kept, both)))


def _left_out(answer: Answer, language: str) -> Iterator[Block]:
    word = WORDS[language]
    items = [f"{one_line(each.file)}:{each.line}: {_short(each.statement)}: {one_line(each.reason)}" for each in answer.unplanned]
    items += [
        f"{one_line(each.file)}:{each.line}: {one_line(each.item)}: {_plain(each.reason, language)}" for each in answer.rejected
    ]
    if not items:
        return
    yield Block("title", (word["left out"].format(count=number(len(items), language)),))
    yield Block("list", tuple(items[:_MOST_REJECTED]))
    if len(items) > _MOST_REJECTED:
        yield Block("text", (word["json"].format(count=number(len(items) - _MOST_REJECTED, language)),))


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
