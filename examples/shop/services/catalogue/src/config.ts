export const config = {
  port: Number(process.env.PORT ?? 3001),
  databaseUrl: process.env.DATABASE_URL ?? 'postgres://shop:shop@localhost:5432/catalogue',
  databasePoolMax: Number(process.env.DATABASE_POOL_MAX ?? 10),
  redisUrl: process.env.REDIS_URL ?? 'redis://localhost:6379/0',
  productCacheSeconds: Number(process.env.PRODUCT_CACHE_SECONDS ?? 60),
};
