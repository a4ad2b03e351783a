"""Latency and answers over time, before and after a change, with the peak, the fault and the objective marked."""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

from backend_expert.report.draw import svg
from backend_expert.report.draw.axis import Axis, linear_ticks, round_up
from backend_expert.report.hostile import one_line
from backend_expert.report.numbers import number, percent, quantity
from backend_expert.report.words import words
from backend_expert.review.result import Band, Series

_HEADING = 12
_BAND_NAMES = 22
_BAND_NAME_HEIGHT = 16
_LATENCY_HEIGHT = 210
_GAP = 42
_ANSWERS_HEIGHT = 84
_BOTTOM = 30
_LEFT = 52
_LABEL_SIZE = 12
_LABEL_DISTANCE = 15

# From this ratio of the largest to the smallest latency on, a linear axis would press the small ones into its foot.
_LOGARITHMIC_FROM = 12
# Stripes that answer the pointer; more of them would weigh more than the lines.
_MOST_STRIPES = 60
# A picture of 720 px cannot show more points than this.
_MOST_POINTS = 360

Values = tuple[float | None, ...]


class Frame(Struct, frozen=True):
    """The place of the plot: the time axis and the width of the picture (pixels)."""

    start_s: float
    end_s: float
    width: float
    right: float

    def at(self, time_s: float) -> float:
        """Return the place of a time in pixels from the left; times outside stay on the ends."""
        share = (time_s - self.start_s) / (self.end_s - self.start_s)
        return _LEFT + min(max(share, 0.0), 1.0) * (self.right - _LEFT)


def plot(
    series: tuple[Series, ...],
    bands: tuple[Band, ...],
    objective_ms: float | None,
    language: str,
    label: str,
    *,
    width: float = 760,
    css: str = "plot",
) -> str:
    """Return the SVG of the latency (p99) over the answers per second, one line a series; nothing without a point to draw."""
    series = tuple(_thinned(each) for each in series)
    times = [time for each in series for time in each.time_s]
    if len(set(times)) < 2:
        return ""
    w = words(language)
    wide = width >= 560
    frame = Frame(min(times), max(times), width, width - (_label_room(series, objective_ms, language) if wide else 10))
    top = _BAND_NAMES + _BAND_NAME_HEIGHT * _rows_of_names(frame, bands, language) + 4.0
    latency = _latency_axis(series, objective_ms, top)
    most = max(value for each in series for value in (*each.goodput_per_s, *each.offered_per_s, 1.0))
    foot = latency.foot + _GAP
    answers = Axis(0, round_up(most), foot, foot + _ANSWERS_HEIGHT, False)
    scale = w("logarithmic") if latency.logarithmic else ""
    pieces = [
        _bands(frame, bands, top, answers.foot, language),
        _grid(frame, latency, language),
        _heading(w("Slowest 1 % of the answers (p99), ms") + (f", {scale}" if scale and wide else ""), _HEADING),
        _objective(frame, latency, objective_ms),
        *(_line(frame, latency, each, each.latency_p99_ms, index) for index, each in enumerate(series)),
        *(_silences(frame, latency, each, index, language) for index, each in enumerate(series)),
        _grid(frame, answers, language),
        _heading(w("Good answers per second") + (f", {w('dotted: requests that arrive')}" if wide else ""), answers.top - 10),
        _offered(frame, answers, series[0]),
        *(_line(frame, answers, each, each.goodput_per_s, index) for index, each in enumerate(series)),
        _times(frame, answers.foot, language),
    ]
    if wide:
        pieces += [_labels(frame, latency, series, objective_ms, language), _stripes(frame, series, top, answers.foot, language)]
    else:
        pieces.append(_legend(series, language, answers.foot + 46))
        if objective_ms:
            pieces.append(
                svg.text(_objective_name(objective_ms, language), _LEFT + 6, latency.at(objective_ms) - 6, "objective-name")
            )
    height = answers.foot + _BOTTOM + (0 if wide else 28)
    return svg.picture("".join(pieces), width, height, label, css)


def role(each: Series, index: int) -> str:
    """Return the class that colours a series: `before`, `after`, or its number."""
    for name in ("before", "after"):
        if each.id == name or each.id.startswith(name + "-"):
            return name
    return f"line-{index % 4}"


def _thinned(each: Series) -> Series:
    """Return the series with at most `_MOST_POINTS` slices: the worst latency of neighbours, the mean of their rates."""
    step = math.ceil(len(each.time_s) / _MOST_POINTS)
    if step <= 1:
        return each
    starts = range(0, len(each.time_s), step)

    def worst(values: Values) -> Values:
        return tuple(max((v for v in values[i : i + step] if v is not None), default=None) for i in starts)

    def mean(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(math.fsum(values[i : i + step]) / len(values[i : i + step]) for i in starts)

    def least(values: Values) -> Values:
        return tuple(min((v for v in values[i : i + step] if v is not None), default=None) for i in starts)

    return Series(
        id=each.id,
        title=each.title,
        time_s=tuple(each.time_s[i] for i in starts),
        latency_p50_ms=worst(each.latency_p50_ms),
        latency_p99_ms=worst(each.latency_p99_ms),
        success_ratio=least(each.success_ratio),
        offered_per_s=mean(each.offered_per_s),
        goodput_per_s=mean(each.goodput_per_s),
    )


def _latency_axis(series: tuple[Series, ...], objective_ms: float | None, top: float) -> Axis:
    values = [value for each in series for value in each.latency_p99_ms if value is not None and value > 0]
    if objective_ms:
        values.append(objective_ms)
    values = values or [1.0]
    low, high = min(values), max(values)
    foot = top + _LATENCY_HEIGHT
    if high / low >= _LOGARITHMIC_FROM:
        return Axis(low / 1.25, high * 1.25, top, foot, True)
    return Axis(0, round_up(high * 1.05), top, foot, False)


def _heading(value: str, y: float) -> str:
    return svg.text(value, 0, y, "heading")


def _grid(frame: Frame, axis: Axis, language: str) -> str:
    pieces = []
    ticks = axis.ticks()
    shown = ticks if axis.foot - axis.top > 120 else ticks[:: max(1, (len(ticks) - 1) // 2)]
    for value in shown:
        y = axis.at(value)
        pieces.append(svg.element("line", x1=_LEFT, x2=frame.right, y1=y, y2=y, css="grid"))
        pieces.append(svg.text(number(value, language), _LEFT - 8, y + 4, "tick", "end"))
    return "".join(pieces)


def _times(frame: Frame, foot: float, language: str) -> str:
    pieces = [svg.element("line", x1=_LEFT, x2=frame.right, y1=foot, y2=foot, css="axis")]
    for value in linear_ticks(0, frame.end_s - frame.start_s):
        x = frame.at(frame.start_s + value)
        pieces.append(svg.element("line", x1=x, x2=x, y1=foot, y2=foot + 4, css="axis"))
        pieces.append(svg.text(quantity("time_s", frame.start_s + value, language), x, foot + 18, "tick", "middle"))
    return "".join(pieces)


def _name_places(frame: Frame, bands: tuple[Band, ...], language: str) -> list[tuple[float, int, str]]:
    """Return, for each band, the left end of its name, the row it stands in, and the name."""
    ends: list[float] = []
    places = []
    for band in bands:
        name = one_line(band.title.in_language(language))
        wide = svg.text_width(name, _LABEL_SIZE)
        left = max(0.0, min(frame.at(band.start_s), frame.width - wide))
        row = next((index for index, end in enumerate(ends) if end <= left), len(ends))
        ends[row : row + 1] = [left + wide + 12]
        places.append((left, row, name))
    return places


def _rows_of_names(frame: Frame, bands: tuple[Band, ...], language: str) -> int:
    return max((row + 1 for _, row, _ in _name_places(frame, bands, language)), default=0)


def _bands(frame: Frame, bands: tuple[Band, ...], top: float, foot: float, language: str) -> str:
    pieces = []
    for band, (x, row, name) in zip(bands, _name_places(frame, bands, language), strict=True):
        left, right = frame.at(band.start_s), frame.at(band.end_s)
        wide = max(right - left, 1.0)
        pieces.append(svg.element("rect", svg.title(name), x=left, y=top, width=wide, height=foot - top, css="band"))
        pieces.append(svg.text(name, x, _BAND_NAMES + _BAND_NAME_HEIGHT * row + 12, "band-name"))
    return "".join(pieces)


def _objective(frame: Frame, axis: Axis, objective_ms: float | None) -> str:
    if not objective_ms:
        return ""
    y = axis.at(objective_ms)
    return svg.element("line", x1=_LEFT, x2=frame.right, y1=y, y2=y, css="objective")


def _objective_name(objective_ms: float, language: str) -> str:
    return words(language)("objective {value}", value=quantity("objective_ms", objective_ms, language))


def _runs(times: tuple[float, ...], values: Iterable[float | None]) -> list[list[tuple[float, float]]]:
    """Return the stretches of points between the slices that have no value."""
    runs: list[list[tuple[float, float]]] = [[]]
    for time, value in zip(times, values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((time, value))
    return [run for run in runs if run]


def _line(frame: Frame, axis: Axis, each: Series, values: Iterable[float | None], index: int) -> str:
    commands = []
    for run in _runs(each.time_s, values):
        points = [f"{svg.number(frame.at(time))},{svg.number(axis.at(value))}" for time, value in run]
        commands.append("M" + "L".join(points) + ("" if len(points) > 1 else "h0.1"))
    return svg.element("path", d="".join(commands), css=f"line {role(each, index)}") if commands else ""


def _offered(frame: Frame, axis: Axis, each: Series) -> str:
    points = "L".join(
        f"{svg.number(frame.at(t))},{svg.number(axis.at(v))}" for t, v in zip(each.time_s, each.offered_per_s, strict=True)
    )
    return svg.element("path", d=f"M{points}", css="offered")


def _silences(frame: Frame, axis: Axis, each: Series, index: int, language: str) -> str:
    """Return marks along the top where requests came and none was answered: the line has nothing to show there."""
    slots = list(zip(each.time_s, each.latency_p99_ms, each.offered_per_s, strict=True))
    width = frame.at(each.time_s[1]) - frame.at(each.time_s[0]) if len(each.time_s) > 1 else 2.0
    width = min(width, frame.right - _LEFT)
    silent = [min(frame.at(time), frame.right - width) for time, value, offered in slots if value is None and offered > 0]
    if not silent:
        return ""
    y = axis.top + 2 + 5 * index
    marks = "".join(f"M{svg.number(x)},{svg.number(y)}h{svg.number(width)}" for x in silent)
    word = words(language)("no answer at all")
    told = svg.title(f"{one_line(each.title.in_language(language))}: {word}")
    at = min(silent[0], frame.right - svg.text_width(word, _LABEL_SIZE))
    name = svg.text(word, at, y + 14, f"name {role(each, index)}")
    return svg.element("g", told + svg.element("path", d=marks) + name, css=f"silence {role(each, index)}")


def _label_room(series: tuple[Series, ...], objective_ms: float | None, language: str) -> float:
    names = [each.title.in_language(language) for each in series]
    names += [_objective_name(objective_ms, language)] if objective_ms else []
    return min(190.0, max(svg.text_width(name, _LABEL_SIZE, bold=True) for name in names) + 20)


def _labels(frame: Frame, axis: Axis, series: tuple[Series, ...], objective_ms: float | None, language: str) -> str:
    """Return the names of the lines at their ends, pushed apart where they would touch."""
    ends = []
    for index, each in enumerate(series):
        last = each.latency_p99_ms[-1]
        name = svg.shortened(each.title.in_language(language), _LABEL_SIZE, 180, bold=True)
        ends.append((axis.top + 5 * index if last is None else axis.at(last), name, f"name {role(each, index)}"))
    if objective_ms:
        ends.append((axis.at(objective_ms), _objective_name(objective_ms, language), "objective-name"))
    pieces, lowest = [], -math.inf
    for y, name, css in sorted(ends):
        lowest = max(y, lowest + _LABEL_DISTANCE)
        pieces.append(svg.text(name, frame.right + 8, lowest + 4, css))
    return "".join(pieces)


def _legend(series: tuple[Series, ...], language: str, y: float) -> str:
    pieces, x = [], 0.0
    for index, each in enumerate(series):
        name = svg.shortened(each.title.in_language(language), _LABEL_SIZE, 150, bold=True)
        pieces.append(svg.element("path", d=f"M{svg.number(x)},{svg.number(y - 4)}h16", css=f"line {role(each, index)}"))
        pieces.append(svg.text(name, x + 22, y, f"name {role(each, index)}"))
        x += 40 + svg.text_width(name, _LABEL_SIZE, bold=True)
    return "".join(pieces)


def _stripes(frame: Frame, series: tuple[Series, ...], top: float, foot: float, language: str) -> str:
    """Return transparent stripes that tell the figures of their moment."""
    times = series[0].time_s
    step = math.ceil(len(times) / _MOST_STRIPES)
    chosen = range(0, len(times), step)
    width = (frame.right - _LEFT) / max(1, len(chosen))
    pieces = []
    for place in chosen:
        told = [quantity("time_s", times[place], language)]
        told += [_told(each, place, language) for each in series if place < len(each.time_s)]
        x = frame.at(times[place]) - width / 2
        pieces.append(svg.element("rect", svg.title(" | ".join(told)), x=x, y=top, width=width, height=foot - top))
    return svg.element("g", "".join(pieces), css="stripes")


def _told(each: Series, place: int, language: str) -> str:
    name, latency, success = one_line(each.title.in_language(language)), each.latency_p99_ms[place], each.success_ratio[place]
    shown = words(language)("no answer at all") if latency is None else f"p99 {quantity('latency_ms', latency, language)}"
    return f"{name}: {shown}" + ("" if success is None else f", {percent(success, language)} {words(language)('answered')}")
