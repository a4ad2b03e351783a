import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hostile_result import every_text, hostile
from msgspec import structs
from sample_result import sample

from backend_expert.model import Text
from backend_expert.report import render
from backend_expert.report.draw import layout as layout_module
from backend_expert.report.hostile import plain, visible
from backend_expert.report.html import sentence
from backend_expert.report.prose import highlighted, pseudocode, rendered

LANGUAGES = ["en", "pt-BR"]
VOID = {"meta", "br", "img", "hr", "link", "input"}


class Page(HTMLParser):
    """What a browser would see: the tags in order, whether they close well, the text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.astray: list[str] = []
        self.text: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.astray.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("result", [sample(), hostile()], ids=["sample", "hostile"])
def test_the_page_is_well_formed_and_holds_no_script(result: object, language: str) -> None:
    page = Page(render(result, "html", language))  # type: ignore[arg-type]
    assert page.astray == []
    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "iframe", "object", "embed", "form", "img", "link", "base"}
    assert all(not name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert ("html", {"lang": language}) in page.tags


@pytest.mark.parametrize("result", [sample(), hostile()], ids=["sample", "hostile"])
def test_nothing_is_loaded_from_elsewhere(result: object) -> None:
    source = render(result, "html")  # type: ignore[arg-type]
    page = Page(source)
    for tag, attributes in page.tags:
        target = attributes.get("href")
        assert attributes.get("src") is None
        if target is not None:
            assert target.startswith("#") or (
                tag == "a" and target.startswith("https://") and attributes.get("rel") == "noreferrer"
            )
    assert "url(" not in source
    assert "@import" not in source
    policy = next(
        attributes["content"] for tag, attributes in page.tags if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_hostile_texts_are_shown_and_not_obeyed() -> None:
    source = render(hostile(), "html")
    assert "<script>" not in source
    assert "onload=alert(1)>" not in source.replace("&gt;", "")
    assert "\u202e" not in source
    assert "\x1b" not in source
    assert "49" not in re.findall(r"\]\]&gt; --&gt; (\S+)", source)
    assert "alert(1)" in "".join(Page(source).text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_review_is_on_the_page_in_its_language(language: str) -> None:
    page = " ".join(" ".join(Page(render(sample(), "html", language)).text).split())
    bare = re.sub(r"\s", "", page)
    result = sample()
    shown = [result.verdict, result.read, *(each.why for each in result.findings), *(each.title for each in result.findings)]
    shown += every_text(result.requirements) + every_text(result.questions) + every_text(result.unread) + every_text(result.notes)
    for text in shown:
        assert re.sub(r"\s", "", plain(text.in_language(language))) in bare


def test_every_link_inside_the_page_has_its_place() -> None:
    for result in (sample(), hostile()):
        page = Page(render(result, "html"))
        places = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
        targets = {
            attributes["href"][1:] for tag, attributes in page.tags if tag == "a" and (attributes.get("href") or "").startswith("#")
        }  # type: ignore[index]
        assert targets <= places


def test_no_id_stands_twice() -> None:
    ids = [attributes["id"] for _, attributes in Page(render(sample(), "html")).tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_every_drawing_is_described_and_is_xml() -> None:
    source = render(hostile(), "html")
    drawings = re.findall(r"<svg .*?</svg>", source, flags=re.DOTALL)
    assert len(drawings) >= 4
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.get("aria-label") or root.get("aria-hidden") == "true"


def test_the_same_review_gives_the_same_page() -> None:
    assert render(sample(), "html", "pt-BR") == render(sample(), "html", "pt-BR")


def test_without_a_layout_program_the_page_shows_mermaid_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_module, "programs", tuple)
    layout_module.layout.cache_clear()
    source = render(sample(), "html")
    layout_module.layout.cache_clear()
    assert "flowchart LR" in source
    assert "No layout program" in source
    assert 'class="architecture"' not in source
    assert "<details open>" in source


def test_a_review_that_found_nothing_still_makes_a_page() -> None:
    empty = structs.replace(
        sample(),
        recommendations=(),
        findings=(),
        requirements=(),
        peak=None,
        unread=(),
        notes=(),
        assumptions=(),
        questions=(),
        scores=(),
    )
    text = " ".join(Page(render(empty, "html")).text)
    assert "No rule found a problem" in text
    assert "No number had to be assumed" in text


def test_a_sentence_marks_code_and_escapes_the_rest() -> None:
    assert sentence("`<a>` & b") == "<code>&lt;a&gt;</code> &amp; b"


def test_prose_shows_html_and_links_only_to_the_web() -> None:
    page = rendered("## Why\n\n<script>x</script> [a](javascript:x) [b](https://b.example/) ![i](https://i.example/i.png)")
    assert "<script>" not in page
    assert 'href="javascript' not in page
    assert '<a href="https://b.example/" rel="noreferrer">b</a>' in page
    assert "<img" not in page
    assert "<h5>Why</h5>" in page


def test_code_is_coloured_where_the_language_is_known() -> None:
    assert '<span class="kd">const</span>' in highlighted("const a = '<b>'", "ts")
    assert "<b>" not in highlighted("const a = '<b>'", "ts")
    assert highlighted("a < b", "no such language") == "a &lt; b"


def test_pseudocode_loses_its_fence_and_marks_comments() -> None:
    assert pseudocode("```\nif a < b: stop  # why\n```") == 'if a &lt; b: stop  <span class="c1"># why</span>'


def test_texts_that_only_one_language_needs_are_not_mixed() -> None:
    english, portuguese = render(sample(), "html", "en"), render(sample(), "html", "pt-BR")
    assert "O que fazer primeiro" not in english
    assert "What to do first" not in portuguese
    assert visible(Text("a", "b").en) == "a"
