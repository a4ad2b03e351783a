// The order and its event are rows of one transaction; the relay publishes with confirms and marks what the broker has.
import { setTimeout as pause } from "node:timers/promises";
import type { ConfirmChannel } from "amqplib";
import { Pool } from "pg";

const EXCHANGE = "orders";
const RELAY_LOCK = 7_140_001; // any number of our own: one relay at a time
const pool = new Pool({ max: 5, connectionTimeoutMillis: 200, statement_timeout: 2_000 });

/** Place an order: both rows or neither. */
export async function placeOrder(customer: string, cents: number): Promise<string> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const { rows } = await client.query<{ id: string }>(
      "INSERT INTO orders (customer, cents) VALUES ($1, $2) RETURNING id",
      [customer, cents],
    );
    const id = rows[0]?.id;
    if (id === undefined) throw new Error("the insert of the order gave no id");
    const body = JSON.stringify({ order: id, customer, cents });
    await client.query("INSERT INTO outbox (topic, key, body) VALUES ('order.created', $1, $2)", [id, body]);
    await client.query("COMMIT");
    return id;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

interface Waiting {
  position: string;
  id: string;
  topic: string;
  body: unknown;
}

/** Publish what waits, in order, until told to stop; a crash in between sends a message twice, never not at all. */
export async function relay(channel: ConfirmChannel, signal: AbortSignal): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("SELECT pg_advisory_lock($1)", [RELAY_LOCK]);
    while (!signal.aborted) {
      const { rows } = await client.query<Waiting>(
        "SELECT position, id, topic, body FROM outbox WHERE sent_at IS NULL ORDER BY position LIMIT 100",
      );
      for (const row of rows) {
        channel.publish(EXCHANGE, row.topic, Buffer.from(JSON.stringify(row.body)), { persistent: true, messageId: row.id });
      }
      await channel.waitForConfirms();
      await client.query("UPDATE outbox SET sent_at = now() WHERE position = ANY($1)", [rows.map((row) => row.position)]);
      if (rows.length === 0) await pause(100);
    }
  } finally {
    client.release(true); // closing the connection gives the advisory lock back
  }
}
