// The key is stored in the transaction of the effect: a repeat finds it and gets the first answer.
import { createHash } from "node:crypto";
import { UnprocessableEntityException } from "@nestjs/common";
import { Pool, type PoolClient } from "pg";

const pool = new Pool({ max: 10, connectionTimeoutMillis: 200, statement_timeout: 2_000 });

interface Stored {
  request_hash: Buffer;
  answer: unknown;
}

/** Do the work of a request once, however often it comes; a second one at the same time waits for the first to commit. */
export async function once(key: string, request: unknown, work: (client: PoolClient) => Promise<unknown>): Promise<unknown> {
  const hash = createHash("sha256").update(JSON.stringify(request)).digest();
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const inserted = await client.query(
      "INSERT INTO idempotency_key (key, request_hash) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",
      [key, hash],
    );
    if (inserted.rowCount === 0) {
      const { rows } = await client.query<Stored>("SELECT request_hash, answer FROM idempotency_key WHERE key = $1", [key]);
      await client.query("COMMIT");
      const [stored] = rows;
      if (stored === undefined || !stored.request_hash.equals(hash)) {
        throw new UnprocessableEntityException("this key belongs to another request");
      }
      return stored.answer;
    }
    const answer = await work(client);
    await client.query("UPDATE idempotency_key SET answer = $2 WHERE key = $1", [key, JSON.stringify(answer)]);
    await client.query("COMMIT");
    return answer;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

/** Charge for an order: the key comes from our own row, so that it is the same in every attempt and after a restart. */
export async function charge(order: string, cents: number, timeoutMs: number): Promise<Response> {
  return fetch("https://payments.example/charges", {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": `order-${order}-charge` },
    body: JSON.stringify({ order, cents }),
    signal: AbortSignal.timeout(timeoutMs),
  });
}
