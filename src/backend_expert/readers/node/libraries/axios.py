"""axios and the HttpService of NestJS, which wraps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from backend_expert.model import Mechanism
from backend_expert.readers.node.libraries import http
from backend_expert.readers.node.values import NOTHING, Foreign, Record, Resource, Unknown, Value, known, word
from backend_expert.readers.node.values import member as field_of

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call
    from backend_expert.readers.node.frames import Frame

PACKAGES = frozenset({"axios", "@nestjs/axios", "axios-retry"})
KINDS = frozenset({"axios"})

_WITH_BODY = frozenset({"post", "put", "patch", "postForm", "putForm", "patchForm"})
_QUIET = frozenset(
    {"isAxiosError", "isCancel", "all", "spread", "CancelToken", "toFormData", "interceptors", "defaults", "AxiosHeaders"}
)


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the outcome of a call through the default instance, or a new instance."""
    if callee.package == "axios-retry":
        instance = call.argument(0)
        if isinstance(instance, Resource):
            instance.facts["retries"] = True
        else:
            call.frame.unit.axios_retries = True
        return None
    if callee.package != "axios":
        return None
    name = callee.path[-1] if callee.path else ""
    if name in {"create", "extend"}:
        return _instance(call.argument(0), call)
    if name in _QUIET or "interceptors" in callee.path:
        return None
    return _request(Resource("axios", {"options": Record({})}), name, call)


def construct(maker: Foreign, _: Call) -> Value | None:
    """Return the service that `new HttpService(instance)` makes."""
    if maker == Foreign("@nestjs/axios", ("HttpService",)):
        return Resource("axios", {"options": Record({}, complete=False)})
    return None


def of_type(kind: Foreign, _: tuple[Value, ...], frame: Frame, node: Node) -> Value | None:
    """Return the instance that a container injects: what the module registered for it, when there is one registration."""
    if kind == Foreign("@nestjs/axios", ("HttpService",)):
        return Resource("axios", {"options": frame.unit.container.http_defaults()}, frame.evidence(node))
    if kind.package == "axios" and kind.name in {"AxiosInstance", "AxiosStatic", "Axios"}:
        return Resource("axios", {"options": Record({}, complete=False)})
    return None


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of an instance gives back."""
    if name in {"create", "extend"}:
        return _instance(call.argument(0), call)
    return _request(owner, name, call)


def _instance(options: Value, call: Call) -> Resource:
    told = options if isinstance(options, Record) else Record({}, complete=options == NOTHING)
    return Resource("axios", {"options": told}, call.frame.evidence(call.node))


def _request(owner: Resource, name: str, call: Call) -> Value | None:
    defaults = owner.facts.get("options")
    defaults = defaults if isinstance(defaults, Record) else Record({}, complete=False)
    if name in {"", "request"}:
        first = call.argument(0)
        options = first if isinstance(first, Record) else call.argument(1)
        url = field_of(first, "url") if isinstance(first, Record) else first
        verb = word(field_of(options, "method")).upper() or "GET"
    elif name in http.VERBS or name in _WITH_BODY:
        url = call.argument(0)
        options = call.argument(2 if name in _WITH_BODY else 1)
        verb = http.VERBS.get(name, http.VERBS.get(name.removesuffix("Form"), "POST"))
    else:
        return None
    fields = {**defaults.fields, **(options.fields if isinstance(options, Record) else {})}
    complete = defaults.complete and known(options)
    merged = Record(fields, complete)
    made = http.protection(call, merged, ("timeout",), verb)
    if owner.evidence and field_of(options, "timeout") is not field_of(merged, "timeout"):
        made.evidence = (*made.evidence, *owner.evidence[:1])
    if owner.facts.get("retries") or call.frame.unit.axios_retries or owner.facts.get(".interceptors"):
        made.absent.discard(Mechanism.RETRY)
    return http.send(call, verb, http.addressed(field_of(merged, "baseURL"), url), made)


def member(owner: Resource, name: str, _: Frame) -> Value:
    """Return a field of an instance: the service of NestJS holds one of axios."""
    return owner if name in {"axiosRef", "axios"} else Unknown(name)
