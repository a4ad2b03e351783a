"""Settings with their secrets taken out: what a variable is for stays, what it protects never enters the model."""

from __future__ import annotations

import hashlib
import re

from backend_expert.model import Evidence, Setting

LENGTH_LIMIT = 2_048
"""Longest value that is kept, in characters: longer ones are certificates and embedded files, never addresses."""

_SECRET_PART = re.compile(
    r"passw(or)?d|passphrase|secret|token|credential|api_?key|access_?key|private_?key|encryption_?key|signing_?key|account_?key",
    re.IGNORECASE,
)


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set: how the tables of names in this package are written."""
    return frozenset(text.split())


_SECRET_WORDS = words("key keys pass pwd salt auth pat")
_ABOUT_A_SECRET = words(
    "url uri endpoint host hostname addr address port service name id type algorithm issuer audience header prefix length size "
    "ttl expiry expires expiration in seconds minutes hours days ms enabled"
)
_SWITCH_WORDS = words("allow enable enabled disable disabled require required random use empty")
_SECRET_VALUE = re.compile(
    r"-----BEGIN |\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}|\bxox[abprs]-|\b[sr]k_live_\w{8,}|\beyJ[\w-]{10,}\.[\w-]{10,}\."
)
"""Forms that are secrets whatever they are called: PEM blocks and the published prefixes of AWS, GitHub, Slack, Stripe and JWT."""

_REFERENCE = re.compile(r"\$\{[^{}]*\}|\$\([^()]*\)|\$\w+")
_URL_CREDENTIALS = re.compile(r"://([^:/@\s,]*):(?!\d{1,5}(?:[/,?\s]|$))([^\s]*?)@(?![^/,\s]*@)")
_URL_TOKEN = re.compile(r"(https?://)([^:/@\s,]+)@")
_BARE_CREDENTIALS = re.compile(r"^([^:@/\s]+):([^@\s]+)@(?=[\w\[(.-])")
_PAIR_CREDENTIALS = re.compile(
    r"\b(password|pwd|passwd|sharedaccesskey|accountkey|access_token|api_?key|secret)(\s*=\s*)([^;,&\s]+)", re.IGNORECASE
)


def setting(name: str, value: str, evidence: tuple[Evidence, ...]) -> Setting:
    """Return the setting with every secret in it replaced by a mark.

    The whole value goes where the name says that it is a secret; in an address or connection string only the credentials go, so
    that host and database stay readable. A reference (`${DB_PASSWORD}`) is no secret and stays.
    """
    if is_secret(name, value):
        return Setting(name=name, value=value if _only_reference(value) else mark(value), secret=True, evidence=evidence)
    if len(value) > LENGTH_LIMIT:
        return Setting(name=name, value=f"<{len(value)} characters>", evidence=evidence)
    cleaned = without_credentials(value)
    return Setting(name=name, value=cleaned, secret=cleaned != value, evidence=evidence)


def is_secret(name: str, value: str) -> bool:
    """Tell whether the value of a variable is a secret: by the name, or because it has the form of one."""
    if not value:
        return False
    if _SECRET_VALUE.search(value[:LENGTH_LIMIT]):
        return True
    parts = name_words(name)
    if parts and parts[-1] in {"file", "path", "dir"} and value.startswith(("/", "./")):
        return False
    if _SWITCH_WORDS & set(parts) and value.lower() in {"true", "false", "yes", "no", "on", "off", "1", "0"}:
        return False
    if parts and parts[-1] in _ABOUT_A_SECRET:
        return False
    return bool(_SECRET_PART.search(name)) or bool(parts and parts[-1] in _SECRET_WORDS)


def without_credentials(value: str) -> str:
    """Return an address or connection string with its passwords replaced by marks."""

    def url(match: re.Match[str]) -> str:
        return f"://{match[1]}:{_kept(match[2])}@"

    def pair(match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]}{_kept(match[3])}"

    value = _URL_CREDENTIALS.sub(url, value)
    value = _URL_TOKEN.sub(lambda match: f"{match[1]}{_kept(match[2])}@", value)
    if "://" not in value:
        value = _BARE_CREDENTIALS.sub(lambda match: f"{match[1]}:{_kept(match[2])}@", value)
    return _PAIR_CREDENTIALS.sub(pair, value)


def mark(value: str) -> str:
    """Return the mark that stands for a secret: equal secrets get equal marks, so reuse stays visible."""
    return f"<secret:{hashlib.sha256(value.encode()).hexdigest()[:8]}>"


def name_words(name: str) -> tuple[str, ...]:
    """Return the words of a variable's name in lower case: `dbHost`, `DB_HOST`, `db.host` and `db-host` all give `db`, `host`."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return tuple(word for word in re.split(r"[^A-Za-z0-9]+", split.lower()) if word)


def _kept(value: str) -> str:
    return value if not value or _only_reference(value) or value.startswith("<secret:") else mark(value)


def _only_reference(value: str) -> bool:
    """Tell whether a value is one reference without a default: a default would be a committed secret."""
    match = _REFERENCE.fullmatch(value)
    return match is not None and not re.search(r":?[-+?=]", value)
