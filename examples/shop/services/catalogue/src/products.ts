import { pool } from './database';

export interface Product {
  id: string;
  name: string;
  description: string;
  category: string;
  price: number;
}

export interface Review {
  author: string;
  stars: number;
  body: string;
}

const COLUMNS = 'id, name, description, category, price';

export async function findPage(category: string | undefined, page: number, size: number): Promise<Product[]> {
  const { rows } = await pool.query<Product>(
    `SELECT ${COLUMNS} FROM products
      WHERE $1::text IS NULL OR category = $1
      ORDER BY name, id
      LIMIT $2 OFFSET $3`,
    [category ?? null, size, (page - 1) * size],
  );
  return rows;
}

export async function countProducts(category: string | undefined): Promise<number> {
  const { rows } = await pool.query<{ total: number }>(
    'SELECT count(*)::int AS total FROM products WHERE $1::text IS NULL OR category = $1',
    [category ?? null],
  );
  return rows[0]?.total ?? 0;
}

export async function findProduct(id: string): Promise<Product | undefined> {
  const { rows } = await pool.query<Product>(`SELECT ${COLUMNS} FROM products WHERE id = $1`, [id]);
  return rows[0];
}

export async function findReviews(productId: string): Promise<Review[]> {
  const { rows } = await pool.query<Review>(
    'SELECT author, stars, body FROM reviews WHERE product_id = $1 ORDER BY created_at DESC',
    [productId],
  );
  return rows;
}
