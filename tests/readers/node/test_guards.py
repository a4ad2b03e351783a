"""What stands before handlers, and what it looks at: order, kinds, marks that switch a guard off, and what nobody can tell."""

from __future__ import annotations

import pytest

MAIN = """
import { NestFactory } from '@nestjs/core';
import { ValidationPipe } from '@nestjs/common';
import { AppModule, Signed } from './app';
async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  SETUP
  await app.listen(3000);
}
bootstrap();
"""

NEST = """
import { Controller, Get, Injectable, Module, SetMetadata, UseGuards, applyDecorators, mixin, ValidationPipe } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { ThrottlerGuard } from '@nestjs/throttler';
const Public = () => SetMetadata('public', true);
const Roles = (...roles: string[]) => SetMetadata('roles', roles);
@Injectable() export class Signed {
  constructor(private reflector: Reflector, private tokens: Tokens) {}
  async canActivate(context) {
    const open = this.reflector.getAllAndOverride<boolean>('public', [context.getHandler(), context.getClass()]);
    if (open) { return true; }
    await this.tokens.verifyAsync(context.switchToHttp().getRequest().headers.authorization);
    return true;
  }
}
@Injectable() export class RoleGuard {
  constructor(private reflector: Reflector) {}
  canActivate(context) {
    const roles = this.reflector.get<string[]>('roles', context.getHandler());
    if (!roles) return true;
    return roles.includes(context.switchToHttp().getRequest().user.role);
  }
}
export class Jwt extends AuthGuard('jwt') {}
export class Perhaps extends AuthGuard('jwt') { handleRequest(error, user) { return user; } }
export const Kind = (name) => {
  class Mixed { canActivate(context) { if (!context.role) throw new ForbiddenException(); } }
  return mixin(Mixed);
};
CODE
"""


@pytest.fixture
def guards(program):
    """Return a function that reads an application and gives the guards of each route as `name kind` texts."""

    def shown(found) -> dict[str, list[str] | None]:
        return {
            name: None
            if handler.operation.guards is None
            else [f"{each.name} {each.kind or '?'}" for each in handler.operation.guards]
            for name, handler in found.handlers.items()
        }

    def reading(source: str, setup: str = "") -> dict[str, list[str] | None]:
        if "CODE" in source or "@Module" in source:
            return shown(program({"src/main.ts": MAIN.replace("SETUP", setup), "src/app.ts": NEST.replace("CODE", source)}))
        return shown(program(source, "server.js"))

    return reading


EXPRESS = """
const app = require('express')();
BODY
app.listen(80);
"""
H = "(req, res) => res.json({})"


def test_a_middleware_holds_for_what_comes_after_it(guards):
    found = guards(
        EXPRESS.replace(
            "BODY",
            f"""
            const signed = (req, res, next) => (req.headers.authorization ? next() : res.status(401).end());
            const router = require('express').Router();
            router.post('/login', {H});
            router.use(signed);
            router.get('/me', {H});
            app.use('/api', require('helmet')(), router);
            app.get('/health', {H});
            app.use((req, res) => res.status(404).end());
            """,
        )
    )
    assert found == {
        "POST /api/login": ["helmet other"],
        "GET /api/me": ["helmet other", "signed authentication"],
        "GET /health": [],
    }


BOTH = """
const jwt = require('jsonwebtoken');
const read = (t) => jwt.verify(t, 'k');
const all = (role) => async (req, res, next) => {
  const u = read(req.token);
  if (u.role !== role) return next(createError(403));
  next();
};
"""


@pytest.mark.parametrize(
    ("before", "middleware", "expected"),
    [
        (
            "const passport = require('passport');",
            "passport.authenticate('jwt', { session: false })",
            ["authenticate authentication"],
        ),
        ("const passport = require('passport');", "passport.initialize()", ["initialize other"]),
        ("const { expressjwt } = require('express-jwt');", "expressjwt({ secret: 'x' })", ["expressjwt authentication"]),
        ("const limit = require('express-rate-limit');", "limit({ max: 5 })", ["limit throttling"]),
        ("const { celebrate } = require('celebrate');", "celebrate({ body: {} })", ["celebrate validation"]),
        ("const { requireAuth } = require('@acme/web');", "requireAuth()", ["requireAuth authentication"]),
        ("const { wrap } = require('@acme/web');", "wrap()", ["wrap ?"]),
        ("function log(req, res, next) { console.log(req.url); next(); }", "log", ["log other"]),
        (
            "const admin = (req, res, next) => { if (!req.user.isAdmin) return res.sendStatus(403); next(); };",
            "admin",
            ["admin authorisation"],
        ),
        (
            "const check = (schema) => (req, res, next) => { if (schema.validate(req.body).error) return res.status(400).end(); next(); };",
            "check({})",
            ["check validation"],
        ),
        (BOTH, "all('admin')", ["all authentication", "all authorisation"]),
        ("const odd = (req, res, next) => (req.body.a > 3 ? next() : next(new Error('no')));", "odd", ["odd ?"]),
        ("", "(req, res, next) => next()", ["(inline) other"]),
    ],
)
def test_kinds_of_middleware(guards, before: str, middleware: str, expected: list[str]):
    found = guards(EXPRESS.replace("BODY", f"{before}\napp.get('/a', {middleware}, {H});"))
    assert found == {"GET /a": expected}


WRAPPED = """
const asyncHandler = (fn) => (req, res, next) => Promise.resolve(fn(req, res, next)).catch(next);
const signed = (req, res, next) => { if (!req.headers.authorization) throw new HttpError(401); next(); };
const layout = (req, res, next) => { res.locals.layout = null; next(); };
const rateLimit = (most) => { if (!most) return (req, res, next) => next(); return (req, res, next) => res.status(429).end(); };
"""


def test_a_wrapper_is_another_guard_around_each_function(guards):
    routes = f"app.get('/a', asyncHandler(layout), {H}); app.get('/b', asyncHandler(signed), {H});"
    assert guards(EXPRESS.replace("BODY", WRAPPED + routes)) == {"GET /a": ["layout other"], "GET /b": ["signed authentication"]}


def test_a_check_that_may_be_switched_off_is_unknown(guards):
    assert guards(EXPRESS.replace("BODY", f"{WRAPPED}app.get('/a', rateLimit(process.env.MOST), {H});")) == {
        "GET /a": ["rateLimit ?"]
    }


def test_a_handler_that_looks_at_the_token_itself(guards):
    body = "(req, res) => { if (!req.headers['x-api-key']) return res.status(401).end(); res.json({}); }"
    assert guards(EXPRESS.replace("BODY", f"app.get('/a', {body});")) == {"GET /a": ["handler authentication"]}


def test_what_stands_before_a_router_that_nothing_mounts_is_unknown(guards):
    found = guards(
        f"const router = require('express').Router();\nrouter.get('/a', {H});\nmodule.exports = router;\nrouter.listen(80);"
    )
    assert found == {"GET /a": None}


def test_hooks_of_fastify_hold_for_their_plugin(guards):
    found = guards(
        f"""
        const fastify = require('fastify')();
        const fp = require('fastify-plugin');
        fastify.register(fp(async (app) => {{
          app.decorate('signed', async (request, reply) => {{ await request.jwtVerify(); }});
        }}));
        fastify.register(async (scope) => {{
          scope.get('/b', {H});
          scope.addHook('onRequest', async (request, reply) => {{ if (!request.session.user) reply.code(401).send(); }});
        }}, {{ prefix: '/in' }});
        fastify.get('/a', {{ preHandler: [fastify.signed], schema: {{ querystring: {{}} }} }}, {H});
        fastify.get('/c', {{ config: {{ rateLimit: {{ max: 3 }} }} }}, {H});
        fastify.listen({{ port: 80 }});
        """
    )
    assert found == {
        "GET /in/b": ["(inline) authentication"],
        "GET /a": ["signed authentication", "schema validation"],
        "GET /c": ["rateLimit throttling"],
    }


ROUTES = """
@Controller('x') export class X {
  @Get('a') @MARKS a() {}
}
@Module({ controllers: [X], providers: [PROVIDED] }) export class AppModule {}
"""


@pytest.mark.parametrize(
    ("marks", "provided", "expected"),
    [
        ("UseGuards(Jwt)", "", ["Jwt authentication"]),
        ("UseGuards(AuthGuard('jwt'))", "", ["AuthGuard authentication"]),
        ("UseGuards(Perhaps)", "", ["Perhaps other"]),
        ("UseGuards(Kind('a'))", "", ["mixin authorisation"]),
        ("Roles('a')", "{ provide: APP_GUARD, useClass: Signed }", ["Signed authentication"]),
        ("Public()", "{ provide: APP_GUARD, useClass: Signed }", []),
        ("Roles('a')", "{ provide: APP_GUARD, useClass: RoleGuard }", ["RoleGuard authorisation"]),
        ("Public()", "{ provide: APP_GUARD, useClass: RoleGuard }", []),
        ("Public()", "{ provide: APP_GUARD, useClass: ThrottlerGuard }", ["ThrottlerGuard throttling"]),
        ("UseGuards(new Jwt(), RoleGuard)", "", ["Jwt authentication"]),
    ],
)
def test_guards_of_nest(guards, marks: str, provided: str, expected: list[str]):
    assert guards(ROUTES.replace("MARKS", marks).replace("PROVIDED", provided)) == {"GET /x/a": expected}


def test_a_mark_of_an_unknown_library_leaves_a_guard_standing(guards):
    source = "import { Allowed } from '@acme/marks';\n" + ROUTES.replace("MARKS", "Allowed('a')")
    found = guards(source.replace("PROVIDED", "{ provide: APP_GUARD, useClass: RoleGuard }"))
    assert found == {"GET /x/a": ["RoleGuard authorisation"]}


def test_guards_and_pipes_of_the_start(guards):
    setup = "app.useGlobalGuards(new Signed()); app.useGlobalPipes(new ValidationPipe()); app.use(require('helmet')());"
    found = guards(ROUTES.replace("@MARKS", "").replace("PROVIDED", ""), setup)
    assert found == {"GET /x/a": ["Signed authentication", "ValidationPipe validation", "helmet other"]}


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (".forRoutes('*')", True),
        (".forRoutes(X)", True),
        (".forRoutes('x')", True),
        (".forRoutes('x/:id')", True),
        (".forRoutes('y')", False),
        (".forRoutes({ path: 'x/*splat', method: RequestMethod.GET })", True),
        (".forRoutes({ path: 'x/a', method: RequestMethod.POST })", False),
        (".exclude('x/a').forRoutes('*')", False),
        (".exclude({ path: 'x/a', method: RequestMethod.POST }).forRoutes(X)", True),
    ],
)
def test_middleware_that_a_module_binds(guards, bound: str, expected: bool):
    module = "@Module({ controllers: [X] }) export class AppModule { configure(c: MiddlewareConsumer) { c.apply(Sign)BOUND; } }"
    source = (
        "import { MiddlewareConsumer, RequestMethod } from '@nestjs/common';\n"
        "class Sign { use(req, res, next) { if (!req.headers.authorization) throw new UnauthorizedException(); next(); } }\n"
        "@Controller('x') export class X { @Get('a') a() {} }\n" + module.replace("BOUND", bound)
    )
    assert guards(source, "app.setGlobalPrefix('api');") == {"GET /api/x/a": ["Sign authentication"] if expected else []}


STRATEGY = """
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-jwt';
import { Strategy as Key } from 'passport-headerapikey';
@Injectable() export class JwtStrategy extends PassportStrategy(Strategy) {
  async validate(payload) { return await fetch(`http://users/${payload.id}`); }
}
@Injectable() export class KeyStrategy extends PassportStrategy(Key, 'api-key') {
  async validate(key) { return await fetch('http://keys/check'); }
}
"""


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        ("AuthGuard('jwt')", ["call GET http://users/{id}"]),
        ("Jwt", ["call GET http://users/{id}"]),
        ("AuthGuard('api-key')", ["call GET http://keys/check"]),
        ("AuthGuard(['jwt', 'api-key'])", ["call GET http://users/{id}", "call GET http://keys/check"]),
        ("AuthGuard('google')", []),
    ],
)
def test_what_a_strategy_asks_comes_before_the_handler(program, guard: str, expected: list[str]):
    source = STRATEGY + ROUTES.replace("MARKS", f"UseGuards({guard})").replace("PROVIDED", "JwtStrategy, KeyStrategy")
    found = program({"src/main.ts": MAIN.replace("SETUP", ""), "src/app.ts": NEST.replace("CODE", source)})
    assert found.outline("GET /x/a") == "\n".join([*expected, "reply 200"])


def test_paths_that_a_guard_lets_through(guards):
    body = (
        "const { expressjwt } = require('express-jwt');\n"
        "app.use(expressjwt({ secret: 'k', algorithms: ['RS256'] }).unless({ path: ['/token', { url: '/health', methods: ['GET'] }] }));\n"
        f"app.post('/token', {H}); app.get('/health', {H}); app.get('/me', {H});"
    )
    assert guards(EXPRESS.replace("BODY", body)) == {"POST /token": [], "GET /health": [], "GET /me": ["expressjwt authentication"]}
