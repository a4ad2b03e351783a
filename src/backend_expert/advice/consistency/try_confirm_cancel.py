"""Give up on what stays too long: a job moves rows that wait to an end."""

from __future__ import annotations

from msgspec import structs

from backend_expert.advice.catalogue import flow_remedy
from backend_expert.advice.flows import change_steps
from backend_expert.lab.states.flow import Flow, Handler, Invariant, Step, UpdateWhere, Write


@flow_remedy(
    "try-confirm-cancel",
    en="Reserve first, confirm last, give up what waits too long",
    pt="Reserve primeiro, confirme por último, desista do que espera demais",
    closes=("stuck",),
    effort="days",
)
def try_confirm_cancel(flow: Flow, invariant: Invariant) -> Flow:
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

    checked = change_steps(flow, change)
    sweeps = " or ".join(f"{invariant.of} = {value}" for value in invariant.values)
    job = Handler(handler_name, (UpdateWhere(table, waits, ((name, ends[-1]),), ()),), sweeps=sweeps)
    return structs.replace(checked, handlers=(*checked.handlers, job))
