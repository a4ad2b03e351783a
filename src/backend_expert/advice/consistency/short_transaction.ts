// Ask first, then write: the transaction holds its connection for two inserts and not for somebody else's answer.
import { randomUUID } from "node:crypto";
import { BadGatewayException, Injectable } from "@nestjs/common";
import { Pool, type PoolClient } from "pg";

const pool = new Pool({ max: 10, connectionTimeoutMillis: 100 });

async function inTransaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    // what slips in here and waits is ended by PostgreSQL itself
    await client.query("SET LOCAL idle_in_transaction_session_timeout = '1s'");
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

async function quote(country: string): Promise<number> {
  const url = `http://shipping:8080/quotes/${encodeURIComponent(country)}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(300) });
  if (!response.ok) throw new BadGatewayException(`shipping answered ${response.status}`);
  const { cents } = (await response.json()) as { cents: number };
  return cents;
}

@Injectable()
export class Orders {
  /** Place an order; `shipping` is asked before the transaction begins, and told by the outbox after it has committed. */
  async place(customer: string, country: string): Promise<string> {
    const shippingCents = await quote(country);
    const id = randomUUID();
    await inTransaction(async (client) => {
      const order = [id, customer, shippingCents];
      await client.query("INSERT INTO orders (id, customer, shipping_cents) VALUES ($1, $2, $3)", order);
      const event = [randomUUID(), "order.placed", JSON.stringify({ order: id })];
      await client.query("INSERT INTO outbox (id, topic, body) VALUES ($1, $2, $3)", event);
    });
    return id;
  }
}
