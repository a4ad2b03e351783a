"""Logins that can be tried as often as one likes."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Finding, GuardKind, Operation, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import methods
from backend_expert.rules.paths import distinct
from backend_expert.rules.security.exposure import exposed, lacks, path_words
from backend_expert.rules.wording import listed

GUESSED = frozenset({"2fa", "forgot", "login", "otp", "password", "signin"})
"""Words of routes where a secret is guessed, or a message is sent to somebody, for each request."""

ELSEWHERE = frozenset({"apple", "facebook", "github", "google", "microsoft", "oauth", "oauth2", "saml", "sso", "twitter"})
"""Words of routes where another party checks the secret."""

GUESSES_PER_S = 100
"""Answers of one login that a single client gets in a second from one service, a cautious figure for the arithmetic."""


@rule(
    "login-without-throttle",
    code="BE-SEC-007",
    family="security",
    severity=Severity.MEDIUM,
    en="Login without a limit of attempts",
    pt="Login sem limite de tentativas",
)
def login_without_throttle(system: System) -> Iterator[Finding]:
    """Yield, for each component, the routes that take a password or a code and pass no throttling."""
    outside = exposed(system)
    found: dict[str, list[Operation]] = {}
    for operation in system.operations:
        words = path_words(operation) if operation.trigger.kind == "http" and methods(operation) == {"POST"} else frozenset()
        if words & GUESSED and not words & ELSEWHERE and lacks(operation, GuardKind.THROTTLING) and operation.component in outside:
            found.setdefault(operation.component, []).append(operation)
    for component in sorted(found):
        yield _finding(component, found[component])


def _finding(component: str, routes: list[Operation]) -> Finding:
    names = [operation.name for operation in routes]
    return Finding(
        rule="login-without-throttle",
        severity=Severity.MEDIUM,
        subject=f"{component} login",
        components=(component,),
        title=Text(
            f"{listed(names, 'en', most=3)} can be tried without limit",
            f"{listed(names, 'pt', most=3)} {'pode ser tentada' if len(names) == 1 else 'podem ser tentadas'} sem limite",
        ),
        why=Text(
            f"At {GUESSES_PER_S} attempts/s one client tries a list of 10,000 leaked passwords in {10_000 // GUESSES_PER_S} s, and a "
            f"code of six digits is found after {500_000 // GUESSES_PER_S // 60} min on average (500,000 / {GUESSES_PER_S} / 60). Each "
            f"attempt that hashes a password costs processor time besides. A limit at a proxy in front was not found in the files read.",
            f"Com {GUESSES_PER_S} tentativas/s, um cliente testa uma lista de 10.000 senhas vazadas em {10_000 // GUESSES_PER_S} s, e um "
            f"código de seis dígitos cai em {500_000 // GUESSES_PER_S // 60} min em média (500.000 / {GUESSES_PER_S} / 60). Além disso, "
            f"cada tentativa que calcula o hash de uma senha gasta processador. Um limite em um proxy na frente não foi encontrado nos "
            f"arquivos lidos.",
        ),
        evidence=distinct(place for operation in routes for place in operation.evidence[:1]),
        confidence=0.65,
    )
