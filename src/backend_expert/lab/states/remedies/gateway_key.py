"""Send a key that the external system recognises."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import Flow, Invariant
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:
    """Make the external system recognise the request, whatever attempt or delivery asks."""
    system = invariant.of.partition(".")[0]
    externals = tuple(structs.replace(each, key="request") if each.name == system else each for each in flow.externals)
    return flow if externals == flow.externals else structs.replace(flow, externals=externals)


REMEDY = Remedy(
    id="gateway-key",
    title=Text("Idempotency key at the external system", "Chave de idempotência no sistema externo"),
    closes=("double-effect",),
    cost=1,
    does_not_fix=Text(
        "Duplicates everywhere else. A key made anew for each attempt is no key: it must come from the request.",
        "Duplicatas em todo o resto. Uma chave gerada a cada tentativa não é chave: ela tem de vir da requisição.",
    ),
    when_not=Text(
        "Only where the provider stores keys at least as long as your messages can be redelivered.",
        "Só onde o provedor guarda as chaves por pelo menos o tempo em que suas mensagens podem ser reentregues.",
    ),
    apply=apply,
)
