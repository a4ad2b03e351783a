"""The one file form of the model: `system.yaml`, printed, read back, and laid over what was recovered.

Collections are mappings by name, a bare number is an exact estimate, evidence is `file:line (reader)`. In an overlay what stands
in the file wins over what was recovered; `null` takes an entry away.
"""

from __future__ import annotations

import difflib
import re
import types
from enum import Enum
from functools import lru_cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import yaml
from msgspec import NODEFAULT, Struct

from backend_expert.model import steps
from backend_expert.model.facts import Certainty, Estimate, Evidence, Text
from backend_expert.model.graph import walk
from backend_expert.model.positions import Mapping, Node, PositionError, Scalar, Sequence, parse_documents
from backend_expert.model.steps import Step
from backend_expert.model.system import Kind, System

SCHEMA = "backend-expert/system/1"
NAMED = ("components", "operations", "datasets", "topics", "workloads", "objectives")
"""Fields of a System that the file holds as mappings by name."""

_READER = "system.yaml"
_EVIDENCE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(?:-(?P<end>\d+))?(?: \((?P<reader>[^()]*)\))?")

_RARE_BREAKS = re.compile("[\x85\u2028\u2029]")


class SystemFileError(Exception):
    """Report a `system.yaml` that cannot be used: names the file and the line, and says what is expected there."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}")
        self.file = file
        self.line = line
        self.problem = problem


def dump(system: System) -> str:
    """Return a system as `system.yaml`; reading it back gives an equal system."""
    body: dict[str, Any] = {"schema": SCHEMA}
    for field in system.__struct_fields__:
        value = getattr(system, field)
        if field in NAMED:
            entries = {item.name: _plain(item, leave_out="name") for item in value}
            if entries:
                body[field] = entries
        elif value is not None:
            body[field] = _plain(value)
    return str(yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


def load(text: str, file: str = "system.yaml") -> System:
    """Read a system that stands alone in a file; raise `SystemFileError` naming the line."""
    return _Decoder(file, stated=False).system(text, System(name=""))


def overlay(system: System, text: str, file: str = "system.yaml") -> System:
    """Return the system with a file laid over it: what the file states wins and carries the line as its evidence.

    Raises `SystemFileError` naming the line: for a key that does not exist, a value of the wrong kind, a name that leads nowhere.
    """
    return _Decoder(file, stated=True).system(text, system)


_KINDS = {
    Kind.SERVICE: "serviço",
    Kind.GATEWAY: "gateway",
    Kind.WORKER: "worker",
    Kind.DATABASE: "banco de dados",
    Kind.CACHE: "cache",
    Kind.BROKER: "broker",
    Kind.EXTERNAL: "sistema externo",
    Kind.CLIENT: "cliente",
    Kind.PLATFORM: "plataforma",
}


def contradictions(recovered: System, stated: System) -> tuple[Text, ...]:
    """Return one sentence for each recovered number or kind that the overlay replaced by another."""
    notes = []
    after = {component.name: component for component in stated.components}
    for before in recovered.components:
        now = after.get(before.name)
        if now is None:
            notes.append(
                Text(f"system.yaml takes {before.name} out of the system.", f"O system.yaml retira {before.name} do sistema.")
            )
            continue
        if now.kind is not before.kind:
            notes.append(
                Text(
                    f"{before.name} was read as {before.kind} and system.yaml says {now.kind}: system.yaml wins.",
                    f"{before.name} foi lido como {_KINDS[before.kind]} e o system.yaml diz {_KINDS[now.kind]}: vale o system.yaml.",
                )
            )
        if before.deployment is None or now.deployment is None:
            continue
        for field in ("replicas", "cpu_cores", "memory_mb", "workers"):
            old, new = getattr(before.deployment, field), getattr(now.deployment, field)
            if old is not None and new is not None and old.value != new.value and old.certainty is not Certainty.ASSUMED:
                notes.append(
                    Text(
                        f"{before.name}: {field} is {old.value:g} in {_places(old)} and {new.value:g} in {_places(new)}: "
                        f"system.yaml wins.",
                        f"{before.name}: {field} é {old.value:g} em {_places(old)} e {new.value:g} em {_places(new)}: "
                        f"vale o system.yaml.",
                    )
                )
    return tuple(notes)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `system.yaml`, made from the types of the model."""
    schema = msgspec.json.schema(System)
    definitions = schema["$defs"]
    estimate = definitions["Estimate"]
    definitions["Estimate"] = {"anyOf": [{"type": "number"}, estimate], "title": "Estimate", "description": estimate["description"]}
    definitions["Evidence"] = {"type": "string", "pattern": _EVIDENCE.pattern.replace("?P<", "?<"), "title": "Evidence"}
    root = definitions["System"]
    for field in NAMED:
        item = root["properties"][field]["items"]
        root["properties"][field] = {"type": "object", "additionalProperties": {"anyOf": [item, {"type": "null"}]}}
        entry = definitions[item["$ref"].rpartition("/")[2]]
        del entry["properties"]["name"]
        entry["required"] = [name for name in entry["required"] if name != "name"]
    root["properties"]["schema"] = {"const": SCHEMA}
    root["required"] = []
    for definition in definitions.values():
        if "properties" in definition:
            definition["additionalProperties"] = False
            definition["required"] = [name for name in definition.get("required", []) if name == "step"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Backend Expert system.yaml"} | schema


class _Dumper(yaml.SafeDumper):
    """Write YAML without aliases: an anchor saves bytes and costs the reader."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature of PyYAML
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Quote a string with a line break that only some know: written plainly it is read back as a space."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _RARE_BREAKS.search(text) else None)


_Dumper.add_representer(str, _string)


def _plain(value: Any, leave_out: str = "") -> Any:
    match value:
        case Estimate() if value == Estimate(value.value):
            return _number(value.value)
        case Evidence():
            return f"{value} ({value.reader})"
        case Struct():
            tag = value.__struct_config__.tag
            body: dict[str, Any] = {"step": tag} if tag is not None else {}
            for field in msgspec.structs.fields(value):
                inner = getattr(value, field.name)
                if field.name != leave_out and (field.default is NODEFAULT or inner != field.default):
                    body[field.name] = _plain(inner)
            if getattr(value, "evidence", None) == () and body.get("certainty") != Certainty.ASSUMED.value:
                body["evidence"] = []  # said, so that reading it back as an overlay does not add a line of the file
            return body
        case tuple():
            return [_plain(item) for item in value]
        case Enum():
            return value.value
        case float():
            return _number(value)
        case _:
            return value


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() and abs(value) < 1e15 else value


def _places(estimate: Estimate) -> str:
    return ", ".join(map(str, estimate.evidence)) or "the files read"


_S = TypeVar("_S", bound=Struct)


class _Decoder:
    """Turn nodes into model values by the types of the fields; `stated` gives what has no evidence the line it stands on."""

    def __init__(self, file: str, *, stated: bool) -> None:
        self.file = file
        self.stated = stated
        self.lines: dict[tuple[str, str], int] = {}

    def fail(self, node: Node | None, problem: str) -> SystemFileError:
        return SystemFileError(self.file, node.line if node is not None else 1, problem)

    def system(self, text: str, base: System) -> System:
        try:
            documents = parse_documents(text)
        except PositionError as error:
            raise SystemFileError(self.file, error.line, f"it is broken YAML: {error.problem}") from None
        if len(documents) != 1 or not isinstance(documents[0], Mapping):
            raise self.fail(None, f"expected one mapping that begins with 'schema: {SCHEMA}'")
        root = documents[0]
        changes: dict[str, Any] = {}
        for key, node in root.pairs:
            if key.text == "schema":
                if not isinstance(node, Scalar) or node.text != SCHEMA:
                    raise self.fail(node, f"this version reads 'schema: {SCHEMA}'")
            elif key.text in NAMED:
                changes[key.text] = self.named(node, key.text, getattr(base, key.text))
            elif key.text in {"name", "network_ms"}:
                changes[key.text] = self.value(node, _hints(System)[key.text], None, key.text)
            else:
                raise self.fail(key, _no_such_key(key.text, ("schema", "name", "network_ms", *NAMED)))
        return self.resolved(msgspec.structs.replace(base, **changes), root)

    def named(self, node: Node, field: str, base: tuple[Any, ...]) -> tuple[Any, ...]:
        if isinstance(node, Scalar) and node.value() is None:
            return base
        if not isinstance(node, Mapping):
            raise self.fail(node, f"'{field}' is a mapping from names to what is known of them")
        kind = get_args(_hints(System)[field])[0]
        items = {item.name: item for item in base}
        for key, entry in node.pairs:
            self.lines[field, key.text] = key.line
            if isinstance(entry, Scalar) and entry.value() is None:
                items.pop(key.text, None)
                continue
            if not isinstance(entry, Mapping):
                raise self.fail(entry, f"'{key.text}' is a mapping of the fields of a {kind.__name__.lower()}")
            items[key.text] = self.struct(entry, kind, items.get(key.text), {"name": key.text}, line=key.line)
        return tuple(items[name] for name in sorted(items))

    def struct(self, node: Mapping, kind: type[_S], base: _S | None, known: dict[str, Any] | None = None, line: int = 0) -> _S:
        values = dict(known or {})
        hints = _hints(kind)
        tagged = kind.__struct_config__.tag is not None
        for key, inner in node.pairs:
            if tagged and key.text == "step":
                continue
            if key.text not in hints or key.text in (known or {}):
                raise self.fail(key, _no_such_key(key.text, tuple(name for name in hints if name not in (known or {}))))
            values[key.text] = self.value(inner, hints[key.text], getattr(base, key.text, None), key.text)
        if self.stated and "evidence" in hints and "evidence" not in values and values.get("certainty") is not Certainty.ASSUMED:
            here = Evidence(self.file, line or node.line, _READER)
            values["evidence"] = (*getattr(base, "evidence", ()), here)
            if "certainty" in hints and "certainty" not in values:
                values["certainty"] = Certainty.DECLARED
        if base is not None:
            return msgspec.structs.replace(base, **values)
        missing = [field.name for field in msgspec.structs.fields(kind) if field.required and field.name not in values]
        if missing:
            raise SystemFileError(self.file, line or node.line, f"a {kind.__name__.lower()} needs '{missing[0]}'")
        return kind(**values)

    def value(self, node: Node, kind: Any, base: Any, field: str) -> Any:
        origin = get_origin(kind)
        if kind == Step:
            return self.step(node)
        if origin in {Union, types.UnionType}:
            if isinstance(node, Scalar) and node.value() is None:
                return None
            return self.value(node, next(each for each in get_args(kind) if each is not type(None)), base, field)
        if origin is tuple:
            if not isinstance(node, Sequence):
                raise self.fail(node, f"'{field}' is a list")
            return tuple(self.value(item, get_args(kind)[0], None, field) for item in node)
        if kind is Estimate:
            return self.estimate(node, field)
        if kind is Evidence:
            return self.evidence(node)
        if isinstance(kind, type) and issubclass(kind, Struct):
            if not isinstance(node, Mapping):
                raise self.fail(node, f"'{field}' is a mapping with {_choices(_hints(kind))}")
            return self.struct(node, kind, base)
        return self.scalar(node, kind, field)

    def scalar(self, node: Node, kind: Any, field: str) -> Any:
        if not isinstance(node, Scalar):
            raise self.fail(node, f"'{field}' is a single value")
        if kind is str:
            return node.text
        value = node.value()
        if get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum)):
            allowed = get_args(kind) if get_origin(kind) is Literal else tuple(each.value for each in kind)
            if node.text not in allowed:
                raise self.fail(node, f"'{field}' is one of {_choices(allowed)}, not '{node.text}'")
            return node.text if get_origin(kind) is Literal else kind(node.text)
        if kind is bool and isinstance(value, bool):
            return value
        if kind is int and isinstance(value, int) and not isinstance(value, bool):
            return value
        if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        words = {bool: "true or false", int: "a whole number", float: "a number"}
        raise self.fail(node, f"'{field}' is {words[kind]}, not '{node.text}'")

    def estimate(self, node: Node, field: str) -> Estimate:
        here = (Evidence(self.file, node.line, _READER),) if self.stated else ()
        if isinstance(node, Mapping):
            estimate = self.struct(node, Estimate, None)
        else:
            estimate = Estimate(float(self.scalar(node, float, field)), evidence=here)
        if not 0 <= estimate.value < float("inf"):
            raise self.fail(node, f"'{field}' is a number from 0 up")
        if not 1 <= estimate.spread <= 1000:
            raise self.fail(node, "'spread' is a factor from 1 (exact) to 1000")
        return estimate

    def evidence(self, node: Node) -> Evidence:
        match = _EVIDENCE.fullmatch(node.text) if isinstance(node, Scalar) else None
        if match is None:
            raise self.fail(node, "evidence is written 'file:line (reader)', for example 'src/orders.ts:12 (declared)'")
        return Evidence(match["file"], int(match["line"]), match["reader"] or _READER, int(match["end"] or 0))

    def step(self, node: Node) -> Step:
        kinds = _step_kinds()
        tag = node.get("step") if isinstance(node, Mapping) else None
        if not isinstance(node, Mapping) or not isinstance(tag, Scalar):
            raise self.fail(node, f"a step is a mapping with 'step: ' and one of {_choices(kinds)}")
        if tag.text not in kinds:
            raise self.fail(
                tag, f"there is no step '{tag.text}'{_did_you_mean(tag.text, tuple(kinds))}: use one of {_choices(kinds)}"
            )
        return self.struct(node, kinds[tag.text], None)  # type: ignore[return-value]

    def resolved(self, system: System, root: Node) -> System:
        """Return the system when every name in it leads somewhere."""
        components = {each.name for each in system.components}
        operations = {each.name for each in system.operations}
        checks: list[tuple[str, str, str, str, set[str]]] = []
        checks += [("operations", each.name, "component", each.component, components) for each in system.operations]
        checks += [("datasets", each.name, "component", each.store, components) for each in system.datasets]
        checks += [("topics", each.name, "component", each.broker, components) for each in system.topics]
        checks += [("workloads", each.name, "operation", each.operation, operations) for each in system.workloads]
        checks += [
            ("objectives", each.name, "operation", each.operation, operations) for each in system.objectives if each.operation
        ]
        checks += _step_references(system, operations)
        for field, name, word, target, known in checks:
            if target not in known:
                line = self.lines.get((field, name), root.line)
                guess = _did_you_mean(target, tuple(sorted(known)))
                raise SystemFileError(self.file, line, f"'{name}' names the {word} '{target}', which does not exist{guess}")
        return system


def _step_references(system: System, operations: set[str]) -> list[tuple[str, str, str, str, set[str]]]:
    datasets = {each.name for each in system.datasets}
    topics = {each.name for each in system.topics}
    found = []
    for operation in system.operations:
        for step in walk(operation.steps):
            match step:
                case steps.Call():
                    found.append(("operations", operation.name, "operation", step.operation, operations))
                case steps.Query() | steps.CacheGet() | steps.CachePut():
                    found.append(("operations", operation.name, "dataset", step.dataset, datasets))
                case steps.Publish():
                    found.append(("operations", operation.name, "topic", step.topic, topics))
                case _:
                    pass
        if operation.trigger.kind == "message":
            found.append(("operations", operation.name, "topic", operation.trigger.name, topics))
    return found


@lru_cache(maxsize=64)
def _hints(kind: type[Struct]) -> dict[str, Any]:
    return {name: hint for name, hint in get_type_hints(kind).items() if name in kind.__struct_fields__}


@lru_cache(maxsize=1)
def _step_kinds() -> dict[str, type[Struct]]:
    return {str(kind.__struct_config__.tag): kind for kind in get_args(Step)}


def _no_such_key(name: str, known: tuple[str, ...]) -> str:
    return f"there is no key '{name}' here{_did_you_mean(name, known)}"


def _did_you_mean(name: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _choices(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in names)
