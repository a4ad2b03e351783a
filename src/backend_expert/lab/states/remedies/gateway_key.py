"""Send a key that the external system recognises."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import Effect, Flow, Invariant, Step, rewrite
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:
    """Make the external system recognise the request, whatever attempt or delivery asks."""
    system = invariant.of.partition(".")[0]

    def change(step: Step) -> Step:
        own = isinstance(step, Effect) and step.external.partition(".")[0] == system and step.key is not None
        return structs.replace(step, key="request") if isinstance(step, Effect) and own else step

    changed = change_handlers(flow, lambda handler: structs.replace(handler, steps=rewrite(handler.steps, change)))
    externals = tuple(structs.replace(each, key="request") if each.name == system else each for each in flow.externals)
    return changed if externals == flow.externals else structs.replace(changed, externals=externals)


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
