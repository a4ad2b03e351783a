import { Redis } from 'ioredis';

import { config } from './config';
import { findProduct, type Product } from './products';

const redis = new Redis(config.redisUrl, { commandTimeout: 200, maxRetriesPerRequest: 1 });

redis.on('error', (error) => console.error('the cache cannot be reached:', error.message));

/** Answers from the cache and falls back to the database; a cache that is away counts as a miss. */
export async function cachedProduct(id: string): Promise<Product | undefined> {
  const key = `product:${id}`;
  const hit = await redis.get(key).catch(() => null);
  if (hit !== null) {
    return JSON.parse(hit) as Product;
  }
  const product = await findProduct(id);
  if (product !== undefined) {
    await redis.set(key, JSON.stringify(product), 'EX', config.productCacheSeconds).catch(() => null);
  }
  return product;
}
