"""HTTP clients: fetch, the modules of Node.js, got, ky, undici, request, superagent and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_expert.model import Mechanism
from backend_expert.readers.node.drafts import Draft, Kind, Protection
from backend_expert.readers.node.libraries import timeouts
from backend_expert.readers.node.values import (
    NOTHING,
    UNKNOWN,
    Constant,
    Foreign,
    Function,
    Input,
    Listing,
    Outcome,
    Record,
    Resource,
    Template,
    Value,
    Variable,
    has,
    is_open,
    joined,
    known,
    member,
    number,
    pieces,
    word,
)
from backend_expert.readers.settings import words

if TYPE_CHECKING:
    from backend_expert.readers.node.calls import Call

VERBS = {
    "get": "GET",
    "post": "POST",
    "put": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "del": "DELETE",
    "head": "HEAD",
    "options": "OPTIONS",
}

PACKAGES = words(
    "global node-fetch cross-fetch isomorphic-fetch isomorphic-unfetch undici got ky request request-promise "
    "request-promise-native superagent needle http https follow-redirects ofetch @nestjs/axios"
) - {"@nestjs/axios"}
KINDS = frozenset({"http.client", "http.request", "abort.controller"})

_FETCHES = frozenset({"global", "node-fetch", "cross-fetch", "isomorphic-fetch", "isomorphic-unfetch", "undici", "ofetch"})
_REQUESTS = frozenset({"request", "request-promise", "request-promise-native"})
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


def construct(maker: Foreign, call: Call) -> Value | None:
    """Return the controller of a signal: only what is passed on stops a call."""
    if maker == Foreign("global", ("AbortController",)):
        return Resource("abort.controller")
    if maker == Foreign("global", ("URL",)):
        base = call.argument(1)
        return call.argument(0) if is_open(base) else addressed(base, call.argument(0))
    return None


def function(callee: Foreign, call: Call) -> Value | None:
    """Return the outcome of a call made with a function of one of the packages."""
    package, name = callee.package, callee.path[-1] if callee.path else ""
    if package == "global":
        if name == "fetch":
            return _fetch(call)
        if callee.path == ("AbortSignal", "timeout"):
            return Record({"timeout": call.argument(0)})
        if callee.path == ("AbortSignal", "any"):
            given = call.argument(0)
            return (
                next((each for each in given.items if isinstance(each, Record)), UNKNOWN) if isinstance(given, Listing) else UNKNOWN
            )
        return None
    if package in _FETCHES:
        return _fetch(call) if name in {"", "fetch", "request", "ofetch", "$fetch"} else None
    if package in {"got", "ky"}:
        return _got(name, call, Record({}))
    if package in _REQUESTS:
        return _request(name, call)
    if package in {"http", "https", "follow-redirects"}:
        return _node(package, name, call)
    if package in {"superagent", "needle"}:
        if package == "needle" and not name:
            return _sent(
                call,
                word(call.argument(0)).upper(),
                call.argument(1),
                call.argument(3),
                ("timeout", "response_timeout", "open_timeout"),
            )
        return _sent(call, VERBS.get(name, ""), call.argument(0), Record({}), ()) if name in VERBS else None
    return None


def method(owner: Resource, name: str, call: Call) -> Value | None:
    """Return what a method of a client or of a request that is being built gives back."""
    if owner.kind == "abort.controller":
        return None
    if owner.kind == "http.client":
        options = owner.facts.get("options")
        return _got(name, call, options if isinstance(options, Record) else Record({}, complete=False))
    return owner


def _fetch(call: Call) -> Value:
    url, options = call.argument(0), call.argument(1)
    verb = member(options, "method")
    if options != NOTHING and not isinstance(options, Record):
        options = Record({}, complete=False)
    method_name = word(verb).upper() if has(options, "method") else "GET" if known(options) else ""
    return send(call, method_name, url, protection(call, options, ("timeout", "headersTimeout", "bodyTimeout"), method_name))


def _got(name: str, call: Call, defaults: Record) -> Value | None:
    if name in {"extend", "create", "instance"}:
        given = call.argument(0)
        fields = {**defaults.fields, **(given.fields if isinstance(given, Record) else {})}
        return Resource("http.client", {"options": Record(fields, known(given))}, call.frame.evidence(call.node))
    if name and name not in VERBS and name != "stream":
        return None
    url, options = call.argument(0), call.argument(1)
    if isinstance(url, Record):
        url, options = member(url, "url"), url
    fields = {**defaults.fields, **(options.fields if isinstance(options, Record) else {})}
    complete = defaults.complete and known(options)
    merged = Record(fields, complete)
    base = member(merged, "prefixUrl", "baseUrl")
    verb = VERBS.get(name, word(member(merged, "method")).upper() or "GET")
    made = protection(call, merged, ("timeout",), verb)
    timeout = member(merged, "timeout")
    if isinstance(timeout, Record):
        made.timeout_ms = number(member(timeout, "request", "response"))
    # got tries GET, PUT, DELETE and HEAD twice more and ky GET and others, unless told otherwise: nothing is absent here.
    made.absent.discard(Mechanism.RETRY)
    return send(call, verb, addressed(base, url), made)


def _request(name: str, call: Call) -> Value | None:
    if name == "defaults":
        return Resource("http.client", {"options": call.argument(0)}, call.frame.evidence(call.node))
    if name and name not in VERBS:
        return None
    first = call.argument(0)
    options = first if isinstance(first, Record) else call.argument(1)
    url = member(first, "url", "uri") if isinstance(first, Record) else first
    verb = VERBS.get(name) or word(member(options, "method")).upper() or "GET"
    told: Value = options if isinstance(options, Record) else Record({}, options == NOTHING or isinstance(options, Function))
    base = member(options, "baseUrl")
    outcome = send(call, verb, addressed(base, url), protection(call, told, ("timeout",), verb))
    return _answered(call, outcome)


def _node(package: str, name: str, call: Call) -> Value | None:
    if name == "Agent":
        return None
    if name not in {"request", "get"}:
        return None
    first = call.argument(0)
    options = first if isinstance(first, Record) else call.argument(1)
    if isinstance(first, Record):
        host, port, path = member(first, "hostname", "host"), member(first, "port"), member(first, "path")
        url = joined(
            Constant(f"{package}://"),
            host if not is_open(host) else UNKNOWN,
            *([] if is_open(port) else [Constant(":"), port]),
            *([] if is_open(path) else [path]),
        )
    else:
        url = first
    verb = word(member(options, "method")).upper() or "GET"
    told: Value = options if isinstance(options, Record) else Record({}, options == NOTHING or isinstance(options, Function))
    return _answered(call, send(call, verb, url, protection(call, told, ("timeout",), verb)), request=True)


def _answered(call: Call, outcome: Value, request: bool = False) -> Value:
    """Follow the callback of a request, which runs when the answer is there; the first parameter is the error."""
    callback = call.callback
    if callback is not None:
        if request:
            call.run(callback, outcome)
        else:
            call.run(callback, NOTHING, outcome, outcome)
    return outcome


def _sent(call: Call, verb: str, url: Value, options: Value, timeouts: tuple[str, ...]) -> Value:
    told: Value = options if isinstance(options, Record) else Record({}, options == NOTHING and bool(timeouts))
    return _answered(call, send(call, verb, url, protection(call, told, timeouts, verb)))


def addressed(base: Value, path: Value) -> Value:
    """Return the URL of a path below a base; a path that is a URL itself stays."""
    if is_open(base):
        return path
    first = pieces(path)[:1]
    begins = first[0].text if first and not first[0].hole and not first[0].variable else ""
    if "://" in begins or (first and first[0].variable):
        return path
    if is_open(path):
        return base
    return joined(base, path) if begins.startswith(("/", "?")) else joined(base, Constant("/"), path)


def protection(call: Call, options: Value, timeouts: tuple[str, ...], verb: str) -> Protection:
    """Return what the options of a call protect it with; what every known option leaves out is absent."""
    found = Protection(evidence=(call.frame.place(call.node),))
    told = known(options)
    if has(options, *timeouts):
        _limited(found, next(member(options, name) for name in timeouts if has(options, name)))
    elif has(options, "signal"):
        signal = member(options, "signal")
        if isinstance(signal, Record):
            _limited(found, member(signal, "timeout"))
            found.cancels = True
    elif told:
        found.absent.add(Mechanism.TIMEOUT)
    headers = member(options, "headers")
    if told:
        found.absent.update({Mechanism.RETRY, Mechanism.BREAKER})
        if not has(options, "agent", "httpAgent", "httpsAgent", "dispatcher", "pool"):
            found.absent.add(Mechanism.POOL)
        if not has(options, "headers"):
            _without_headers(found, verb)
    if isinstance(headers, Record):
        names = {name.lower() for name in headers.fields}
        if any("idempoten" in name for name in names):
            found.idempotency_key = True
        elif headers.complete:
            _without_headers(found, verb)
        if any("deadline" in name or name in {"grpc-timeout", "x-request-timeout"} for name in names):
            found.absent.discard(Mechanism.DEADLINE)
    return found


def _limited(found: Protection, limit: Value) -> None:
    """Set the timeout that an option gives; 0 is none, and one that is not known stays unknown."""
    if isinstance(limit, Record):
        limit = member(limit, "request", "response", "deadline")
    milliseconds = number(limit)
    if milliseconds:
        found.timeout_ms = milliseconds
    elif milliseconds == 0:
        found.absent.add(Mechanism.TIMEOUT)


def _without_headers(found: Protection, verb: str) -> None:
    found.absent.add(Mechanism.DEADLINE)
    if verb in _BODY_METHODS:
        found.absent.add(Mechanism.IDEMPOTENCY_KEY)


def send(call: Call, verb: str, url: Value, made: Protection) -> Outcome:
    """Add a call over HTTP to what a URL names, as far as the URL is known."""
    address = pieces(url) if not isinstance(url, Input) and _is_text(url) else ()
    given = _from_request(url)
    target = call.frame.unit.target(
        protocol="http", address=address, method=verb, evidence=call.frame.evidence(call.node), from_caller=bool(given)
    )
    if Mechanism.TIMEOUT in made.absent and (built := timeouts.unused(call)):
        made.unused.add(Mechanism.TIMEOUT)
        made.evidence = (*made.evidence, *built)
    return call.emit(Draft(Kind.CALL, target=target, protection=made, from_request=given))


def _from_request(url: Value) -> bool | None:
    """Tell whether the host of a URL comes with the request; nothing where its first part is not known."""
    if isinstance(url, Input):
        return True
    if not _is_text(url):
        return None
    parts = url.parts if isinstance(url, Template) else (url,)
    begun = ""
    for part in parts:
        if isinstance(part, Input):
            return True
        if not isinstance(part, Constant | Variable):
            return None
        begun += str(part.value) if isinstance(part, Constant) else "://host"
        if "/" in begun.partition("://")[2]:
            return False  # What follows stands in the path.
    return False


def _is_text(url: Value) -> bool:
    return isinstance(url, Constant | Template | Variable)
