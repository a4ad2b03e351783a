export const config = {
  port: Number(process.env.PORT ?? 3003),
  databaseUrl: process.env.DATABASE_URL ?? 'postgres://shop:shop@localhost:5432/shop',
  databasePoolMax: Number(process.env.DATABASE_POOL_MAX ?? 4),
  rabbitmqUrl: process.env.RABBITMQ_URL ?? 'amqp://shop:shop@localhost:5672',
  catalogueUrl: process.env.CATALOGUE_URL ?? 'http://localhost:3001',
  cartUrl: process.env.CART_URL ?? 'http://localhost:3002',
  paymentUrl: process.env.PAYMENT_URL ?? 'http://localhost:3004',
  inventoryUrl: process.env.INVENTORY_URL ?? 'http://localhost:3005',
  jwtSecret: required('JWT_SECRET'),
};

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the service cannot issue tokens without it`);
  return value;
}
