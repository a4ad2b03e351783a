import { pool } from './database';

export interface StockRow {
  productId: string;
  available: number;
}

export async function findAll(): Promise<StockRow[]> {
  const { rows } = await pool.query<StockRow>('SELECT product_id AS "productId", available FROM stock ORDER BY product_id');
  return rows;
}

export async function find(productId: string): Promise<StockRow | undefined> {
  const { rows } = await pool.query<StockRow>(
    'SELECT product_id AS "productId", available FROM stock WHERE product_id = $1',
    [productId],
  );
  return rows[0];
}

export async function save(stock: StockRow): Promise<void> {
  await pool.query(
    `INSERT INTO stock (product_id, available) VALUES ($1, $2)
     ON CONFLICT (product_id) DO UPDATE SET available = excluded.available, updated_at = now()`,
    [stock.productId, stock.available],
  );
}
