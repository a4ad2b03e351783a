// Cache-aside with what makes it safe: an error is a miss, one query for each missing key, expiry that never comes all at once.
import { Redis } from "ioredis";
import { Pool } from "pg";

const EXPIRY_S = 60;

const redis = new Redis(process.env.REDIS_URL ?? "redis://cache:6379", {
  commandTimeout: 20, // a slow cache is no cache
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false, // while it is away commands fail at once instead of queueing up
});
redis.on("error", (error: Error) => console.warn(`cache: ${error.message}`));
const pool = new Pool({ max: 10, connectionTimeoutMillis: 100 });

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly cents: number;
}

const underWay = new Map<string, Promise<Product | undefined>>();

/** Read a product: from the cache, or once from the database for everybody who waits for it. */
export async function product(id: string): Promise<Product | undefined> {
  const key = `product:${id}`;
  const cached = await redis.get(key).catch(() => null);
  if (cached !== null) return JSON.parse(cached) as Product;
  const loading = underWay.get(key) ?? load(key, id);
  underWay.set(key, loading);
  return loading.finally(() => underWay.delete(key));
}

async function load(key: string, id: string): Promise<Product | undefined> {
  const { rows } = await pool.query<Product>("SELECT id, name, cents FROM product WHERE id = $1", [id]);
  const found = rows[0];
  if (found !== undefined) {
    const expiry = Math.round(EXPIRY_S * (0.9 + 0.2 * Math.random()));
    await redis.set(key, JSON.stringify(found), "EX", expiry).catch(() => undefined);
  }
  return found;
}

/** Change a price; the cached copy goes after the commit, so that no reader puts the old row back for good. */
export async function reprice(id: string, cents: number): Promise<void> {
  await pool.query("UPDATE product SET cents = $2 WHERE id = $1", [id, cents]);
  await redis.del(`product:${id}`).catch(() => undefined); // the expiry bounds what a lost delete can do
}
