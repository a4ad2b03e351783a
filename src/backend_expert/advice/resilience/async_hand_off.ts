// The order and the message commit together; a relay publishes with confirms; the consumer acknowledges after the effect, once.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { connect, type ConfirmChannel, type ConsumeMessage } from "amqplib";
import { Pool } from "pg";

const QUEUE = "mail.order-placed";
const DEAD = `${QUEUE}.dead`;
const pool = new Pool({ max: 5, connectionTimeoutMillis: 100 });

/** Accept an order: both rows or neither, and nobody waits for the mail. */
export async function placeOrder(customer: string, cents: number): Promise<string> {
  const id = randomUUID();
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("INSERT INTO orders (id, customer, cents) VALUES ($1, $2, $3)", [id, customer, cents]);
    const body = JSON.stringify({ order: id, customer });
    await client.query("INSERT INTO outbox (id, queue, body) VALUES ($1, $2, $3)", [randomUUID(), QUEUE, body]);
    await client.query("COMMIT");
    return id;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

/** Publish what stands in the outbox; a crash after the confirm sends a message twice, never not at all. */
export async function relay(channel: ConfirmChannel, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { rows } = await pool.query<{ id: string; queue: string; body: string }>(
      "SELECT id, queue, body FROM outbox WHERE sent_at IS NULL ORDER BY position LIMIT 100",
    );
    for (const row of rows) {
      channel.sendToQueue(row.queue, Buffer.from(row.body), { persistent: true, messageId: row.id });
    }
    await channel.waitForConfirms();
    await pool.query("UPDATE outbox SET sent_at = now() WHERE id = ANY($1)", [rows.map((row) => row.id)]);
    if (rows.length === 0) await pause(100);
  }
}

/** Consume with a bound on what is in hand, a limit on deliveries and a place for what cannot be done. */
export async function consume(url: string, send: (customer: string, key: string) => Promise<void>): Promise<void> {
  const channel = await (await connect(url)).createConfirmChannel();
  await channel.assertQueue(DEAD, { durable: true, arguments: { "x-queue-type": "quorum" } });
  await channel.assertQueue(QUEUE, {
    durable: true,
    arguments: {
      "x-queue-type": "quorum", // quorum queues count deliveries themselves
      "x-delivery-limit": 5,
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": DEAD,
    },
  });
  await channel.prefetch(10);
  await channel.consume(QUEUE, (message) => {
    if (message !== null) void handle(channel, message, send);
  });
}

async function handle(
  channel: ConfirmChannel,
  message: ConsumeMessage,
  send: (customer: string, key: string) => Promise<void>,
): Promise<void> {
  const key = String(message.properties.messageId);
  try {
    const { rowCount } = await pool.query("SELECT 1 FROM inbox WHERE id = $1", [key]);
    if (rowCount === 0) {
      const { customer } = JSON.parse(message.content.toString()) as { customer: string };
      await send(customer, key); // the mail service drops a key it has seen: that closes the gap before the next line
      await pool.query("INSERT INTO inbox (id) VALUES ($1) ON CONFLICT DO NOTHING", [key]);
    }
    channel.ack(message);
  } catch {
    channel.nack(message, false, true); // the broker counts it and dead-letters after five
  }
}
