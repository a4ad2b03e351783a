"""Linear sums, comparisons and guards: all the arithmetic that a flow may use, small enough to print for any other checker."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

CLAUSE_LIMIT = 64
"""Most alternatives a guard may have. Guards of real flows have one to six; more than this is a mistake that would explode."""


class ExpressionError(Exception):
    """Report a condition or a sum that cannot be read; the message is a clause without a full stop."""


class Linear(Struct, frozen=True, order=True):
    """A sum of integer multiples of variables and a constant; terms are ordered by name and have no zero factor."""

    terms: tuple[tuple[str, int], ...] = ()
    constant: int = 0

    def __add__(self, other: Linear) -> Linear:
        factors = dict(self.terms)
        for name, factor in other.terms:
            factors[name] = factors.get(name, 0) + factor
        return Linear(tuple(sorted(pair for pair in factors.items() if pair[1])), self.constant + other.constant)

    def __sub__(self, other: Linear) -> Linear:
        return self + other.times(-1)

    def times(self, factor: int) -> Linear:
        """Return the sum multiplied by a number."""
        if factor == 0:
            return Linear()
        return Linear(tuple((name, each * factor) for name, each in self.terms), self.constant * factor)

    def substitute(self, values: Mapping[str, Linear]) -> Linear:
        """Return the sum with variables replaced by sums."""
        if not any(name in values for name, _ in self.terms):
            return self
        result = Linear((), self.constant)
        for name, factor in self.terms:
            result = result + values.get(name, Linear(((name, 1),))).times(factor)
        return result

    @property
    def names(self) -> frozenset[str]:
        """Return the variables of the sum."""
        return frozenset(name for name, _ in self.terms)

    def value(self, state: Mapping[str, int]) -> int:
        """Return the number that the sum has in a state."""
        return self.constant + sum(factor * state[name] for name, factor in self.terms)


def number(value: int) -> Linear:
    """Return a constant."""
    return Linear((), value)


def variable(name: str) -> Linear:
    """Return a sum of one variable."""
    return Linear(((name, 1),), 0)


def total(names: tuple[str, ...] | list[str]) -> Linear:
    """Return the sum of several variables."""
    return Linear(tuple(sorted((name, names.count(name)) for name in set(names))), 0)


Relation = Literal["=", "!=", "<="]


class Atom(Struct, frozen=True, order=True):
    """A comparison of a sum with zero."""

    linear: Linear
    relation: Relation

    def holds(self, state: Mapping[str, int]) -> bool:
        """Tell whether the comparison is true in a state."""
        value = self.linear.value(state)
        return value == 0 if self.relation == "=" else value != 0 if self.relation == "!=" else value <= 0

    def negated(self) -> Atom:
        """Return the opposite comparison."""
        if self.relation == "<=":
            return Atom(number(1) - self.linear, "<=")
        return Atom(self.linear, "!=" if self.relation == "=" else "=")


Clause = tuple[Atom, ...]
Guard = tuple[Clause, ...]
"""A guard in disjunctive normal form: every atom of one clause must hold. `TRUE` has one empty clause, `FALSE` none."""

TRUE: Guard = ((),)
FALSE: Guard = ()


def compare(left: Linear, relation: str, right: Linear) -> Guard:
    """Return the guard `left relation right`; the relation is one of `= != < <= > >=`."""
    difference = left - right
    match relation:
        case "=" | "!=" | "<=":
            atom = Atom(difference, relation)
        case "<":
            atom = Atom(difference + number(1), "<=")
        case ">":
            atom = Atom(number(1) - difference, "<=")
        case ">=":
            atom = Atom(difference.times(-1), "<=")
        case _:
            raise ExpressionError(f"{relation!r} is not a comparison")
    return _clean(((atom,),))


def is_value(name: str, value: int) -> Guard:
    """Return the guard that a variable has a value."""
    return compare(variable(name), "=", number(value))


def at_least(name: str, value: int) -> Guard:
    """Return the guard that a variable is not below a value."""
    return compare(variable(name), ">=", number(value))


def both(*guards: Guard) -> Guard:
    """Return the guard that holds when all of them hold; raise `ExpressionError` past the limit of clauses."""
    result = TRUE
    for guard in guards:
        result = _clean(tuple((*left, *right) for left in result for right in guard))
    return result


def either(*guards: Guard) -> Guard:
    """Return the guard that holds when one of them holds."""
    return _clean(tuple(clause for guard in guards for clause in guard))


def opposite(guard: Guard) -> Guard:
    """Return the guard that holds exactly when the given one does not."""
    return both(*(tuple((atom.negated(),) for atom in clause) for clause in guard))


def substitute(guard: Guard, values: Mapping[str, Linear]) -> Guard:
    """Return the guard with variables replaced by sums."""
    return _clean(tuple(tuple(Atom(atom.linear.substitute(values), atom.relation) for atom in clause) for clause in guard))


def holds(guard: Guard, state: Mapping[str, int]) -> bool:
    """Tell whether a guard is true in a state."""
    return any(all(atom.holds(state) for atom in clause) for clause in guard)


def names_of(guard: Guard) -> frozenset[str]:
    """Return the variables that a guard reads."""
    return frozenset(name for clause in guard for atom in clause for name in atom.linear.names)


def _clean(guard: Guard) -> Guard:
    kept: dict[Clause, None] = {}
    for clause in guard:
        atoms: dict[Atom, None] = {}
        fixed: dict[Linear, int] = {}
        possible = True
        for atom in clause:
            if not atom.linear.terms:
                possible = possible and atom.holds({})
                continue
            if atom.relation == "=":
                shape, value = _shape(atom.linear)
                possible = possible and fixed.setdefault(shape, value) == value
            atoms[atom] = None
        if possible:
            kept[_implied_left_out(tuple(atoms), fixed)] = None
    if () in kept:
        return TRUE
    if len(kept) > CLAUSE_LIMIT:
        raise ExpressionError(f"the condition unfolds to more than {CLAUSE_LIMIT} alternatives; split the step")
    return tuple(kept)


def _implied_left_out(clause: Clause, fixed: Mapping[Linear, int]) -> Clause:
    """Leave out `x != 3` where the clause says `x = 2`: the clause stays short however often it is combined."""

    def implied(atom: Atom) -> bool:
        shape, value = _shape(atom.linear)
        return atom.relation == "!=" and shape in fixed and fixed[shape] != value

    return tuple(atom for atom in clause if not implied(atom))


def _shape(linear: Linear) -> tuple[Linear, int]:
    """Return the terms with a positive first factor, and the constant that they are compared with."""
    sign = 1 if linear.terms[0][1] > 0 else -1
    return Linear(linear.times(sign).terms, 0), -sign * linear.constant


_TOKEN = re.compile(r"\s*(?:(?P<number>\d+)|(?P<name>[A-Za-z_][\w.\-]*[\w]|[A-Za-z_])|(?P<sign><=|>=|!=|==|[-+*()<>=]))")


class _Reader:
    """Read one text from left to right; `resolve` gives names their meaning."""

    def __init__(self, text: str, resolve: Callable[[str], Linear]) -> None:
        self.resolve = resolve
        self.tokens: list[str] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise ExpressionError(f"{text[position:].strip()[:20]!r} cannot be read in {text!r}")
            self.tokens.append(found.group().strip())
            position = found.end()
        self.text = text
        self.depth = 0

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, *expected: str) -> str:
        if not self.tokens or (expected and self.tokens[0] not in expected):
            wanted = " or ".join(repr(each) for each in expected) or "a name or a number"
            raise ExpressionError(f"expected {wanted} before {self.peek() or 'the end'!r} in {self.text!r}")
        return self.tokens.pop(0)

    def condition(self) -> Guard:
        guard = self.conjunction()
        while self.peek() == "or":
            self.take()
            guard = either(guard, self.conjunction())
        return guard

    def conjunction(self) -> Guard:
        guard = self.comparison()
        while self.peek() == "and":
            self.take()
            guard = both(guard, self.comparison())
        return guard

    def comparison(self) -> Guard:
        self.depth += 1
        if self.depth > 50:
            raise ExpressionError(f"{self.text[:40]!r} is nested too deeply")
        try:
            if self.peek() == "not":
                self.take()
                return opposite(self.comparison())
            if self.peek() == "(" and self._condition_in_brackets():
                self.take("(")
                guard = self.condition()
                self.take(")")
                return guard
            left = self.sum()
            relation = self.take("=", "==", "!=", "<", "<=", ">", ">=")
            return compare(left, "=" if relation == "==" else relation, self.sum())
        finally:
            self.depth -= 1

    def _condition_in_brackets(self) -> bool:
        depth = 0
        for word in self.tokens:
            depth += (word == "(") - (word == ")")
            if depth == 0:
                return False
            if word in {"=", "==", "!=", "<", "<=", ">", ">=", "and", "or", "not"}:
                return True
        return False

    def sum(self) -> Linear:
        result = self.product()
        while self.peek() in {"+", "-"}:
            sign = 1 if self.take() == "+" else -1
            result = result + self.product().times(sign)
        return result

    def product(self) -> Linear:
        result = self.value()
        while self.peek() == "*":
            self.take()
            other = self.value()
            if result.terms and other.terms:
                raise ExpressionError(f"two names cannot be multiplied in {self.text!r}")
            result = result.times(other.constant) if not other.terms else other.times(result.constant)
        return result

    def value(self) -> Linear:
        word = self.peek()
        if word == "-":
            self.take()
            return self.value().times(-1)
        if word == "(":
            self.take()
            result = self.sum()
            self.take(")")
            return result
        if word.isdigit():
            self.take()
            if len(word) > 6:
                raise ExpressionError(f"the number {word} is too large: a flow counts single things, not amounts")
            return number(int(word))
        if word == "sum" and self.tokens[1:2] == ["("]:
            self.take()
            self.take("(")
            name = self.take()
            self.take(")")
            return self.resolve(f"sum({name})")
        if not word or not (word[0].isalpha() or word[0] == "_"):
            self.take("a name")
        return self.resolve(self.take())


def parse_condition(text: str, resolve: Callable[[str], Linear]) -> Guard:
    """Return the guard that a text says (`q > 0 and status = PENDING`); raise `ExpressionError` when it says none."""
    reader = _Reader(text, resolve)
    guard = reader.condition()
    if reader.tokens:
        raise ExpressionError(f"{reader.peek()!r} is left over in {text!r}")
    return guard


def parse_sum(text: str, resolve: Callable[[str], Linear]) -> Linear:
    """Return the sum that a text says (`q - 1`); raise `ExpressionError` when it says none."""
    reader = _Reader(text, resolve)
    result = reader.sum()
    if reader.tokens:
        raise ExpressionError(f"{reader.peek()!r} is left over in {text!r}")
    return result
