"""Messages: what is published where, what is consumed from what, and when it is acknowledged."""

from __future__ import annotations

import pytest

from backend_expert.model import Publish

CHANNEL = """
const amqp = require('amqplib');
const { Pool } = require('pg');
const pool = new Pool();
async function start() {
  const connection = await amqp.connect(process.env.AMQP_URL);
  const channel = await connection.createChannel();
  await channel.assertExchange('shop', 'topic', { durable: true });
  await channel.assertQueue('bills', { durable: true, arguments: { 'x-dead-letter-exchange': 'dead', 'x-delivery-limit': 4 } });
  await channel.bindQueue('bills', 'shop', 'order.*');
  await channel.prefetch(7);
  BODY
}
start();
"""
QUERY = "await pool.query('INSERT INTO bills VALUES (1)');"


@pytest.mark.parametrize(
    ("consume", "acknowledge", "steps"),
    [
        (f"channel.consume('bills', async (m) => {{ {QUERY} channel.ack(m); }});", "after", "insert bills\nack"),
        (f"channel.consume('bills', async (m) => {{ channel.ack(m); {QUERY} }});", "before", "ack\ninsert bills"),
        (f"channel.consume('bills', async (m) => {{ {QUERY} }}, {{ noAck: true }});", "auto", "insert bills"),
        (f"channel.consume('bills', async (m) => {{ {QUERY} }});", None, "insert bills"),
        (
            (
                "channel.consume('bills', (m) => { if (m !== null) void handle(m); });"
                f"async function handle(m) {{ {QUERY} channel.ack(m); }}"
            ),
            "after",
            "insert bills\nack",
        ),
        (
            f"channel.consume('bills', async (m) => {{ try {{ {QUERY} channel.ack(m); }} catch {{ channel.nack(m); }} }});",
            "after",
            "insert bills\nack",
        ),
    ],
)
def test_a_consumer(program, consume: str, acknowledge, steps: str):
    found = program(CHANNEL.replace("BODY", consume))
    trigger = found.handlers["bills"].trigger
    assert found.outline("bills") == steps
    assert trigger.acknowledge == acknowledge
    assert (trigger.concurrency.value, trigger.dead_letter, trigger.maximum_deliveries) == (7, True, 5)
    assert [(each.queue, each.exchange, each.pattern) for each in found.code.bindings] == [("bills", "shop", "order.*")]
    assert [(each.name, each.durable) for each in found.code.queues] == [("bills", True)]
    assert [(each.name, each.kind, each.durable) for each in found.code.exchanges] == [("shop", "topic", True)]


@pytest.mark.parametrize(
    ("options", "dead_letter", "durable"),
    [("", False, True), (", { durable: false }", False, False), (", options", None, None), (", { exclusive: true }", False, False)],
)
def test_what_is_not_said_of_a_queue_stays_open(program, options: str, dead_letter, durable):
    source = CHANNEL.replace(
        "BODY", f"await channel.assertQueue('other'{options}); channel.consume('other', async (m) => {{ {QUERY} }});"
    )
    found = program(source)
    (queue,) = [each for each in found.code.queues if each.name == "other"]
    assert (queue.dead_letter, queue.durable) == (dead_letter, durable)


AMQP = "import amqp from 'amqplib'; const c = await amqp.connect(process.env.AMQP_URL); const ch = await c.createChannel();"


@pytest.mark.parametrize(
    ("before", "body", "expected", "confirmed", "persistent"),
    [
        (AMQP, "ch.publish('shop', 'order.created', Buffer.from('{}'));", "publish shop/order.created", False, False),
        (AMQP, "ch.publish('shop', 'order.created', data, { persistent: true });", "publish shop/order.created", False, True),
        (AMQP, "ch.publish('shop', 'order.created', data, options);", "publish shop/order.created", False, None),
        (AMQP, "ch.sendToQueue('bills', data);", "publish bills", False, False),
        (
            AMQP + "const EVENTS = Object.freeze({ CREATED: 'order.created' });",
            "ch.publish('shop', EVENTS.CREATED, d);",
            "publish shop/order.created",
            False,
            False,
        ),
        (
            AMQP + "enum Event { Created = 'order.created' }",
            "ch.publish('shop', Event.Created, d);",
            "publish shop/order.created",
            False,
            False,
        ),
        (AMQP, "ch.publish('shop', `order.${req.body.kind}`, d);", "publish shop/order.*", False, False),
        (AMQP.replace("createChannel", "createConfirmChannel"), "ch.publish('shop', 'a', d);", "publish shop/a", True, False),
        (
            "import { Kafka } from 'kafkajs'; const p = new Kafka({ brokers: ['kafka:9092'] }).producer();",
            "await p.send({ topic: 'orders', messages: [] });",
            "publish orders",
            True,
            True,
        ),
        (
            "import { Kafka } from 'kafkajs'; const p = new Kafka({ brokers: [process.env.KAFKA] }).producer();",
            "await p.send({ topic: 'orders', acks: 0, messages: [] });",
            "publish orders",
            False,
            True,
        ),
        (
            "import { Queue } from 'bullmq'; const q = new Queue('mail', { connection: { host: 'redis' } });",
            "await q.add('send', {});",
            "publish mail",
            True,
            True,
        ),
        (
            "import { Redis } from 'ioredis'; const r = new Redis('redis://c');",
            "await r.publish('news', '{}');",
            "publish news",
            False,
            False,
        ),
    ],
)
def test_what_is_published(handler, before: str, body: str, expected: str, confirmed, persistent):
    found = handler(body, before)
    assert found.outline("POST /x") == f"{expected}\nreply 200"
    (publish,) = found.steps("POST /x", Publish)
    assert (publish.confirmed, publish.persistent) == (confirmed, persistent)


def test_consumers_of_kafka_and_of_jobs(program):
    found = program(
        """
        const { Kafka } = require('kafkajs');
        const { Worker } = require('bullmq');
        const { Pool } = require('pg');
        const pool = new Pool();
        const consumer = new Kafka({ brokers: ['kafka:9092'] }).consumer({ groupId: 'billing' });
        async function start() {
          await consumer.subscribe({ topics: ['orders', 'refunds'] });
          await consumer.run({ eachMessage: async ({ message }) => { await pool.query('INSERT INTO bills VALUES (1)'); } });
        }
        start();
        new Worker('mail', async (job) => { await fetch('http://mail/send', { method: 'POST' }); }, { concurrency: 3, connection: {} });
        """
    )
    assert {name: each.trigger.group for name, each in found.handlers.items()} == {
        "orders": "billing",
        "refunds": "billing",
        "mail": "mail",
    }
    assert found.outline("orders") == "insert bills"
    assert found.outline("mail") == "call POST http://mail/send"
    assert found.handlers["mail"].trigger.concurrency.value == 3
    assert {each.trigger.acknowledge for each in found.handlers.values()} == {"after"}


def test_a_channel_that_is_called_after_a_class(program):
    found = program(
        {
            "src/server.ts": """
                import express from 'express';
                import { OrderPlaced } from './events';
                import { Bus } from './bus';
                const bus = new Bus();
                const app = express();
                app.post('/orders', async (req, res) => { await bus.publish(new OrderPlaced(1)); res.end(); });
                app.listen(80);
            """,
            "src/events.ts": "export class OrderPlaced { constructor(readonly id: number) {} }",
            "src/bus.ts": """
                import * as amqp from 'amqplib';
                import { snakeCase } from 'lodash';
                export class Bus {
                  private async channel() { return (await amqp.connect(process.env.AMQP_URL)).createChannel(); }
                  async publish<T>(message: T): Promise<void> {
                    const exchange = snakeCase(message.constructor.name);
                    const channel = await this.channel();
                    await channel.assertExchange(exchange, 'fanout', { durable: false });
                    channel.publish(exchange, '', Buffer.from(JSON.stringify(message)));
                  }
                }
            """,
        }
    )
    (publish,) = found.steps("POST /orders", Publish)
    (target,) = [each for each in found.code.targets if each.key == publish.topic]
    assert (target.exchange, target.channel) == ("order_placed", "")
    assert [(each.name, each.kind, each.durable) for each in found.code.exchanges] == [("order_placed", "fanout", False)]
