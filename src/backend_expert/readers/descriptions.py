"""Several descriptions of one system: which one is taken, and what the others add to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct, structs

from backend_expert.model import Component, Kind, Text
from backend_expert.readers.fragment import Address, Fragment, StartOrder

VARIANT_RANK = 80
"""From this rank on a description is a variant, a test or an example: never taken while there is another, and it adds nothing."""

SOURCES = "build files"
"""Name of the description that is made of what could be built, where no file describes a deployment."""

_NOTED = 10
"""Most notes of one kind; a repository of examples would fill the page with them."""


class Description(Struct, frozen=True):
    """Everything that the files of one deployment say."""

    name: str
    rank: int
    components: tuple[Component, ...]
    addresses: tuple[Address, ...]
    orders: tuple[StartOrder, ...]

    @property
    def size(self) -> int:
        """Return the number of components that serve requests or keep data; what watches or drives them does not count."""
        return sum(component.kind not in {Kind.PLATFORM, Kind.CLIENT} for component in self.components)


def descriptions(fragments: Sequence[Fragment]) -> list[Description]:
    """Return the deployments that the fragments describe, the most like production first."""
    found: dict[str, Description] = {}
    for fragment in fragments:
        if not fragment.deployment or not (fragment.components or fragment.deployment in found):
            continue
        before = found.get(fragment.deployment)
        if before is None:
            found[fragment.deployment] = Description(
                fragment.deployment, fragment.rank, fragment.components, fragment.addresses, fragment.orders
            )
        else:
            found[fragment.deployment] = Description(
                before.name,
                min(before.rank, fragment.rank),
                before.components + fragment.components,
                before.addresses + fragment.addresses,
                before.orders + fragment.orders,
            )
    return sorted(found.values(), key=lambda each: (each.rank, each.name))


def undeployed(components: tuple[Component, ...]) -> list[Description]:
    """Return the description that stands for the programs of a repository which nothing deploys; none where there is no program."""
    return [Description(SOURCES, VARIANT_RANK, components, (), ())] if components else []


def choose(found: Sequence[Description]) -> tuple[Description, tuple[Description, ...], tuple[Text, ...]]:
    """Return the description that is taken, those that complete it, and the notes that say so.

    The lowest rank wins among those that hold as many components as the largest: a chart for half of the system is not the system.
    Others complete it when most of the smaller one's components stand in both.
    """
    serious = [each for each in found if each.rank < VARIANT_RANK] or list(found)
    largest = max(each.size for each in serious)
    chosen = min((each for each in serious if each.size >= largest), key=lambda each: (each.rank, each.name))
    others = tuple(each for each in serious if each is not chosen and _same_system(chosen, each))
    return chosen, others, tuple(_notes(chosen, others, found))


def completed(chosen: Description, others: Sequence[Description]) -> Description:
    """Return the chosen description with the build directories, the edges and the missing facts that the others know.

    A variable that the chosen description sets itself is never taken from another one.
    """
    components = tuple(
        _completed(component, [each for other in others if (each := _counterpart(component, other)) is not None])
        for component in chosen.components
    )
    addresses = list(stated_addresses(chosen))
    orders = list(chosen.orders)
    known = {(address.owner, address.key) for address in addresses}
    for other in others:
        names = {each.name: component.name for component in components if (each := _counterpart(component, other)) is not None}
        for address in stated_addresses(other):
            owner = names.get(address.owner)
            if owner is not None and (owner, address.key) not in known:
                addresses.append(structs.replace(address, owner=owner))
        for order in other.orders:
            caller, target = names.get(order.component), names.get(order.target)
            if caller is not None and target is not None:
                orders.append(structs.replace(order, component=caller, target=target))
    return structs.replace(chosen, components=components, addresses=tuple(addresses), orders=tuple(orders))


def stated_addresses(description: Description) -> Iterator[Address]:
    """Yield what readers handed over as addresses, then the settings of components that they did not."""
    yield from description.addresses
    known = {(address.owner, address.key) for address in description.addresses}
    for component in description.components:
        for setting in component.settings:
            if (component.name, setting.name) not in known:
                yield Address(owner=component.name, key=setting.name, text=setting.value, evidence=setting.evidence)


def plain_name(name: str) -> str:
    """Return a name for comparing: lower case, letters and digits alone."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _completed(component: Component, counterparts: Sequence[Component]) -> Component:
    """Fill what the chosen description leaves open. Probes and volumes of another deployment are not those of this one."""
    for other in counterparts:
        component = structs.replace(
            component,
            image=component.image or other.image,
            source=component.source or other.source,
        )
    return component


def _counterpart(component: Component, other: Description) -> Component | None:
    wanted = plain_name(component.name)
    return next((each for each in other.components if plain_name(each.name) == wanted), None)


def _same_system(one: Description, other: Description) -> bool:
    mine = {plain_name(component.name) for component in one.components}
    theirs = {plain_name(component.name) for component in other.components}
    return 2 * len(mine & theirs) >= min(len(mine), len(theirs)) > 0


def _notes(chosen: Description, others: Sequence[Description], found: Sequence[Description]) -> Iterator[Text]:
    if chosen.name == SOURCES:
        yield Text(
            "No file that was read describes a deployment: the components are the programs that build files and code describe.",
            "Nenhum arquivo lido descreve uma implantação: os componentes são os programas que os arquivos de build e o código descrevem.",
        )
    if len(found) > 1:
        beside = [each.name for each in found if each is not chosen]
        shown = ", ".join(beside[:_NOTED])
        more = len(beside) - _NOTED
        yield Text(
            f"{len(found)} descriptions of deployments were found. {chosen.name} is described here: it holds the most components "
            f"({chosen.size}) and is the most like production. The others: {shown}" + (f" and {more} more." if more > 0 else "."),
            f"Foram encontradas {len(found)} descrições de implantação. A usada aqui é {chosen.name}: tem mais componentes "
            f"({chosen.size}) e é a mais parecida com produção. As outras: {shown}" + (f" e mais {more}." if more > 0 else "."),
        )
    yield from list(_version_notes(chosen, others))[:_NOTED]


def _version_notes(chosen: Description, others: Sequence[Description]) -> Iterator[Text]:
    """Yield the first disagreement of each component about its version."""
    for component in chosen.components:
        for other in others:
            counterpart = _counterpart(component, other)
            if counterpart is not None and _disagree(component.image, counterpart.image):
                yield Text(
                    f"{component.name} runs {component.image} in {chosen.name} and {counterpart.image} in {other.name}.",
                    f"{component.name} usa {component.image} em {chosen.name} e {counterpart.image} em {other.name}.",
                )
                break


def _disagree(one: str, other: str) -> bool:
    """Tell whether two images are the same product in different versions."""
    if not one or not other or "$" in one + other or "{{" in one + other:
        return False
    name, _, version = one.partition(":")
    other_name, _, other_version = other.partition(":")
    same = name.rpartition("/")[2] == other_name.rpartition("/")[2]
    numbers = [re.match(r"v?(\d+(?:\.\d+)*)", each) for each in (version, other_version)]
    return same and all(numbers) and len({match[1] for match in numbers if match}) > 1
