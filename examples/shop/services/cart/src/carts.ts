import { Redis } from 'ioredis';

import { config } from './config';

const WEEK_SECONDS = 7 * 24 * 3600;

const redis = new Redis(config.redisUrl);

redis.on('error', (error) => console.error('redis cannot be reached:', error.message));

export interface Item {
  productId: string;
  quantity: number;
}

export async function items(customerId: string): Promise<Item[]> {
  const fields = await redis.hgetall(key(customerId));
  return Object.entries(fields).map(([productId, quantity]) => ({ productId, quantity: Number(quantity) }));
}

export async function add(customerId: string, item: Item): Promise<void> {
  await redis
    .multi()
    .hincrby(key(customerId), item.productId, item.quantity)
    .expire(key(customerId), WEEK_SECONDS)
    .exec();
}

export async function clear(customerId: string): Promise<void> {
  await redis.del(key(customerId));
}

function key(customerId: string): string {
  return `cart:${customerId}`;
}
