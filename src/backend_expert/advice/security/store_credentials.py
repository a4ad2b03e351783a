"""Switch authentication on, with an account for each service."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import remedy
from backend_expert.advice.place import component_of
from backend_expert.model import Component, Finding, Setting, System, replace_component

CREDENTIALS = {
    # Settings that let everybody in, and the setting of the same image that names the file or value of a credential instead.
    "POSTGRES_HOST_AUTH_METHOD": "POSTGRES_PASSWORD_FILE",
    "MYSQL_ALLOW_EMPTY_PASSWORD": "MYSQL_ROOT_PASSWORD_FILE",
    "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD": "MARIADB_ROOT_PASSWORD_FILE",
    "ALLOW_EMPTY_PASSWORD": "",
    "ALLOW_PLAINTEXT_LISTENER": "",
    "ALLOW_ANONYMOUS_LOGIN": "",
    "XPACK.SECURITY.ENABLED": "",
    "PLUGINS.SECURITY.DISABLED": "",
    "DISABLE_SECURITY_PLUGIN": "",
    "NEO4J_AUTH": "NEO4J_AUTH_FILE",
    "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "",
}
"""Without a setting to take its place, authentication is on by leaving the setting out (the images' pages, as the rule cites them)."""

OPEN_VALUES = frozenset({"1", "none", "true", "trust", "yes"})
OPEN_WHEN_OFF = frozenset({"XPACK.SECURITY.ENABLED"})


@remedy(
    "store-credentials",
    en="Switch authentication on, with an account for each service",
    pt="Ligue a autenticação, com uma conta para cada serviço",
    addresses=("datastore-without-authentication",),
    considers=("security",),
    effort="hours",
)
def store_credentials(system: System, finding: Finding, peak: float) -> System:  # noqa: ARG001 - an open door needs no load
    """Return the system in which the finding's stores have no setting that lets everybody in, and take their password from a file."""
    changed = system
    for name in finding.components:
        component = component_of(changed, name)
        if component is not None and any(_open(each) for each in component.settings):
            changed = replace_component(changed, structs.replace(component, settings=_closed(component)))
    return changed


def _open(setting: Setting) -> bool:
    name, value = setting.name.upper(), setting.value.strip().lower()
    return name in CREDENTIALS and (value == "false" if name in OPEN_WHEN_OFF else value in OPEN_VALUES)


def _closed(component: Component) -> tuple[Setting, ...]:
    kept = [each for each in component.settings if not _open(each)]
    named = {each.name for each in kept}
    for each in component.settings:
        credential = CREDENTIALS.get(each.name.upper(), "") if _open(each) else ""
        if credential and credential not in named:
            kept.append(Setting(name=credential, value=f"<secret:{component.name}/password>", secret=True))
            named.add(credential)
    return tuple(kept)
