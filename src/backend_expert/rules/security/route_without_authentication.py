"""Routes that change or show other people's data and ask nobody who they are."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Action, Call, Finding, GuardKind, Operation, Publish, Query, Severity, System, Text, walk
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import effects_behind, methods, writes
from backend_expert.rules.paths import distinct
from backend_expert.rules.security.exposure import ASKED_BY_PEOPLE, checked_at_the_gateway, exposed, has, lacks, path_words
from backend_expert.rules.wording import counted, listed

MEANT_TO_BE_OPEN = frozenset(
    {
        "activate", "callback", "captcha", "confirm", "contact", "forgot", "health", "healthz", "login", "logout", "metrics",
        "newsletter", "oauth", "oauth2", "otp", "password", "ping", "ready", "readyz", "refresh", "register", "registration",
        "reset", "signin", "signup", "sign", "sso", "subscribe", "token", "tokens", "unsubscribe", "verify", "webauthn", "webhook",
        "webhooks",
    }
)  # fmt: skip
"""Words of routes that are open because nobody can be logged in yet, or that are checked by other means (a signature, a code)."""

PEOPLE = frozenset({"customer", "customers", "employee", "employees", "member", "members", "patient", "patients", "user", "users"})
"""Names of tables and of the last word of routes that are about people: reading them shows who they are, posting to them signs up."""


@rule(
    "route-without-authentication",
    code="BE-SEC-001",
    family="security",
    severity=Severity.HIGH,
    en="Route without authentication",
    pt="Rota sem autenticação",
)
def route_without_authentication(system: System) -> Iterator[Finding]:
    """Yield, for each component that can be reached from outside, the open routes that change data or show personal data."""
    outside = exposed(system) - checked_at_the_gateway(system)
    somewhere = any(has(operation, GuardKind.AUTHENTICATION) for operation in system.operations)
    found: dict[str, list[Operation]] = {}
    for operation in system.operations:
        asked = operation.trigger.kind in ASKED_BY_PEOPLE and operation.component in outside
        unasked_for = lacks(operation, GuardKind.AUTHENTICATION) and not _meant_to_be_open(operation)
        if asked and unasked_for and (_changes(system, operation) or _personal(system, operation)):
            found.setdefault(operation.component, []).append(operation)
    for component in sorted(found):
        yield _finding(system, component, found[component], somewhere=somewhere)


def _meant_to_be_open(operation: Operation) -> bool:
    """Tell whether nobody can be logged in yet: a login, a way back into an account, a new account (`POST /users`)."""
    signs_up = methods(operation) == {"POST"} and operation.trigger.name.rstrip("/").rpartition("/")[2].lower() in PEOPLE
    return signs_up or not MEANT_TO_BE_OPEN.isdisjoint(path_words(operation))


def _changes(system: System, operation: Operation) -> bool:
    own = any(writes(step) or isinstance(step, Publish) for step in walk(operation.steps))
    beyond = any(isinstance(step, Call) and effects_behind(system, step.operation) for step in walk(operation.steps))
    return own or (beyond and methods(operation) != {"GET"})


def _personal(system: System, operation: Operation) -> frozenset[str]:
    """Return the datasets about people that an operation reads."""
    personal = {
        dataset.name
        for dataset in system.datasets
        if dataset.table.lower() in PEOPLE or any(column.personal for column in dataset.columns)
    }
    reads = (step for step in walk(operation.steps) if isinstance(step, Query) and step.action is Action.READ)
    return frozenset(step.dataset for step in reads if step.dataset in personal)


def _finding(system: System, component: str, routes: list[Operation], *, somewhere: bool) -> Finding:
    names = [operation.name for operation in routes]
    changing = [operation.name for operation in routes if _changes(system, operation)]
    shown = sorted({dataset for operation in routes for dataset in _personal(system, operation)})
    what_en = [f"{counted(len(changing), 'route changes', 'routes change')} data"] if changing else []
    what_pt = [f"{counted(len(changing), 'rota altera', 'rotas alteram')} dados"] if changing else []
    if shown:
        what_en.append(f"personal data of {listed(shown, 'en', most=3)} can be read")
        what_pt.append(f"dados pessoais de {listed(shown, 'pt', most=3)} podem ser lidos")
    others = (
        Text("Other routes of the system ask for a login; these do not.", "Outras rotas do sistema pedem login; estas não.")
        if somewhere
        else Text(
            "No route of the system that was read asks who is calling.", "Nenhuma rota lida do sistema pergunta quem está chamando."
        )
    )
    return Finding(
        rule="route-without-authentication",
        severity=Severity.HIGH,
        subject=f"{component} open routes",
        components=(component,),
        title=Text(
            f"{counted(len(names), 'route', 'routes')} of `{component}` {'needs' if len(names) == 1 else 'need'} no login: "
            f"{listed(names, 'en', most=3)}",
            f"{counted(len(names), 'rota', 'rotas')} de `{component}` sem login: {listed(names, 'pt', most=3)}",
        ),
        why=Text(
            f"Anybody who reaches `{component}` can call {'it' if len(names) == 1 else 'them'}: {'; '.join(what_en)}. {others.en} "
            f"Guards, middleware and global guards were followed; a proxy in front that checks logins was not found in the files read.",
            f"Qualquer um que alcance `{component}` pode chamar: {'; '.join(what_pt)}. {others.pt} Guards, middlewares e guards "
            f"globais foram seguidos; um proxy na frente que confira logins não foi encontrado nos arquivos lidos.",
        ),
        evidence=distinct(place for operation in routes for place in operation.evidence[:1]),
        confidence=0.85 if somewhere else 0.75,
    )
