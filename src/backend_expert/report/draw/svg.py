"""The few pieces of SVG that every picture is made of."""

from __future__ import annotations

from html import escape

from backend_expert.report.hostile import one_line

# Widths of Helvetica (and of Arial, Arimo and Liberation Sans, which share its metrics) in thousandths of the size, from the Adobe
# font metrics of Helvetica; characters of one width stand together.
_WIDTHS = {
    **dict.fromkeys("ijl'|", 222),
    **dict.fromkeys("ftI!.,:;/\\[] ", 278),
    **dict.fromkeys("r-()`", 333),
    **dict.fromkeys("ckszvxyJ", 500),
    **dict.fromkeys("FTZ", 611),
    **dict.fromkeys("ABEKPSVXY", 667),
    **dict.fromkeys("CDHNRUw", 722),
    **dict.fromkeys("GOQ", 778),
    **dict.fromkeys("mM", 833),
    **dict.fromkeys("W@", 970),
}
_WIDTH_OF_ANOTHER = 556
_BOLDER = 1.07
_WIDTH_OF_WIDE = 1000


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a text is in the sans-serif of the page, in the unit of `size`."""
    thousandths = sum(
        _WIDTHS.get(character, _WIDTH_OF_WIDE if ord(character) > 0x2E80 else _WIDTH_OF_ANOTHER) for character in text
    )
    return thousandths / 1000 * size * (_BOLDER if bold else 1)


def shortened(text: str, size: float, limit: float, *, bold: bool = False) -> str:
    """Return the text on one line, its middle left out where it would be wider than `limit`."""
    text = one_line(text)
    if text_width(text, size, bold=bold) <= limit:
        return text
    for kept in range(min(len(text), 200) - 1, 1, -1):
        shorter = text[: kept - kept // 3] + "…" + text[-(kept // 3) :] if kept > 3 else text[:kept] + "…"
        if text_width(shorter, size, bold=bold) <= limit:
            return shorter
    return "…"


def number(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    text = f"{value:.1f}"
    return "0" if text == "-0.0" else text.removesuffix(".0")


def attributes(**values: str | float | None) -> str:
    """Return attributes of an element, escaped; `css` is written as `class`, an underscore as a hyphen, `None` is left out."""
    names = {"css": "class"}
    return "".join(
        f' {names.get(name, name.replace("_", "-"))}="{escape(value) if isinstance(value, str) else number(value)}"'
        for name, value in values.items()
        if value is not None
    )


def element(tag: str, content: str = "", **values: str | float | None) -> str:
    """Return an element; `content` is SVG already."""
    opening = f"<{tag}{attributes(**values)}"
    return f"{opening}>{content}</{tag}>" if content else f"{opening}/>"


def text(value: str, x: float, y: float, css: str, anchor: str | None = None) -> str:
    """Return a text element; the value is made visible and escaped."""
    return element("text", escape(one_line(value)), x=x, y=y, css=css, text_anchor=anchor)


def title(value: str) -> str:
    """Return what a pointer that rests on the element is shown."""
    return element("title", escape(one_line(value)))


def picture(content: str, width: float, height: float, label: str, css: str, scales: tuple[float, float] | None = None) -> str:
    """Return a whole drawing with its description; it scales with the page, between the two `scales` where they are given."""
    style = None if scales is None else f"min-width:{number(width * scales[0])}px;max-width:{number(width * scales[1])}px"
    return element(
        "svg",
        title(label) + content,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(width)} {number(height)}",
        css=css,
        role="img",
        aria_label=one_line(label),
        style=style,
    )
