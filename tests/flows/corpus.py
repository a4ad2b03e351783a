"""The seeded corpus: twelve classes of anomaly in five flows, each broken, repaired, and right in a way that looks wrong.

A template tells one pattern; a flow lends it its words and a prelude of its own (a read, an insert, a call to an external system, a
call to another service), whose steps lengthen every history by a known number. The first line of a template says what must be
found.
"""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from msgspec import Struct

HERE = Path(__file__).parent
KINDS = ("bad", "fixed", "tricky-good")
CLASSES = tuple(sorted({path.name.split(".")[0] for path in HERE.glob("*.yaml")}))


class Words(Struct, frozen=True, kw_only=True):
    """What a flow calls its things, and what it does before its first own step."""

    entry: str
    store: str
    row: str
    made: str
    done: str
    failed: str
    topic: str
    consumer: str
    system: str
    effect: str
    pool: str
    thing: str
    left: str
    prelude: str = ""
    prelude_steps: int = 0
    stores: str = ""
    external: str = ""
    handlers: str = ""


FLOWS = {
    "order": Words(
        entry="orders.create",
        store="orders",
        row="order",
        made="PENDING",
        done="PAID",
        failed="CANCELLED",
        topic="order.created",
        consumer="payment.charge",
        system="gateway",
        effect="charge",
        pool="stock",
        thing="item",
        left="qty",
    ),
    "booking": Words(
        entry="trips.book",
        store="trips",
        row="booking",
        made="HELD",
        done="CONFIRMED",
        failed="EXPIRED",
        topic="booking.held",
        consumer="tickets.issue",
        system="airline",
        effect="ticket",
        pool="flights",
        thing="seat",
        left="free",
        prelude="- read: {from: airports.gate.number, into: gate}",
        prelude_steps=1,
        stores="airports: {tables: {gate: {number: {init: 1}}}}",
    ),
    "transfer": Words(
        entry="ledger.transfer",
        store="ledger",
        row="transfer",
        made="REQUESTED",
        done="POSTED",
        failed="REJECTED",
        topic="transfer.requested",
        consumer="core.post",
        system="bank",
        effect="wire",
        pool="accounts",
        thing="account",
        left="balance",
        prelude="- insert: audit.entry",
        prelude_steps=1,
        stores="audit: {tables: {entry: {key: id}}}",
    ),
    "signup": Words(
        entry="users.register",
        store="users",
        row="user",
        made="NEW",
        done="ACTIVE",
        failed="CLOSED",
        topic="user.registered",
        consumer="mail.welcome",
        system="mailer",
        effect="send",
        pool="plans",
        thing="invite",
        left="remaining",
        prelude="- external: captcha.check",
        prelude_steps=1,
        external=", captcha: {timeout: known-outcome}",
    ),
    "subscription": Words(
        entry="billing.renew",
        store="billing",
        row="renewal",
        made="DUE",
        done="RENEWED",
        failed="LAPSED",
        topic="renewal.due",
        consumer="invoices.collect",
        system="card",
        effect="debit",
        pool="licences",
        thing="licence",
        left="unused",
        prelude="- call: prices.lookup",
        prelude_steps=4,
        stores="prices: {tables: {price: {amount: {init: 1}}}}",
        handlers="- {at: prices.lookup, called: true, do: [{read: {from: prices.price.amount, into: p}}, {reply: 200}]}",
    ),
}


class Expected(Struct, frozen=True):
    """What a template promises: `depth` is `None` where nothing may be found."""

    depth: int | None
    faults: tuple[tuple[str, int], ...]


def text_of(anomaly: str, kind: str, flow: str) -> str:
    """Return the YAML of one model."""
    words = FLOWS[flow]
    template = Template((HERE / f"{anomaly}.{kind}.yaml").read_text(encoding="utf-8"))
    return template.substitute({name: getattr(words, name) for name in Words.__struct_fields__}, flow=flow)


def expected(anomaly: str, kind: str, flow: str) -> Expected:
    """Return what the first line of a template says, with the steps of the flow's prelude added for each time it runs."""
    first = (HERE / f"{anomaly}.{kind}.yaml").read_text(encoding="utf-8").partition("\n")[0]
    if first == "# expect: none":
        return Expected(None, ())
    found = re.fullmatch(r"# expect: (\d+) steps and (\d) preludes?(?:, (\w+) 1)?", first)
    assert found is not None, first
    depth = int(found[1]) + int(found[2]) * FLOWS[flow].prelude_steps
    return Expected(depth, ((found[3], 1),) if found[3] else ())
