// Take from the stock in one statement; the number of changed rows is the answer.
import { ConflictException } from "@nestjs/common";
import { Pool } from "pg";

const pool = new Pool({ max: 10, connectionTimeoutMillis: 200, statement_timeout: 1_000 });

/** Reserve pieces of a product, or say that they are gone; the reservation and the stock change together. */
export async function reserve(order: string, product: string, pieces: number): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const taken = await client.query("UPDATE stock SET qty = qty - $2 WHERE product = $1 AND qty >= $2", [product, pieces]);
    if (taken.rowCount !== 1) throw new ConflictException(`${product} is sold out`);
    await client.query("INSERT INTO reservation (order_id, product, qty) VALUES ($1, $2, $3)", [order, product, pieces]);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}
