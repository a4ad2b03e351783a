"""Find the lost event, the double charge, the seat sold twice; and show whether a change removes them.

A flow in fifteen lines::

    flow = Flow(
        name="place-order",
        tables=(Table("orders.order", (Column("status", ("PENDING", "PAID")),)),),
        topics=(Topic("order.created"),),
        externals=(External("gateway"),),
        handlers=(
            Handler("orders.create", (Insert("orders.order", (("status", "PENDING"),)), Publish("order.created"), Reply(201))),
            Handler("payment.charge", (Effect("gateway.charge"), Ack()), consumes="order.created"),
        ),
        invariants=(Invariant("lost-event", "order.created"), Invariant("double-effect", "gateway.charge")),
    )
    verdict = explore(flow)
    for answer in verdict.answers:
        print(answer.name, sentence(answer, verdict.bounds))
"""

from backend_expert.lab.states.explore import explore, explore_deeper, prepared
from backend_expert.lab.states.flow import (
    Ack,
    Bounds,
    Branch,
    CacheGet,
    CachePut,
    Call,
    Column,
    Compensate,
    Delete,
    Effect,
    External,
    Fail,
    Flow,
    FlowError,
    Handler,
    Insert,
    Invariant,
    Lock,
    Observe,
    Parallel,
    Publish,
    Read,
    Repeat,
    Reply,
    Step,
    Stop,
    Table,
    Topic,
    Transaction,
    UpdateWhere,
    Write,
)
from backend_expert.lab.states.flow_file import is_flow, parse_flow, read_flow
from backend_expert.lab.states.plan import Plan, Rung, plan
from backend_expert.lab.states.recover import flows_of
from backend_expert.lab.states.repair import Repair
from backend_expert.lab.states.verdict import Answer, Change, Event, History, Verdict, sentence

__all__ = [
    "Ack",
    "Answer",
    "Bounds",
    "Branch",
    "CacheGet",
    "CachePut",
    "Call",
    "Change",
    "Column",
    "Compensate",
    "Delete",
    "Effect",
    "Event",
    "External",
    "Fail",
    "Flow",
    "FlowError",
    "Handler",
    "History",
    "Insert",
    "Invariant",
    "Lock",
    "Observe",
    "Parallel",
    "Plan",
    "Publish",
    "Read",
    "Repair",
    "Repeat",
    "Reply",
    "Rung",
    "Step",
    "Stop",
    "Table",
    "Topic",
    "Transaction",
    "UpdateWhere",
    "Verdict",
    "Write",
    "explore",
    "explore_deeper",
    "flows_of",
    "is_flow",
    "parse_flow",
    "plan",
    "prepared",
    "read_flow",
    "sentence",
]
