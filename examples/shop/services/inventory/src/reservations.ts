import { pool } from './database';
import * as stock from './stock';

export interface Line {
  productId: string;
  quantity: number;
}

export class OutOfStock extends Error {
  constructor(readonly productId: string) {
    super(`not enough of product ${productId} is left`);
  }
}

/** Takes the lines of an order out of the stock; throws OutOfStock when one of them cannot be served. */
export async function reserve(orderId: string, lines: Line[]): Promise<void> {
  for (const line of lines) {
    const current = await stock.find(line.productId);
    if (current === undefined || current.available < line.quantity) {
      await release(orderId);
      throw new OutOfStock(line.productId);
    }
    await stock.save({ ...current, available: current.available - line.quantity });
    await pool.query('INSERT INTO reservations (order_id, product_id, quantity) VALUES ($1, $2, $3)', [
      orderId,
      line.productId,
      line.quantity,
    ]);
  }
}

/** Gives the lines of an order back; an order without reservations is no error. */
export async function release(orderId: string): Promise<void> {
  await pool.query(
    `WITH freed AS (DELETE FROM reservations WHERE order_id = $1 RETURNING product_id, quantity)
     UPDATE stock SET available = available + freed.quantity, updated_at = now()
       FROM freed WHERE stock.product_id = freed.product_id`,
    [orderId],
  );
}
