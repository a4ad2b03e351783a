"""What a middleware, hook or guard looks at before it lets a request through: by its library, by what its body does, never by a wish.

The body decides: it reads a token, it looks at a role, it answers 401, 403, 429 or 400 (RFC 9110, RFC 6585). What cannot turn a request
away is no check at all. A name decides only where the body is not among the sources. Everything else stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import Flag, auto
from functools import reduce
from operator import or_

from backend_expert.model import Guard, GuardKind
from backend_expert.readers.node import classes, waiting
from backend_expert.readers.node.frames import Frame
from backend_expert.readers.node.routing import Passed
from backend_expert.readers.node.syntax import text, walk
from backend_expert.readers.node.values import Blueprint, Foreign, Function, Instance, Made, Record, Unknown, Value, member
from backend_expert.readers.settings import name_words, words

Kinds = tuple[GuardKind | None, ...]

NAMELESS = "(inline)"
"""What a middleware is called that has no name in the source."""

UNKNOWN_KIND: Kinds = (None,)

_FOLLOWED = 24
"""Most functions whose text is looked at for one guard: those of the systems tried reach 7."""

_DEEP = 3
"""Most calls inside one another that are looked at."""

_PACKAGES = {
    GuardKind.AUTHENTICATION: words(
        "express-jwt koa-jwt express-oauth2-jwt-bearer keycloak-connect express-basic-auth connect-ensure-login "
        "@fastify/basic-auth @fastify/bearer-auth hono/jwt hono/bearer-auth hono/basic-auth supertokens-node "
        "@nestjs/passport express-bearer-token"
    ),
    GuardKind.AUTHORISATION: words("nest-access-control accesscontrol casbin express-jwt-permissions express-jwt-authz nest-casl"),
    GuardKind.THROTTLING: words(
        "express-rate-limit express-slow-down rate-limiter-flexible @nestjs/throttler @fastify/rate-limit fastify-rate-limit "
        "hono-rate-limiter koa-ratelimit express-brute nestjs-rate-limiter express-throttle"
    ),
    GuardKind.VALIDATION: words(
        "express-validator celebrate joi express-joi-validation express-validation zod zod-express-middleware "
        "express-openapi-validator @hono/zod-validator nestjs-zod class-validator express-zod-api koa-joi-router"
    ),
    GuardKind.OTHER: words(
        "express body-parser cors helmet morgan compression cookie-parser express-session cookie-session serve-static "
        "method-override express-winston pino-http hpp xss-clean express-mongo-sanitize multer express-fileupload response-time "
        "connect-timeout csurf lusca i18n i18next-http-middleware express-useragent prom-client express-prom-bundle "
        "swagger-ui-express http-proxy-middleware connect-history-api-fallback express-status-monitor serve-favicon "
        "express-request-id cls-rtracer connect-flash express-flash connect-livereload koa-bodyparser koa-body koa-compress "
        "@koa/cors koa-helmet koa-logger koa-static hono/cors hono/logger hono/pretty-json hono/secure-headers hono/compress "
        "hono/timing hono/request-id apicache express-async-errors errorhandler express-handlebars vhost graphql-upload "
        "@sentry/node @opentelemetry/api newrelic nestjs-cls nestjs-pino express-ejs-layouts webpack-dev-middleware path fs "
        "webpack-hot-middleware express-http-context koa-session connect-redis connect-mongo express-list-endpoints"
    ),
}
_BY_PACKAGE = {package: kind for kind, packages in _PACKAGES.items() for package in packages}

_BY_NAME = {
    GuardKind.AUTHENTICATION: words("auth authenticate authenticated authentication jwt token login loggedin logged bearer"),
    GuardKind.AUTHORISATION: words("role roles permission permissions admin acl scope scopes ability abilities policies"),
    GuardKind.THROTTLING: words("throttle throttler throttling limit limiter ratelimit ratelimiter"),
    GuardKind.VALIDATION: words("validate validator validation schema"),
    GuardKind.OTHER: words(
        "log logger logging morgan cors helmet compression compress parser parse static favicon metrics prometheus tracing tracer "
        "sentry swagger docs i18n locale cookies"
    ),
}

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


class Sign(Flag):
    """What the text of a function says of what it looks at."""

    CREDENTIAL = auto()
    UNAUTHENTICATED = auto()
    FORBIDDEN = auto()
    RIGHTS = auto()
    TOO_MANY = auto()
    INVALID = auto()
    REFUSES = auto()
    CATCHES = auto()
    CROSS_ORIGIN = auto()


_NOTHING = Sign(0)

_SIGNS = {
    Sign.CREDENTIAL: (
        r"\bjwt\w*\.(?:verify|decode)|\bjwtverify\b|verifyasync\(|passport\.authenticate|isauthenticated\(|timingsafeequal\(|createhmac\("
        r"|(?:verify|validate|check|introspect|authenticate|decode|parse|extract)\w{0,24}(?:token|jwt|api_?key|session|signature)\w{0,24}\("
        r"|\btokens?\w*\.(?:verify|validate|check)|getserversession\(|constructevent\(|[\"'.\[(](?:authorization|x-api-key|x-access-token"
        r"|x-auth-token|api-key|proxy-authorization)\b|\bbearer\b|cookies?\W{1,4}(?:\w{0,24}token|\w{0,24}session|jwt|sid)\b"
        r"|session\??\.(?:user|userid|uid)\b"
    ),
    Sign.UNAUTHENTICATED: r"\b401\b|unauthori[sz]ed|unauthenticated|not_?authenticated|authentication_?(?:failed|required|error)",
    Sign.FORBIDDEN: r"\b403\b|forbidden|access.?denied|permission.?denied",
    Sign.RIGHTS: r"roles?\b|permissions?\b|\bis_?admin|\bscopes?\b|abilit(?:y|ies)\b|\bprivileges?\b|\bacl\b",
    Sign.TOO_MANY: r"\b429\b|too.?many.?requests|throttler?exception|\blimiter\.consume\(",
    Sign.INVALID: r"\b4(?:00|22)\b|bad.?request|validationresult\(|\.validate(?:async|sync)?\(|safeparse\(|unprocessable",
    Sign.REFUSES: (
        r"\bnext\(\s*[^)\s]|\bthrow\b|\breject\(|createerror\(|\breturn false\b|=> false\b"
        r"|\.(?:status|sendstatus|code|writehead)\(\s*(?![123]\d\d)|\.redirect\([^)]*(?:log.?in|sign.?in|auth)"
    ),
    Sign.CATCHES: r"\bcatch\b",
    Sign.CROSS_ORIGIN: r"access-control-allow",
}
_HINTS = {
    Sign.CREDENTIAL: "jwt token session bearer auth api hmac signature timingsafe constructevent cookie",
    Sign.UNAUTHENTICATED: "401 auth",
    Sign.FORBIDDEN: "403 forbidden denied",
    Sign.RIGHTS: "role perm admin scope abilit privilege acl",
    Sign.TOO_MANY: "429 many throttl limiter",
    Sign.INVALID: "400 422 request validat safeparse unprocessable",
}
_PATTERNS = [(sign, _HINTS.get(sign, "").split(), re.compile(pattern)) for sign, pattern in _SIGNS.items()]
"""They are searched for in text in lower case, and only where it holds one of a few plain words: both are several times faster."""

_ALWAYS = re.compile(r"\{\s*return true;?\s*\}\s*$")


def guards_of(passed: Iterable[Passed]) -> tuple[Guard, ...]:
    """Return the guards that what a request passes amounts to, one for each thing it looks at."""
    found = [
        Guard(name=each.name or name_of(each.value) or NAMELESS, kind=kind, evidence=each.evidence[:1])
        for each in passed
        for kind in _believed(kinds(each.value), each.name)
    ]
    return tuple(dict.fromkeys(found))


def _believed(found: Kinds, name: str) -> Kinds:
    """Return what a guard looks at; of one that looks at nothing and is called after a check, nobody can tell (it may be switched off)."""
    says = _of_name(name) if found == (GuardKind.OTHER,) else UNKNOWN_KIND
    return found if says in {UNKNOWN_KIND, (GuardKind.OTHER,)} else UNKNOWN_KIND


def within(handler: Function) -> tuple[Guard, ...]:
    """Return the check of a credential that a handler makes by itself, or in a function that it calls for it."""
    signs = _signs(handler, 1)
    if Sign.CREDENTIAL not in signs or not signs & (Sign.UNAUTHENTICATED | Sign.FORBIDDEN):
        return ()
    place = handler.frame.place(handler.node)
    return (Guard(name=handler.name or "handler", kind=GuardKind.AUTHENTICATION, evidence=(place,)),)


def name_of(value: Value) -> str:
    """Return what the source calls a middleware or guard."""
    match value:
        case Function() | Blueprint() | Foreign() | Unknown():
            return value.name
        case Instance():
            return value.blueprint.name
        case Made():
            return value.maker.name
        case _:
            return ""


def kinds(value: Value) -> Kinds:
    """Return what a middleware, hook or guard looks at; one that does two things has two kinds."""
    match value:
        case Instance():
            return kinds(value.blueprint)
        case Made() if value.maker.name == "mixin" and value.arguments:
            return kinds(value.arguments[0])
        case Made():
            return _of_library(value.maker)
        case Foreign():
            return _of_library(value)
        case Blueprint():
            return _known(value, lambda: _of_class(value))
        case Function():
            return _known(value, lambda: _of_signs(_signs(value)))
        case Record():
            return (GuardKind.VALIDATION,) if member(value, "body", "params", "querystring", "query") else UNKNOWN_KIND
        case Unknown():
            return _of_name(value.name)
        case _:
            return UNKNOWN_KIND


def _known(owner: Function | Blueprint, work: Callable[[], Kinds]) -> Kinds:
    """Return what was worked out before for the same body where it was made: a wrapper is another guard around each function."""
    known = owner.frame.unit.guard_kinds
    key = owner.node.id, id(owner.frame)
    if key not in known:
        known[key] = owner, UNKNOWN_KIND  # for a body that leads to itself
        known[key] = owner, work()
    return known[key][1]


def _of_library(maker: Foreign) -> Kinds:
    if maker.package == "passport":
        return (GuardKind.AUTHENTICATION if maker.name in {"authenticate", "authorize"} else GuardKind.OTHER,)
    if maker == Foreign("@nestjs/common", ("ValidationPipe",)):
        return (GuardKind.VALIDATION,)
    found = _BY_PACKAGE.get(maker.package) or _BY_PACKAGE.get("/".join(maker.package.split("/")[:2]))
    if found is not None:
        return (found,)
    if maker.package.startswith(("@fastify/", "fastify-")):
        return (GuardKind.OTHER,)
    return _of_name(maker.name)


def _of_name(name: str) -> Kinds:
    """Return what a name says of a body that is not among the sources."""
    said = set(name_words(name)) | {name.lower()}
    found = tuple(kind for kind, meant in _BY_NAME.items() if said & meant)
    return tuple(kind for kind in found if kind is not GuardKind.OTHER) or found or UNKNOWN_KIND


def _of_class(blueprint: Blueprint) -> Kinds:
    above = [found for each in classes.lineage(blueprint) if isinstance(found := classes.base(each), Foreign | Made)]
    inherited = kinds(above[0]) if above else ()
    made = blueprint.frame.unit.container.single(blueprint)
    methods = ("canActivate", "use", "handleRequest", "intercept", "transform", "validateRequest")
    own = [found for name in methods if isinstance(made, Instance) and (found := classes.method(made, name)) is not None]
    if inherited and [function.name for function in own] == ["handleRequest"] and _lets_through(own[0]):
        return (GuardKind.OTHER,)  # It takes the answer of the guard above and lets everybody through.
    signs = reduce(or_, (_signs(function) for function in own), _NOTHING)
    if own and own[0].name == "canActivate" and not _ALWAYS.search(_COMMENT.sub("", text(own[0].node))):
        signs |= Sign.REFUSES  # It turns requests away by what it returns.
    said = _of_signs(signs) if own else ()
    return tuple(dict.fromkeys(kind for kind in (*inherited, *said) if kind not in {None, GuardKind.OTHER})) or said or UNKNOWN_KIND


def _lets_through(function: Function) -> bool:
    source = _COMMENT.sub("", text(function.node))
    return "throw" not in source and "super." not in source


def _of_signs(signs: Sign) -> Kinds:
    """Return what a body looks at by the signs in its text."""
    # What verifies a credential throws, and where nothing catches that the request is over.
    throws = Sign.CREDENTIAL in signs and Sign.CATCHES not in signs
    if not throws and not signs & (Sign.UNAUTHENTICATED | Sign.FORBIDDEN | Sign.REFUSES):
        return (GuardKind.OTHER,)
    found = []
    if signs & (Sign.UNAUTHENTICATED | Sign.CREDENTIAL):
        found.append(GuardKind.AUTHENTICATION)
    if Sign.RIGHTS in signs or (Sign.FORBIDDEN in signs and not found):
        found.append(GuardKind.AUTHORISATION)
    if Sign.TOO_MANY in signs:
        found.append(GuardKind.THROTTLING)
    if not found and Sign.INVALID in signs:
        found.append(GuardKind.VALIDATION)
    if not found and Sign.CROSS_ORIGIN in signs:
        found.append(GuardKind.OTHER)
    return tuple(found) or UNKNOWN_KIND


def _signs(function: Function, deep: int = _DEEP) -> Sign:
    """Return the signs in the text of a function and of the own functions that it calls, so many calls deep."""
    found = _NOTHING
    seen: set[tuple[int, int]] = set()
    following = [(function, 0)]
    while following and len(seen) < _FOLLOWED:
        current, depth = following.pop(0)
        if (current.node.id, id(current.frame)) in seen:
            continue
        seen.add((current.node.id, id(current.frame)))
        signs, called = _alone(current)
        found |= signs
        following.extend((each, depth + 1) for each in called if depth < deep)
    return found


def _alone(function: Function) -> tuple[Sign, tuple[Function, ...]]:
    """Return the signs in the text of one function, and the own functions that it calls by name."""
    known = function.frame.unit.signs
    key = function.node.id, id(function.frame)
    if key not in known:
        source = _COMMENT.sub("", text(function.node)).lower()
        signs = _NOTHING
        for sign, hints, pattern in _PATTERNS:
            if (not hints or any(hint in source for hint in hints)) and pattern.search(source):
                signs |= sign
        inside = Frame(function.frame.unit, function.frame.module, function.frame, function.this or function.frame.this)
        calls = (waiting.named_by(call, inside) for call in walk(function.node, "call_expression"))
        known[key] = function, signs, tuple(each for each in calls if isinstance(each, Function))
    return known[key][1:]
