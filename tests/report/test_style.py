"""The colours of the page are readable in both themes, and every picture can be coloured by it."""

import re
from importlib import resources

import pytest

STYLE = resources.files("backend_expert.report").joinpath("templates/report.css").read_text()
SEVERITIES = ("critical", "high", "medium", "low", "info")


def variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block))


LIGHT = variables(STYLE[STYLE.index(":root") : STYLE.index("@media (prefers-color-scheme: dark)")])
DARK = LIGHT | variables(STYLE[STYLE.index("@media (prefers-color-scheme: dark)") : STYLE.index("*, *::before")])


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(theme: dict[str, str]) -> None:
    pairs = [(text, ground) for text in ("ink", "soft", "link") for ground in ("ground", "card", "sunk")]
    pairs += [(severity, f"{severity}-wash") for severity in SEVERITIES] + [
        ("good", "good-wash"),
        ("critical", "card"),
        ("soft", "info-wash"),
    ]
    pairs += [(line, "card") for line in ("before", "after", "third", "fourth")] + [("ink", "hit"), ("soft", "band")]
    weak = {pair: round(contrast(theme[pair[0]], theme[pair[1]]), 2) for pair in pairs}
    assert {pair: found for pair, found in weak.items() if found < 4.5} == {}


def test_every_variable_that_is_used_is_defined() -> None:
    used = set(re.findall(r"var\(--([\w-]+)", STYLE))
    defined = set(re.findall(r"--([\w-]+):", STYLE))
    assert used <= defined


def test_nothing_is_loaded_by_the_style() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE
