"""Publish from the stream of changes that the store keeps anyway."""

from __future__ import annotations

from backend_expert.advice.catalogue import flow_remedy
from backend_expert.advice.consistency.outbox import stored_with_the_row
from backend_expert.lab.states import Flow, Invariant


@flow_remedy(
    "change-data-capture",
    en="Publish from the database's own stream of changes",
    pt="Publique a partir do fluxo de mudanças do próprio banco",
    closes=("lost-event", "phantom-event", "stuck", "half-compensated"),
    effort="weeks",
)
def change_data_capture(flow: Flow, invariant: Invariant) -> Flow:
    """Let the commit of the row be the event: a connector reads it from the log of the store and publishes it."""
    return stored_with_the_row(flow, invariant, "cdc")
