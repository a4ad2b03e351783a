"""Evaluate Go templates as Helm uses them, for values that may be unknown; nothing is run and no file is touched.

What the language has beyond this (`break`, `continue`, method calls) is unknown here.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from backend_expert.readers.helm.functions import FUNCTIONS
from backend_expert.readers.helm.syntax import (
    NESTING_LIMIT,
    Action,
    Block,
    Literal,
    Name,
    Operand,
    Part,
    Pipeline,
    Template,
    TemplateError,
    Words,
    parse,
)
from backend_expert.readers.helm.values import PLACEHOLDER, UNKNOWN, Unknown, bounded, shown, truth

STEP_LIMIT = 50_000
"""Most nodes that are evaluated for one file; a generated chart of 1,000 lines takes about 5,000."""

OUTPUT_LIMIT = 4 * 1024 * 1024
"""Longest output of one file, in characters: the size above which no file is read either."""


class Rendered(Struct, frozen=True):
    """The output of a file. `lines[i]` is the line of the template that made line i + 1 of the output.

    `unknown` are the lines with a value that nobody knows; `open` tells that whole parts hang on such a value.
    """

    text: str
    lines: tuple[int, ...]
    unknown: tuple[int, ...]
    open: bool


def render(template: Template, root: dict[str, Any], library: dict[str, tuple[Part, ...]]) -> Rendered:
    """Return the output for the values in `root`; `library` holds the templates that other files define.

    Raise `TemplateError` when the output or the work goes beyond every real chart.
    """
    machine = _Machine(root, {**library, **template.defined})
    try:
        machine.run(template.parts, root, _Scope({"$": root}), 0)
    except RecursionError:
        raise TemplateError(machine.line, "its values and includes are nested too deeply") from None
    return machine.rendered()


class _Machine:
    """Evaluate parts into output, with the line each piece of it came from."""

    def __init__(self, root: dict[str, Any], library: dict[str, tuple[Part, ...]]) -> None:
        self.root = root
        self.library = library
        self.output: list[tuple[str, int, bool]] = []
        self.length = 0
        self.steps = 0
        self.unknown: set[int] = set()
        self.open = False
        self.line = 1
        self.inside = 0

    def run(self, parts: tuple[Part, ...], dot: Any, variables: _Scope, depth: int) -> None:
        """Print the parts. `depth` counts the blocks and includes around them."""
        for part in parts:
            self.count(1)
            if isinstance(part, Words):
                self.write(part.text, part.line, moving=True)
                continue
            if not self.inside:
                self.line = part.line
            if isinstance(part, Action):
                value = self.value(part.pipeline, dot, variables, depth)
                if not part.pipeline.variables:
                    self.print(value, part)
            else:
                self.block(part, dot, variables, depth + 1)

    def block(self, block: Block, dot: Any, variables: _Scope, depth: int) -> None:
        if depth > NESTING_LIMIT:
            raise TemplateError(block.line, "its includes are nested too deeply")
        scope = _Scope({}, variables)
        if block.word == "block":
            self.run(self.library.get(block.name, block.body), self.value(block.pipeline, dot, scope, depth), scope, depth)
            return
        if block.word == "range":
            self.loop(block, dot, scope, depth)
            return
        value = self.value(block.pipeline, dot, scope, depth)
        if isinstance(value, Unknown):
            self.note(block.line)
            self.open = True
        # What hangs on an unknown value is taken as it stands: the file is listed as partly read either way.
        if isinstance(value, Unknown) or truth(value):
            self.run(block.body, value if block.word == "with" else dot, scope, depth)
        else:
            self.run(block.otherwise, dot, scope, depth)

    def loop(self, block: Block, dot: Any, variables: _Scope, depth: int) -> None:
        names = block.pipeline.variables
        value = self.value(Pipeline(block.pipeline.commands), dot, variables, depth)
        if isinstance(value, Unknown):
            self.note(block.line)
            self.open = True
            return
        pairs: list[tuple[Any, Any]]
        if isinstance(value, dict):
            pairs = [(key, value[key]) for key in sorted(value, key=str)]
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            pairs = [(number, number) for number in range(min(value, 1_000))]
        else:
            pairs = []
        if not pairs:
            self.run(block.otherwise, dot, variables, depth)
        for key, item in pairs:
            given = {names[0]: item} if len(names) == 1 else dict(zip(names, (key, item), strict=False))
            self.run(block.body, item, _Scope(given, variables), depth)

    def value(self, pipeline: Pipeline, dot: Any, variables: _Scope, depth: int) -> Any:
        """Return the value of a pipeline, and give it to the variables that it declares or assigns."""
        self.count(1)
        value: Any = None
        for place, command in enumerate(pipeline.commands):
            given = (value,) if place else ()
            value = self.command(command, given, dot, variables, depth)
        for name in pipeline.variables[:1]:
            if pipeline.declares:
                variables.own[name] = value
            else:
                variables.assign(name, value)
        return value

    def command(self, command: tuple[Operand, ...], given: tuple[Any, ...], dot: Any, variables: _Scope, depth: int) -> Any:
        first, rest = command[0], command[1:]
        if not isinstance(first, Name):
            value = self.operand(first, dot, variables, depth)
            return UNKNOWN if rest or given else value
        arguments = [*(self.operand(each, dot, variables, depth) for each in rest), *given]
        if first.name in {"include", "tpl"}:
            return self.included(first.name, arguments, depth + 1)
        return self.called(first.name, arguments)

    def called(self, name: str, arguments: list[Any]) -> Any:
        self.count(len(arguments))
        function = FUNCTIONS.get(name)
        return UNKNOWN if function is None else bounded(function(arguments))

    def included(self, name: str, arguments: list[Any], depth: int) -> Any:
        """Return the output of another template, or of a text that is one itself."""
        if depth > NESTING_LIMIT:
            raise TemplateError(self.line, "its includes are nested too deeply")
        if not arguments or not isinstance(arguments[0], str):
            return UNKNOWN
        dot = arguments[1] if len(arguments) > 1 else None
        parts = self.library.get(arguments[0]) if name == "include" else self.inner(arguments[0])
        if parts is None:
            return UNKNOWN
        before, self.output = self.output, []
        self.inside += 1
        self.run(parts, dot, _Scope({"$": dot}), depth)
        self.inside -= 1
        text = "".join(piece for piece, _, _ in self.output)
        self.output = before
        self.length += len(text)
        self.count(0)
        return UNKNOWN if text.strip() == PLACEHOLDER else text

    def inner(self, text: str) -> tuple[Part, ...]:
        """Return the parts of a text given to `tpl`; its problems stand on the line that gave it."""
        try:
            return parse(text).parts
        except TemplateError as error:
            raise TemplateError(self.line, error.problem) from None

    def operand(self, operand: Operand, dot: Any, variables: _Scope, depth: int) -> Any:
        self.count(1)
        if isinstance(operand, Literal):
            return operand.value
        if isinstance(operand, Name):
            return self.called(operand.name, [])
        if isinstance(operand.start, Pipeline):
            value = self.value(operand.start, dot, variables, depth)
        else:
            value = dot if operand.start == "." else variables.get(operand.start)
        for key in operand.keys:
            value = _member(value, key)
        return value

    def print(self, value: Any, action: Action) -> None:
        text = shown(value)
        if isinstance(text, Unknown):
            self.note(action.line)
            if action.alone:
                self.open = True
                return
            # `key:{{- value }}` would glue the placeholder to its key.
            text = f" {PLACEHOLDER}" if action.joined else PLACEHOLDER
        elif PLACEHOLDER in text:
            self.note(action.line)
        self.write(text, action.line, moving=False)

    def note(self, line: int) -> None:
        self.unknown.add(self.line if self.inside else line)

    def write(self, text: str, line: int, *, moving: bool) -> None:
        self.length += len(text)
        self.output.append((text, line, moving))

    def count(self, steps: int) -> None:
        self.steps += steps
        if self.steps > STEP_LIMIT or self.length > OUTPUT_LIMIT:
            raise TemplateError(self.line, "it makes more output than any chart does")

    def rendered(self) -> Rendered:
        lines: list[int] = []
        begun = 0
        for text, line, moving in self.output:
            for place, part in enumerate(text.split("\n")):
                if place:
                    lines.append(begun or line + (place - 1 if moving else 0))
                    begun = 0
                if part.strip() and not begun:
                    begun = line + (place if moving else 0)
        lines.append(begun or (self.output[-1][1] if self.output else 1))
        return Rendered("".join(text for text, _, _ in self.output), tuple(lines), tuple(sorted(self.unknown)), self.open)


class _Scope:
    """Variables of a block over those of the blocks around it."""

    def __init__(self, own: dict[str, Any], outer: _Scope | None = None) -> None:
        self.own = own
        self.outer = outer

    def get(self, name: str) -> Any:
        """Return the value of a variable; one that was never declared is unknown."""
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.own:
                return scope.own[name]
            scope = scope.outer
        return UNKNOWN

    def assign(self, name: str, value: Any) -> None:
        """Give another value to the variable where it was declared."""
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.own:
                scope.own[name] = value
                return
            scope = scope.outer


def _member(value: Any, key: str) -> Any:
    """Return the value of a key; a missing one is nil, and that of anything else than a mapping is unknown."""
    if isinstance(value, dict):
        return value.get(key)
    return None if value is None else UNKNOWN
