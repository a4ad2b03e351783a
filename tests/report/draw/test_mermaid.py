import re

from hostile_result import hostile
from hypothesis import given
from hypothesis import strategies as st
from sample_result import sample

from backend_expert.report.draw.mermaid import escaped, mermaid
from backend_expert.report.order import arrange


def test_the_shop_is_a_flowchart_with_its_findings() -> None:
    text = mermaid(sample(), arrange(sample()), "en")
    assert text.startswith("flowchart LR\n")
    assert "-->|F1 F2|" in text
    assert '[("postgres<br/>postgresql<br/>F3 F5")]' in text
    assert "-.->" in text


def test_hostile_names_stay_inside_their_quotes() -> None:
    for line in mermaid(hostile(), arrange(hostile()), "en").splitlines()[1:]:
        assert (
            re.fullmatch(
                r'  n\d+[\[(/]+"[^"\n`]*"[\])/]+|  n\d+ -\.?->(\|[F\d ]+\|)? n\d+|  class(Def)? [\w,]+ .*',
                line.replace("-->", "-->"),
            )
            or " --> " in line
            or "|" in line
        )


@given(st.text())
def test_a_label_holds_no_character_that_mermaid_reads(text: str) -> None:
    shown = escaped(text)
    assert not set(shown.replace("#", "").replace(";", "")) & set("\"'`<>{}[]()|\n&")
    assert all(re.match(r"#\d+;", shown[at:]) for at, character in enumerate(shown) if character == "#")


def test_a_semicolon_is_written_as_its_number() -> None:
    assert escaped("a;b") == "a#59;b"
