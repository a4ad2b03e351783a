"""Carry a change over to another draw of the numbers that nobody stated.

A remedy works its settings out from the system, and the report prints them. In the experiments over what is not known the *printed*
settings are tried in every draw: an engineer sets 320 ms once, and does not set it again for each world that may be the true one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import msgspec
from msgspec import Struct, structs

from backend_expert.model import Estimate, System
from backend_expert.model.assume import estimates, with_values

NINETY_PERCENT = NormalDist().inv_cdf(0.95)
"""90 % of the plausible values lie between value / spread and value x spread, so ln(spread) is 1.645 standard deviations."""


def carried(before: System, after: System, drawn: System) -> System:
    """Return `drawn`, which is `before` with other numbers, changed in the way that `after` differs from `before`.

    Numbers that the change brought along as assumed (the hit ratio of a new cache) are drawn as well, from a seed that is the
    digest of `drawn`: the same draw gives the same numbers.
    """
    return _with_new_assumptions_drawn(before, _merge(before, after, drawn), drawn)


def _merge(before: Any, after: Any, drawn: Any) -> Any:
    """Return `after` with everything that it took over from `before` replaced by what stands there in `drawn`."""
    if after is before or after == before:
        return drawn
    if isinstance(after, tuple) and isinstance(before, tuple):
        return _merge_items(before, after, drawn)
    if isinstance(after, Estimate):
        return after
    if isinstance(after, Struct) and type(after) is type(before):
        fields = after.__struct_fields__
        return structs.replace(
            after, **{name: _merge(getattr(before, name), getattr(after, name), getattr(drawn, name)) for name in fields}
        )
    return _with_parts(after, before, drawn)


def _merge_items(before: tuple[Any, ...], after: tuple[Any, ...], drawn: tuple[Any, ...]) -> tuple[Any, ...]:
    named = {each.name: place for place, each in enumerate(before) if getattr(each, "name", "")}
    merged = []
    for place, item in enumerate(after):
        origin = named.get(getattr(item, "name", ""))
        if origin is None and len(before) == len(after):
            origin = place
        if origin is None:
            origin = next((at for at, each in enumerate(before) if each == item), None)
        merged.append(_with_any(item, before, drawn) if origin is None else _merge(before[origin], item, drawn[origin]))
    return tuple(merged)


def _with_any(item: Any, before: tuple[Any, ...], drawn: tuple[Any, ...]) -> Any:
    for old, new in zip(before, drawn, strict=True):
        item = _with_parts(item, old, new)
    return item


def _with_parts(value: Any, old: Any, new: Any) -> Any:
    """Return a new value with every part of it that equals `old` replaced by `new`: a query that now stands behind a cache."""
    if value == old:
        return new
    if isinstance(value, tuple):
        return tuple(_with_parts(each, old, new) for each in value)
    if isinstance(value, Struct) and not isinstance(value, Estimate):
        return structs.replace(value, **{name: _with_parts(getattr(value, name), old, new) for name in value.__struct_fields__})
    return value


def _with_new_assumptions_drawn(before: System, merged: System, drawn: System) -> System:
    known = {path for path, _ in estimates(before)}
    fresh = {path: each for path, each in estimates(merged) if each.assumed and each.spread > 1 and path not in known}
    if not fresh:
        return merged
    digest = hashlib.blake2b(msgspec.msgpack.encode(drawn), digest_size=16).digest()
    return with_values(merged, _draws(fresh, digest))


def _draws(fresh: Mapping[str, Estimate], digest: bytes) -> dict[str, float]:
    values = {}
    for path, estimate in fresh.items():
        bits = int.from_bytes(hashlib.blake2b(path.encode(), key=digest, digest_size=8).digest(), "big")
        normal = NormalDist().inv_cdf(((bits >> 11) + 0.5) / 2**53)
        value = estimate.value * math.exp(math.log(estimate.spread) / NINETY_PERCENT * normal)
        values[path] = min(0.999, value) if path.endswith(("hit_ratio", "probability")) else value
    return values
