import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from sample_result import AFTER, BEFORE, FAULT, PEAK, series

from backend_expert.model import Text
from backend_expert.report.draw.plot import plot
from backend_expert.review.result import Band, Series

SVG = "{http://www.w3.org/2000/svg}"
PAIR = (series("before", BEFORE, 8_420, 24, silent=True), series("after", AFTER, 142, 2))


def classes(drawing: str) -> list[str]:
    return [element.get("class", "") for element in ElementTree.fromstring(drawing).iter()]


def test_it_shows_both_lines_the_peak_and_the_objective() -> None:
    drawing = plot(PAIR, (PEAK,), 300, "en", "peak")
    found = classes(drawing)
    for css in ("line before", "line after", "band", "objective", "offered", "name before", "name after"):
        assert css in found
    words = {element.text for element in ElementTree.fromstring(drawing).iter(f"{SVG}text")}
    assert {"objective 300 ms", "peak, 5 times the traffic", "before", "after", "no answer at all"} <= words


def test_a_slice_without_answers_breaks_the_line() -> None:
    drawing = ElementTree.fromstring(plot(PAIR, (), None, "en", "peak"))
    (latency, goodput) = [element.get("d", "") for element in drawing.iter(f"{SVG}path") if element.get("class") == "line before"]
    assert latency.count("M") == 2
    assert goodput.count("M") == 1


def test_far_apart_latencies_take_a_logarithmic_axis() -> None:
    assert "logarithmic" in plot(PAIR, (), None, "en", "peak")
    assert "logarithmic" not in plot(PAIR[1:], (), None, "en", "peak")


def test_overlapping_bands_write_their_names_in_rows() -> None:
    drawing = ElementTree.fromstring(plot(PAIR, (PEAK, FAULT), None, "en", "peak"))
    rows = {element.get("y") for element in drawing.iter(f"{SVG}text") if element.get("class") == "band-name"}
    assert len(rows) == 2


def test_labels_at_the_ends_do_not_touch() -> None:
    same = (PAIR[1], structs.replace(PAIR[1], id="other", title=Text("other", "outra")))
    drawing = ElementTree.fromstring(plot(same, (), None, "en", "peak"))
    heights = sorted(float(e.get("y", "0")) for e in drawing.iter(f"{SVG}text") if e.get("class", "").startswith("name"))
    assert heights[1] - heights[0] >= 14


def test_a_pointer_is_told_the_figures_and_few_stripes_answer_it() -> None:
    drawing = plot(PAIR, (), None, "pt-BR", "pico")
    assert "antes: p99" in drawing
    assert len(re.findall(r"<rect", drawing)) <= 61


def test_nothing_to_draw_is_nothing() -> None:
    assert plot((), (), 300, "en", "x") == ""
    one = structs.replace(
        PAIR[0],
        time_s=(0.0,),
        latency_p50_ms=(1.0,),
        latency_p99_ms=(1.0,),
        success_ratio=(1.0,),
        offered_per_s=(1.0,),
        goodput_per_s=(1.0,),
    )
    assert plot((one,), (), None, "en", "x") == ""


def test_a_long_run_is_thinned_without_losing_its_worst_moment() -> None:
    count = 5000
    worst = tuple(9_000.0 if n == 3_333 else 40.0 for n in range(count))
    flat = (1.0,) * count
    long = Series(
        id="before",
        title=BEFORE,
        time_s=tuple(float(n) for n in range(count)),
        latency_p50_ms=flat,
        latency_p99_ms=worst,
        success_ratio=flat,
        offered_per_s=flat,
        goodput_per_s=flat,
    )
    drawing = plot((long,), (), None, "en", "x")
    assert len(drawing) < 40_000
    assert "9,000" in drawing or "10,000" in drawing or "5,000" in drawing


@pytest.mark.parametrize("width", [340, 760, 1000])
@given(
    values=st.lists(st.one_of(st.none(), st.floats(1e-3, 1e7)), min_size=2, max_size=40),
    objective=st.one_of(st.none(), st.floats(0.1, 1e6)),
    band=st.tuples(st.floats(-10, 100), st.floats(-10, 100)),
)
def test_any_series_gives_a_picture_inside_its_frame(
    width: int, values: list[float | None], objective: float | None, band: tuple[float, float]
) -> None:
    rates = tuple(float(n) for n in range(len(values)))
    each = Series(
        id="before",
        title=BEFORE,
        time_s=rates,
        latency_p50_ms=tuple(values),
        latency_p99_ms=tuple(values),
        success_ratio=tuple(None if value is None else 1.0 for value in values),
        offered_per_s=rates,
        goodput_per_s=rates,
    )
    drawing = plot((each,), (Band(*sorted(band), Text("fault", "falha")),), objective, "en", "x", width=width)
    root = ElementTree.fromstring(drawing)
    height = float(root.get("viewBox", "").split()[3])
    for element in root.iter(f"{SVG}path"):
        for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", element.get("d", "")):
            assert -0.1 <= float(x) <= width
            assert -0.1 <= float(y) <= height
