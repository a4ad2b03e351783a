export const config = {
  databaseUrl: process.env.DATABASE_URL ?? 'postgres://shop:shop@localhost:5432/shop',
  rabbitmqUrl: process.env.RABBITMQ_URL ?? 'amqp://shop:shop@localhost:5672',
  mailApiUrl: process.env.MAIL_API_URL ?? 'http://localhost:3010',
  mailTimeoutMs: 3000,
};
