"""The report for a terminal: it reads without colour, and nothing of the reviewed system can move the cursor."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text as Styled

from backend_expert.model import Severity
from backend_expert.model import Text as Sentence
from backend_expert.report import numbers
from backend_expert.report.hostile import one_line, spans, visible
from backend_expert.report.order import Order, arrange, severity_counts
from backend_expert.report.queries import compared, study_lines
from backend_expert.report.words import severity_count, words
from backend_expert.review.result import Compared, HistoryEvent, Recommendation, ReportedFinding, Requirement, Result, Snippet

_COLOURS = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "blue",
    Severity.INFO: "dim",
}
_VERDICT_COLOURS = {"held": "green", "broken": "bold red", "not-decidable": "yellow"}
# Rich breaks lines at every kind of space, also at one that must not break; this character of the private use area holds a number
# and its unit together until the lines are made.
_GLUE = "\ue000"
_NARROWEST = 40
_BAR = 20
_FRAMED = 3
_FRAME_AROUND = 1
_LISTED = 20
_UNREAD_LISTED = 5
_NOTES_LISTED = 5
_ACTION = 600


def terminal(result: Result, language: str, *, width: int = 80, color: bool = False) -> str:
    """Return the report in lines of at most `width` columns, with ANSI colours when `color`."""
    order = arrange(result)
    parts = [
        _verdict(result, language),
        _scores(result, language),
        _do_first(order, language),
        _peak(result, language),
        _requirements(result, language),
        _measure_first(result, language),
        _findings(order, language),
        _databases(result, language),
        _rejected(order, language),
        _not_read(result, language),
        _next(result, language),
    ]
    shown = [part for part in parts if part is not None]
    return _printed(Group(*(Group(part, "") for part in shown)), max(width, _NARROWEST), color=color)


def _printed(content: RenderableType, width: int, *, color: bool) -> str:
    output = StringIO()
    console = Console(
        file=output,
        width=width,
        height=100,
        color_system="standard" if color else None,
        force_terminal=color,
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    console.print(content)
    lines = output.getvalue().replace(_GLUE, " ").replace(numbers.NO_BREAK, " ").rstrip().split("\n")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _glued(text: str) -> str:
    return numbers.with_units(text).replace(numbers.NO_BREAK, _GLUE)


def _sentence(text: Sentence, language: str, style: str = "") -> Styled:
    """Return a sentence in which what stood between backticks is bold."""
    styled = Styled(style=style)
    for piece, is_code in spans(_glued(one_line(text.in_language(language)))):
        styled.append(piece, "bold" if is_code else None)
    return styled


def _indented(content: RenderableType, left: int) -> Padding:
    return Padding(content, (0, 0, 0, left))


def _rows(rows: Iterable[tuple[RenderableType, ...]], *, gap: int = 2) -> Table:
    grid = Table.grid(padding=(0, gap, 0, 0))
    for row in rows:
        grid.add_row(*row)
    return grid


def _section(title: str, *content: RenderableType) -> Group:
    return Group(Styled(title.upper(), style="bold"), *content)


def _verdict(result: Result, language: str) -> RenderableType:
    w = words(language)
    grade = Styled(w("grade {grade}, {score} of 100", grade=result.grade, score=result.score), style="bold")
    head = Table.grid(expand=True)
    head.add_column()
    head.add_column(justify="right")
    head.add_row(Styled(one_line(result.system), style="bold"), grade)
    return Group(head, Rule(style="dim"), _sentence(result.verdict, language, "bold"), _sentence(result.read, language, "dim"))


def _scores(result: Result, language: str) -> RenderableType | None:
    w = words(language)
    rows = []
    for score in result.scores:
        full = round(score.score / 100 * _BAR)
        colour = "green" if score.score >= 80 else "yellow" if score.score >= 60 else "red"
        bar = Styled("█" * full, style=colour) + Styled("░" * (_BAR - full), style="dim")
        weight = Styled(w("weight {share}", share=numbers.percent(score.weight, language)), style="dim")
        rows.append((_sentence(score.title, language), bar, Styled(f"{score.score:>3}"), weight))
    return _rows(rows) if rows else None


def _do_first(order: Order, language: str) -> RenderableType:
    w = words(language)
    if not order.recommended:
        return _section(w("What to do first"), Styled(w(order.why_nothing_first)), *_advised(order, language))
    rows = [(Styled(f"{each.rank:>2}."), _recommendation(each, order, language)) for each in order.recommended[:10]]
    return _section(w("What to do first"), _rows(rows, gap=1), *_advised(order, language))


def _advised(order: Order, language: str) -> list[RenderableType]:
    if not order.advised:
        return []
    w = words(language)
    rows = []
    for each in order.advised:
        facts = ", ".join((w(each.effort), *order.answers(each)))
        title = _sentence(each.title, language) + Styled(f" ({facts})", style="dim")
        lines = [title] if each.action == each.title else [title, _action(each, language, "dim")]
        rows.append((Styled(" –"), Group(*lines)))
    return [Styled(w("Advised too, though no lab measures it") + ":"), _rows(rows, gap=1)]


def _action(each: Recommendation, language: str, style: str = "") -> Styled:
    """Return what to change; of a long list its first sentences, and how many more stand on the page."""
    sentences = each.action.in_language(language).split(". ")
    kept = sentences[:1]
    while len(kept) < len(sentences) and sum(map(len, kept)) + len(sentences[len(kept)]) <= _ACTION:
        kept.append(sentences[len(kept)])
    left = len(sentences) - len(kept)
    told = ". ".join(kept) + (f" … {words(language)('and {n} more', n=left)}." if left else "")
    return _sentence(Sentence(told, told), language, style)


def _recommendation(each: Recommendation, order: Order, language: str) -> RenderableType:
    w = words(language)
    lines: list[RenderableType] = [_sentence(each.title, language, "bold")]
    if each.action != each.title:
        lines.append(_action(each, language))
    if each.proof and each.proof.measures:
        measure = each.proof.measures[0]
        gain = Styled(one_line(measure.title.in_language(language)) + " ")
        gain.append(_glued(numbers.before_after(measure, language)), "bold green")
        ends = numbers.bounds(measure.id, measure.after, language)
        gain.append(_glued(f" ({w('95 % interval {bounds}', bounds=ends)})"))
        if each.proof.share_better is not None:
            share = numbers.percent(each.proof.share_better, language)
            gain.append(_glued(", " + w("better in {share} of draws", share=share)))
        lines.append(gain)
    elif each.proof:
        lines.append(_sentence(each.proof.summary, language))
    facts = [w(f"status-{each.status}"), f"{w('effort')}: {w(each.effort)}"]
    answers = order.answers(each)
    if answers:
        facts.append(f"{w('answers')} {', '.join(answers)}")
    return Group(*lines, Styled(" · ".join(facts), style="dim"))


def _peak(result: Result, language: str) -> RenderableType | None:
    if result.peak is None:
        return None
    w = words(language)
    title = w("At {factor} times the usual traffic", factor=numbers.number(result.peak.factor, language))
    rows = [
        (
            _sentence(measure.title, language),
            Styled(numbers.before_after(measure, language), style="bold"),
        )
        for measure in result.peak.measures
    ]
    lines: list[RenderableType] = [_sentence(result.peak.summary, language)]
    if result.peak.first_to_break:
        lines.append(Styled(f"{w('First to break')}: {one_line(result.peak.first_to_break)}"))
    return _section(title, *lines, *([_rows(rows)] if rows else []))


def _requirements(result: Result, language: str) -> RenderableType | None:
    if not result.requirements:
        return None
    w = words(language)
    rows = []
    for each in result.requirements:
        verdict = Styled(w(each.verdict), style=_VERDICT_COLOURS[each.verdict], no_wrap=True)
        rows.append((verdict, _requirement(each, language)))
    return _section(w("Requirements"), _rows(rows))


def _requirement(each: Requirement, language: str) -> RenderableType:
    lines = [_sentence(each.title, language, "bold"), _sentence(each.answer, language)]
    if each.counterexample:
        lines.append(Styled(f"{words(language)('Counterexample')}: ") + _sentence(each.counterexample, language))
    return Group(*lines)


def _measure_first(result: Result, language: str) -> RenderableType | None:
    if not result.measure_first:
        return None
    rows = [
        (Styled(f"{place:>2}."), Group(_sentence(each.title, language, "bold"), _sentence(each.effect, language)))
        for place, each in enumerate(result.measure_first, 1)
    ]
    w = words(language)
    return _section(w("Measure these first"), Styled(w("about-measure-first")), _rows(rows, gap=1))


def _findings(order: Order, language: str) -> RenderableType:
    w = words(language)
    if not order.findings:
        return _section(w("Findings"), Styled(w("no-finding")))
    counts = ", ".join(severity_count(severity, count, language) for severity, count in severity_counts(order.findings))
    shown = [_finding(each, order, language, framed=place < _FRAMED) for place, each in enumerate(order.findings[:_LISTED])]
    if len(order.findings) > _LISTED:
        shown.append(Styled(w("{n} more findings stand in the whole report.", n=len(order.findings) - _LISTED), style="dim"))
    return _section(f"{w('Findings')}: {counts}", *shown)


def _finding(each: ReportedFinding, order: Order, language: str, *, framed: bool) -> RenderableType:
    w = words(language)
    label = Styled(f"{order.label(each.id):<3} ", style="bold")
    title = Styled(w(each.severity) + ": ", style=_COLOURS[each.severity]) + _sentence(each.title, language)
    lines: list[RenderableType] = [title]
    if framed:
        lines.append(_sentence(each.why, language, "dim"))
    if framed and each.snippets:
        lines.append(_frame(each.snippets[0]))
    elif each.evidence:
        lines.append(Styled(one_line(str(each.evidence[0])), style="cyan", overflow="fold"))
    if framed and each.history:
        told = [(Styled(f"{place:>2}."), _step(event, language)) for place, event in enumerate(each.history.events, 1)]
        lines.append(_rows(told, gap=1))
    lines += [Styled(line) for comparison in each.comparisons[:1] for line in _costs(comparison, language)]
    answers = (*order.recommended, *order.advised)
    kept = next((one for one in answers if each.id in one.findings or one.id in each.recommendations), None)
    if kept:
        lines.append(Styled(f"→ {kept.rank}. " if kept.rank > 0 else "→ ") + _sentence(kept.title, language))
    return _rows([(label, Group(*lines))], gap=0)


def _step(event: HistoryEvent, language: str) -> Styled:
    actor = one_line(event.actor) + (f" → {one_line(event.target)}" if event.target not in ("", event.actor) else "")
    fault = Styled(f" ({words(language)('fault')}: {one_line(event.fault)})", style="bold red") if event.fault else Styled("")
    return Styled(f"{actor}: ") + _sentence(event.text, language) + fault


def _frame(snippet: Snippet) -> RenderableType:
    """Return the line of the evidence and its neighbours, cut at the edge of the terminal."""
    first, last = snippet.evidence.line, max(snippet.evidence.end_line, snippet.evidence.line)
    rows = []
    for number, line in enumerate(snippet.lines, snippet.first_line):
        if first - _FRAME_AROUND <= number <= last + _FRAME_AROUND:
            hit = first <= number <= last
            code = Styled(visible(line).replace("\n", " "), style="" if hit else "dim", no_wrap=True, overflow="ellipsis")
            rows.append((Styled(f"{'>' if hit else ' '} {number:>4} |", style="dim", no_wrap=True), code))
    return Group(Styled(one_line(str(snippet.evidence)), style="cyan", overflow="fold"), _rows(rows, gap=1))


def _costs(each: Compared, language: str) -> tuple[str, ...]:
    """Return what the planner says of a statement in two forms: the costs, not the forms, which are long."""
    return next(compared(each, language)).lines


def _databases(result: Result, language: str) -> RenderableType | None:
    if not result.databases:
        return None
    lines: list[RenderableType] = []
    for name, told in study_lines(result.databases, language):
        if name:
            lines.append(Styled(one_line(name), style="cyan", overflow="fold"))
        lines.append(_indented(Styled(_glued(told)), 2 if name else 0))
    return _section(words(language)("Queries and indexes"), *lines)


def _rejected(order: Order, language: str) -> RenderableType | None:
    if not order.rejected:
        return None
    lines = []
    for each in order.rejected:
        told = each.proof.summary if each.proof else each.action
        lines.append((Styled("–"), _sentence(each.title, language) + Styled(": ") + _sentence(told, language)))
    return _section(words(language)("Tried, and not recommended"), _rows(lines, gap=1))


def _not_read(result: Result, language: str) -> RenderableType | None:
    if not result.unread and not result.notes:
        return None
    w = words(language)
    rows: list[tuple[RenderableType, ...]] = []
    for each in result.unread[:_UNREAD_LISTED]:
        place = one_line(each.file) + (f":{each.line}" if each.line else "")
        rows.append(
            (
                Styled("–"),
                Styled(place, style="cyan", overflow="fold") + Styled(": ", style="default") + _sentence(each.reason, language),
            )
        )
    rows.extend((Styled("–"), _sentence(note, language)) for note in result.notes[:_NOTES_LISTED])
    more = sum(max(0, len(all_of) - most) for all_of, most in ((result.unread, _UNREAD_LISTED), (result.notes, _NOTES_LISTED)))
    rest = [Styled(w("and {n} more", n=more), style="dim")] if more > 0 else []
    return _section(w("Not read, not run"), _rows(rows, gap=1), *rest)


def _next(result: Result, language: str) -> RenderableType:
    w = words(language)
    assumed = len(result.assumptions)
    lines = []
    if assumed:
        told = (
            w("1 number was assumed; the page shows it.")
            if assumed == 1
            else w("{n} numbers were assumed; the page lists them.", n=assumed)
        )
        lines.append(Styled(told, style="dim"))
    command = one_line(result.footer.command)
    whole = command if "--format" in command else f"{command} --format html --output review.html"
    return Group(*lines, Styled(f"{w('The whole report as a page')}:"), _indented(Styled(whole, overflow="fold"), 2))
