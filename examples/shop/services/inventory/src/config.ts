export const config = {
  port: Number(process.env.PORT ?? 3005),
  databaseUrl: process.env.DATABASE_URL ?? 'postgres://shop:shop@localhost:5432/shop',
  databasePoolMax: Number(process.env.DATABASE_POOL_MAX ?? 10),
  rabbitmqUrl: process.env.RABBITMQ_URL ?? 'amqp://shop:shop@localhost:5672',
};
