"""The report as GitHub-flavoured Markdown that fits a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import partial

from msgspec import Struct

from backend_expert.model import Text
from backend_expert.report import numbers
from backend_expert.report.blocks import as_markdown
from backend_expert.report.draw.mermaid import mermaid
from backend_expert.report.draw.sequence import mermaid_sequence
from backend_expert.report.github import code, escaped, fenced, passage, sentence
from backend_expert.report.hostile import visible
from backend_expert.report.order import Order, arrange, severity_counts
from backend_expert.report.queries import compared, study_blocks, study_summary
from backend_expert.report.words import severity_count, words
from backend_expert.review.result import Measure, Proof, Recommendation, ReportedFinding, Result, Snippet

# GitHub refuses a longer comment (documented limit of the issue comment body).
LONGEST = 65_536
_STATEMENTS = 20
"""Most statements of one schema in a table."""


class Detail(IntEnum):
    """How much of each finding is said: titles only, the reasons too, or everything with code."""

    TITLES = 0
    REASONS = 1
    EVERYTHING = 2


class Writer(Struct, frozen=True):
    """What every part of the report needs: the Result, its order, the language, how much to say."""

    result: Result
    order: Order
    language: str
    detail: Detail

    def word(self, key: str, **places: object) -> str:
        """Return a shared word of the language."""
        return words(self.language)(key, **places)

    def say(self, text: Text) -> str:
        """Return a sentence, escaped, with what stood between backticks as code."""
        return sentence(text.in_language(self.language))


def markdown(result: Result, language: str) -> str:
    """Return the report in at most 65,536 characters: the most detailed form that fits, cut between lines when none does."""
    order = arrange(result)
    for detail in sorted(Detail, reverse=True):
        text = "\n".join(_parts(Writer(result, order, language, detail)))
        if len(text) <= LONGEST:
            return text
    notice = "\n" + words(language)("cut-short") + "\n"
    return text[: text.rindex("\n", 0, LONGEST - len(notice))] + notice


def _parts(writer: Writer) -> Iterator[str]:
    yield from _verdict(writer)
    yield from _do_first(writer)
    yield from _system(writer)
    yield from _peak(writer)
    yield from _requirements(writer)
    yield from _measure_first(writer)
    yield from _findings(writer)
    yield from _databases(writer)
    yield from _rejected(writer)
    yield from _assumptions(writer)
    yield from _unread(writer)
    yield from _footer(writer)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(heads)
    yield "| " + " | ".join(names) + " |"
    yield "|" + " --- |" * len(names)
    for row in rows:
        yield "| " + " | ".join(cell or "–" for cell in row) + " |"
    yield ""


def _verdict(writer: Writer) -> Iterator[str]:
    w, result = writer.word, writer.result
    yield f"# {escaped(result.system)}: {w('backend review')}"
    yield ""
    yield f"**{writer.say(result.verdict)}**"
    yield ""
    grade = w("grade {grade}, {score} of 100", grade=result.grade, score=result.score)
    yield f"{grade[0].upper()}{grade[1:]}. {writer.say(result.read)}"
    yield ""
    if writer.detail < Detail.EVERYTHING:
        yield f"_{w('kept-short')}_"
        yield ""
    rows = ((writer.say(score.title), str(score.score), numbers.percent(score.weight, writer.language)) for score in result.scores)
    yield from _table((w("Category"), "/ 100", w("weight {share}", share="").strip()), rows)


def _do_first(writer: Writer) -> Iterator[str]:
    w, order = writer.word, writer.order
    yield f"## {w('What to do first')}"
    yield ""
    if not order.recommended:
        yield w(order.why_nothing_first)
        yield ""
        yield from _advised(writer)
        return
    rows = (
        (
            str(each.rank),
            _told(writer, each),
            _gain(writer, each),
            w(each.effort),
            ", ".join(order.answers(each)),
        )
        for each in order.recommended[:10]
    )
    yield from _table((w("No."), w("Recommendation"), w("Measured, before → after"), w("Effort"), w("Answers")), rows)
    yield from _advised(writer)


def _advised(writer: Writer) -> Iterator[str]:
    w, order = writer.word, writer.order
    if order.advised:
        yield w("Advised too, though no lab measures it") + ":"
        yield ""
        for each in order.advised:
            yield f"- {writer.say(each.title)} ({', '.join((w(each.effort), *order.answers(each)))})"
        yield ""


def _told(writer: Writer, each: Recommendation) -> str:
    title = f"**{writer.say(each.title)}**"
    return title if each.action == each.title else f"{title} {writer.say(each.action)}"


def _gain(writer: Writer, each: Recommendation) -> str:
    w, proof = writer.word, each.proof
    if proof is None:
        return w(f"status-{each.status}")
    if not proof.measures:
        return writer.say(proof.summary)
    measure = proof.measures[0]
    parts = [f"{writer.say(measure.title)} **{numbers.before_after(measure, writer.language)}**"]
    parts.append(w("95 % interval {bounds}", bounds=numbers.bounds(measure.id, measure.after, writer.language)))
    if proof.share_better is not None:
        parts.append(w("better in {share} of draws", share=numbers.percent(proof.share_better, writer.language)))
    return ", ".join(parts)


def _system(writer: Writer) -> Iterator[str]:
    w, result = writer.word, writer.result
    if not result.nodes:
        return
    yield f"## {w('The system, with the findings on it')}"
    yield ""
    yield fenced(mermaid(result, writer.order, writer.language), "mermaid")
    yield ""
    if writer.detail < Detail.EVERYTHING:
        return
    rows = (
        (
            code(node.name),
            w(node.kind),
            escaped(node.technology),
            escaped(node.replicas),
            ", ".join(writer.order.labels_of(node.findings)),
        )
        for node in result.nodes
    )
    yield from _table((w("Component"), w("Kind"), w("Technology"), w("Replicas"), w("Findings")), rows)


def _measures(writer: Writer, measures: Iterable[Measure]) -> Iterator[str]:
    w, language = writer.word, writer.language
    rows = (
        (
            writer.say(each.title),
            numbers.quantity(each.id, each.before.value, language),
            numbers.quantity(each.id, each.after.value, language),
            numbers.difference(each, language),
        )
        for each in measures
    )
    yield from _table((w("Measured"), w("before"), w("after"), w("difference (95 % interval)")), rows)


def _peak(writer: Writer) -> Iterator[str]:
    w, peak = writer.word, writer.result.peak
    if peak is None:
        return
    yield f"## {w('At {factor} times the usual traffic', factor=numbers.number(peak.factor, writer.language))}"
    yield ""
    yield writer.say(peak.summary)
    yield ""
    if peak.first_to_break:
        yield f"{w('First to break')}: {code(peak.first_to_break)}"
        yield ""
    if peak.measures:
        yield from _measures(writer, peak.measures)


def _requirements(writer: Writer) -> Iterator[str]:
    w = writer.word
    if not writer.result.requirements:
        return
    yield f"## {w('Requirements')}"
    yield ""
    for each in writer.result.requirements:
        yield f"- **{w(each.verdict)}** {writer.say(each.title)}: {writer.say(each.answer)}"
        if each.counterexample:
            yield f"  {w('Counterexample')}: {writer.say(each.counterexample)}"
    yield ""


def _measure_first(writer: Writer) -> Iterator[str]:
    w, first = writer.word, writer.result.measure_first
    if not first:
        return
    yield f"## {w('Measure these first')}"
    yield ""
    yield w("about-measure-first")
    yield ""
    yield from (f"{place}. **{writer.say(each.title)}** {writer.say(each.effect)}" for place, each in enumerate(first, 1))
    yield ""


def _findings(writer: Writer) -> Iterator[str]:
    w, order = writer.word, writer.order
    counts = ", ".join(severity_count(severity, count, writer.language) for severity, count in severity_counts(order.findings))
    yield f"## {w('Findings')}" + (f": {counts}" if counts else "")
    yield ""
    if not order.findings:
        yield w("no-finding")
        yield ""
    for each in order.findings:
        yield from _finding(writer, each)
    if writer.detail is Detail.TITLES:
        yield ""


def _finding(writer: Writer, each: ReportedFinding) -> Iterator[str]:
    w, label = writer.word, writer.order.label(each.id)
    places = ", ".join(code(str(evidence)) for evidence in each.evidence[:6])
    if writer.detail is Detail.TITLES:
        first = code(str(each.evidence[0])) if each.evidence else ""
        yield f"- **{label}** {w(each.severity)}: {writer.say(each.title)} {first}".rstrip()
        return
    yield f"### {label} {writer.say(each.title)}"
    yield ""
    yield writer.say(each.why)
    yield ""
    status = w(f"finding-{each.status}")
    yield f"**{w(each.severity)}** · {code(each.rule)} {escaped(each.code)} · {status}" + (f" · {places}" if places else "")
    yield ""
    if writer.detail is Detail.EVERYTHING and each.snippets:
        yield fenced(_numbered(each.snippets[0]))
        yield ""
    if each.history:
        yield fenced(mermaid_sequence(each.history, writer.language), "mermaid")
        yield ""
    for comparison in each.comparisons:
        yield from as_markdown(compared(comparison, writer.language, plans=writer.detail is Detail.EVERYTHING))
        yield ""
    for recommendation in (*writer.order.recommended, *writer.order.unproved):
        if writer.order.homes.get(recommendation.id) == each.id:
            yield from _remedy(writer, recommendation)


def _databases(writer: Writer) -> Iterator[str]:
    if not writer.result.databases:
        return
    yield f"## {writer.word('Queries and indexes')}"
    for study in writer.result.databases:
        yield ""
        yield f"### {code(study.name)}"
        if writer.detail is Detail.EVERYTHING:
            yield from as_markdown(study_blocks(study, writer.language, _STATEMENTS), 4, 4)
        else:
            yield ""
            yield from map(sentence, study_summary(study, writer.language))
    yield ""


def _numbered(snippet: Snippet) -> str:
    return "\n".join(f"{number:>5} | {one_row(line)}" for number, line in enumerate(snippet.lines, snippet.first_line))


def one_row(line: str) -> str:
    """Return a line of code, made visible, without a break in it."""
    return visible(line).replace("\n", " ")


def _remedy(writer: Writer, each: Recommendation) -> Iterator[str]:
    w = writer.word
    facts = f"{w('effort')}: {w(each.effort)}; {w(f'status-{each.status}')}"
    yield f"→ {_told(writer, each)} ({facts})"
    yield ""
    if each.proof:
        yield from _proof(writer, each.proof)
    if writer.detail < Detail.EVERYTHING or writer.order.explained.get(each.id, each.id) != each.id:
        return
    pseudocode = each.pseudocode.in_language(writer.language)
    if pseudocode:
        yield fenced(pseudocode.strip().removeprefix("```").removesuffix("```"))
        yield ""
    for example in each.examples:
        yield f"<details><summary>{escaped(example.place)}</summary>\n\n{fenced(example.code, example.language)}\n\n</details>"
        yield ""
    for name, text in (("When not", each.when_not), ("Trade-off", each.trade_off)):
        if text.in_language(writer.language):
            yield f"_{w(name)}_:"
            yield ""
            yield passage(text.in_language(writer.language))
            yield ""


def _proof(writer: Writer, proof: Proof) -> Iterator[str]:
    w, percent = writer.word, partial(numbers.percent, language=writer.language)
    yield f"_{w(proof.verdict)}_: {writer.say(proof.summary)} {w('Experiment')}: {writer.say(proof.experiment)}"
    if proof.share_better is not None:
        yield w("better-in-draws", share=percent(proof.share_better), n=proof.draws)
    yield ""
    if proof.measures and writer.detail is Detail.EVERYTHING:
        yield from _measures(writer, proof.measures)


def _rejected(writer: Writer) -> Iterator[str]:
    if not writer.order.rejected:
        return
    yield f"## {writer.word('Tried, and not recommended')}"
    yield ""
    for each in writer.order.rejected:
        yield f"- **{writer.say(each.title)}**: {writer.say(each.proof.summary if each.proof else each.action)}"
    yield ""


def _assumptions(writer: Writer) -> Iterator[str]:
    w, result, number = writer.word, writer.result, partial(numbers.number, language=writer.language)
    if result.assumptions and writer.detail > Detail.TITLES:
        yield f"<details><summary>{w('Assumptions')} ({len(result.assumptions)})</summary>"
        yield ""
        rows = (
            (code(each.path), number(each.value), f"{number(each.low)}–{number(each.high)}", writer.say(each.reason))
            for each in result.assumptions
        )
        yield from _table((w("Place in system.yaml"), w("Value"), w("Range tried"), w("Why this value")), rows)
        yield "</details>"
        yield ""
    if result.questions:
        yield f"## {w('Questions to you')}"
        yield ""
        yield from (f"- {writer.say(each)}" for each in result.questions)
        yield ""


def _unread(writer: Writer) -> Iterator[str]:
    w, result = writer.word, writer.result
    if not result.unread and not result.notes:
        return
    yield f"## {w('Not read, not run')}"
    yield ""
    for each in result.unread:
        yield f"- {code(each.file + (f':{each.line}' if each.line else ''))}: {writer.say(each.reason)}"
    yield from (f"- {writer.say(each)}" for each in result.notes)
    yield ""


def _footer(writer: Writer) -> Iterator[str]:
    w, footer = writer.word, writer.result.footer
    yield "---"
    yield f"{w('Run it again')}: {code(footer.command)}"
    yield ""
    facts = [f"Backend Expert {escaped(footer.version)}", f"seed {footer.seed}", f"digest {code(footer.digest)}"]
    if footer.commit:
        facts.append(f"commit {code(footer.commit)} {escaped(footer.commit_date)}")
    yield " · ".join(facts)
    yield ""
