from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from backend_expert.report.draw import svg


@given(st.text(), st.text())
def test_any_text_is_text(value: str, label: str) -> None:
    drawing = svg.picture(svg.text(value, 1, 2, "x") + svg.title(value), 10, 10, label, "y")
    root = ElementTree.fromstring(drawing)
    assert len(list(root.iter())) in (3, 4)


@given(st.text(max_size=300), st.floats(20, 200))
def test_a_shortened_text_fits(value: str, limit: float) -> None:
    short = svg.shortened(value, 13, limit)
    assert svg.text_width(short, 13) <= limit or short == "…"


def test_the_middle_is_left_out() -> None:
    assert svg.shortened("recommendation-service-production", 13, 120).startswith("recom")
    assert svg.shortened("recommendation-service-production", 13, 120).endswith("tion")
    assert svg.shortened("orders", 13, 120) == "orders"


def test_coordinates_are_short() -> None:
    assert [svg.number(value) for value in (1.0, 1.26, -0.04, 100)] == ["1", "1.3", "0", "100"]
