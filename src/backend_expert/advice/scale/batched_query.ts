// The lines of many orders in one statement, also when the callers ask for them one by one (the idea of DataLoader, in 20 lines).
import { Pool } from "pg";

export interface Line {
  readonly order_id: string;
  readonly product_id: string;
  readonly quantity: number;
}

const pool = new Pool({ max: 10, connectionTimeoutMillis: 100 });
const LARGEST_BATCH = 500;

type Waiter = { resolve: (lines: Line[]) => void; reject: (reason: unknown) => void };

/** Collect what is asked for in one turn of the event loop; make one loader for each request, so that nothing is cached across users. */
export class LinesOfOrders {
  #waiting = new Map<string, Waiter[]>();

  load(order: string): Promise<Line[]> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.size === 0) setImmediate(() => void this.#flush());
      this.#waiting.set(order, [...(this.#waiting.get(order) ?? []), { resolve, reject }]);
    });
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = new Map();
    const orders = [...batch.keys()];
    for (let start = 0; start < orders.length; start += LARGEST_BATCH) {
      const part = orders.slice(start, start + LARGEST_BATCH);
      try {
        const lines = await linesOf(part);
        for (const order of part) for (const each of batch.get(order) ?? []) each.resolve(lines.get(order) ?? []);
      } catch (error) {
        for (const order of part) for (const each of batch.get(order) ?? []) each.reject(error);
      }
    }
  }
}

async function linesOf(orders: string[]): Promise<Map<string, Line[]>> {
  const { rows } = await pool.query<Line>(
    "SELECT order_id, product_id, quantity FROM line WHERE order_id = ANY($1) ORDER BY order_id, product_id",
    [orders],
  );
  const grouped = new Map<string, Line[]>();
  for (const row of rows) grouped.set(row.order_id, [...(grouped.get(row.order_id) ?? []), row]);
  return grouped;
}
