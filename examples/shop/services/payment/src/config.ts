export const config = {
  port: Number(process.env.PORT ?? 3004),
  databaseUrl: process.env.DATABASE_URL ?? 'postgres://shop:shop@localhost:5432/payment',
  databasePoolMax: Number(process.env.DATABASE_POOL_MAX ?? 10),
  cardGatewayUrl: process.env.CARD_GATEWAY_URL ?? 'http://localhost:3010',
  cardMerchant: process.env.CARD_MERCHANT ?? '',
  cardApiKey: process.env.CARD_API_KEY ?? '',
  cardTimeoutMs: Number(process.env.CARD_TIMEOUT_MS ?? 2000),
};
