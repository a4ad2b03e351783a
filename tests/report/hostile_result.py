"""A review of a repository whose every name is an attack."""

from __future__ import annotations

from typing import Any

import msgspec
from sample_result import sample

from backend_expert.model import Text
from backend_expert.review.result import Result

HOSTILE = (
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "]]> --> {{ 7 * 7 }} {% raw %}",
    "abc\u202edcba\u2066",
    "\x1b]0;owned\x07\x1b[2J",
    "`; rm -rf ` | end; A-->B\n```\n# heading",
    "@everyone #1 http://evil.example/",
    "</style></title><img src=x onerror=alert(1)>",
)

# Words that the readers of the product choose themselves; a repository has no say in them.
_OURS = {
    *("kind", "severity", "worst", "status", "verdict", "effort", "category", "lab", "grade", "schema", "id", "rule", "remedy"),
    *("findings", "recommendations", "version", "certainty", "caller", "callee", "deductions", "level", "build", "dialect"),
}


def hostile() -> Result:
    """Return the sample with every text of the system replaced by a hostile one; references stay whole."""
    names = {node.name: f"{node.name} {HOSTILE[place % len(HOSTILE)]}" for place, node in enumerate(sample().nodes)}
    tree = _poisoned(msgspec.to_builtins(sample()), "", [0])
    for node in tree["nodes"]:
        node["name"] = names[node["name"].split(" ", 1)[0]]
    for edge in tree["edges"]:
        edge["caller"], edge["callee"] = names[edge["caller"]], names[edge["callee"]]
    return msgspec.convert(tree, Result)


def _poisoned(value: Any, key: str, count: list[int]) -> Any:
    if key in _OURS:
        return value
    if isinstance(value, dict):
        return {name: _poisoned(inner, name, count) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_poisoned(inner, key, count) for inner in value]
    if isinstance(value, str):
        count[0] += 1
        return f"{value} {HOSTILE[count[0] % len(HOSTILE)]}"
    return value


def every_text(value: Any) -> list[Text]:
    """Return every two-language text inside a Result, for tests that look for one of them in a page."""
    if isinstance(value, Text):
        return [value]
    if isinstance(value, msgspec.Struct):
        return [text for name in value.__struct_fields__ for text in every_text(getattr(value, name))]
    if isinstance(value, tuple):
        return [text for inner in value for text in every_text(inner)]
    return []
