"""Strategies of Passport in NestJS: what `AuthGuard('jwt')` runs before a handler stands in the `validate` of the class of that name."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.readers.node import classes
from backend_expert.readers.node.unit import Unit
from backend_expert.readers.node.values import Blueprint, Foreign, Function, Instance, Listing, Made, Value, word

_GUARD = Foreign("@nestjs/passport", ("AuthGuard",))
_STRATEGY = Foreign("@nestjs/passport", ("PassportStrategy",))

_USUAL = {
    "passport-jwt": "jwt",
    "passport-local": "local",
    "passport-http-bearer": "bearer",
    "passport-http": "basic",
    "passport-headerapikey": "headerapikey",
    "passport-custom": "custom",
    "passport-google-oauth20": "google",
    "passport-github2": "github",
    "passport-github": "github",
}
"""The names that strategies have where the class gives none (the documentation of each package)."""


def validating(unit: Unit, guard: Value) -> Iterator[Function]:
    """Yield the functions that check a credential for a guard of Passport."""
    for name in _asked(guard):
        if unit.strategies is None:
            unit.strategies = dict(_strategies(unit))
        if name in unit.strategies:
            yield unit.strategies[name]


def _strategies(unit: Unit) -> Iterator[tuple[str, Function]]:
    """Yield the strategies of a program, each by its name."""
    for blueprint in unit.container.blueprints():
        above = classes.base(blueprint)
        if not isinstance(above, Made) or above.maker != _STRATEGY or not above.arguments:
            continue
        library = above.arguments[0]
        usual = _USUAL.get(library.package, "") if isinstance(library, Foreign) else ""
        made = unit.container.single(blueprint)
        function = classes.method(made, "validate") if isinstance(made, Instance) else None
        if function is not None:
            yield word(above.arguments[1]) if len(above.arguments) > 1 else usual, function


def _asked(guard: Value) -> Iterator[str]:
    """Yield the names of the strategies that a guard tries, also where a class of the reviewed code stands around it."""
    guard = guard.blueprint if isinstance(guard, Instance) else guard
    if isinstance(guard, Blueprint):
        above = (classes.base(each) for each in classes.lineage(guard))
        guard = next((each for each in above if isinstance(each, Made)), guard)
    if isinstance(guard, Made) and guard.maker == _GUARD and guard.arguments:
        first = guard.arguments[0]
        yield from (word(each) for each in (first.items if isinstance(first, Listing) else [first]) if word(each))
