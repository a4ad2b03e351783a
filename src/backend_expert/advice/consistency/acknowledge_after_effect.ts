// The message is acknowledged when its effect has committed; the inbox makes a second delivery harmless.
import type { Channel, ConsumeMessage } from "amqplib";
import { Pool, type PoolClient } from "pg";

const QUEUE = "shipping.order-paid";
const pool = new Pool({ max: 10, connectionTimeoutMillis: 200, statement_timeout: 2_000 });

/** Consume with a bound on what is in hand; nothing is acknowledged before `effect` has committed. */
export async function consume(channel: Channel, effect: (client: PoolClient, body: unknown) => Promise<void>): Promise<void> {
  await channel.prefetch(10);
  await channel.consume(
    QUEUE,
    (message) => {
      if (message !== null) void handle(channel, message, effect);
    },
    { noAck: false },
  );
}

async function handle(
  channel: Channel,
  message: ConsumeMessage,
  effect: (client: PoolClient, body: unknown) => Promise<void>,
): Promise<void> {
  try {
    await inOneTransaction(async (client) => {
      const id = String(message.properties.messageId);
      const first = await client.query("INSERT INTO inbox (id) VALUES ($1) ON CONFLICT DO NOTHING", [id]);
      if (first.rowCount === 1) await effect(client, JSON.parse(message.content.toString()));
    });
    channel.ack(message);
  } catch {
    channel.nack(message, false, true); // the delivery limit of the queue ends this
  }
}

async function inOneTransaction(work: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await work(client);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}
