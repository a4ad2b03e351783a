"""Give up on what stays too long: a job moves rows that wait to an end."""

from __future__ import annotations

from msgspec import structs

from backend_expert.lab.states.flow import Flow, Handler, Invariant, Step, UpdateWhere, Write, rewrite
from backend_expert.lab.states.remedies.catalogue import Remedy
from backend_expert.lab.states.remedies.programs import change_handlers
from backend_expert.model import Text


def apply(flow: Flow, invariant: Invariant) -> Flow:
    """Add a job for the waiting states, and make later writes of the status check that it still waits."""
    table, _, name = invariant.of.rpartition(".")
    column = next((c for t in flow.tables if t.name == table for c in t.columns if c.name == name), None)
    if column is None or not invariant.values:
        return flow
    ends = [value for value in column.values if value not in invariant.values]
    handler_name = f"{table.partition('.')[0]}.expiry"
    if not ends or any(handler.name == handler_name for handler in flow.handlers):
        return flow
    waits = " or ".join(f"{name} = {value}" for value in invariant.values)

    def change(step: Step) -> Step:
        if isinstance(step, Write) and step.column == invariant.of:
            return UpdateWhere(table, waits, ((name, step.value),), (), evidence=step.evidence)
        return step

    checked = change_handlers(flow, lambda handler: structs.replace(handler, steps=rewrite(handler.steps, change)))
    sweeps = " or ".join(f"{invariant.of} = {value}" for value in invariant.values)
    job = Handler(handler_name, (UpdateWhere(table, waits, ((name, ends[-1]),), ()),), sweeps=sweeps)
    return structs.replace(checked, handlers=(*checked.handlers, job))


REMEDY = Remedy(
    id="expiry",
    title=Text("Reservation with expiry", "Reserva com expiração"),
    closes=("stuck",),
    cost=2,
    does_not_fix=Text(
        "The event stays lost; the customer is told no instead of nothing. A late confirmation after the expiry must check the status.",
        "O evento continua perdido; o cliente recebe um não em vez de nada. Uma confirmação depois da expiração precisa checar o status.",
    ),
    when_not=Text(
        "Leave it where nothing may be given up, such as a payment already taken; there use an outbox.",
        "Dispense onde nada pode ser abandonado, como um pagamento já feito; aí use outbox.",
    ),
    apply=apply,
)
