import amqp, { type ConfirmChannel, type ConsumeMessage } from 'amqplib';

import { config } from './config';
import { pool } from './database';

const EXCHANGE = 'shop';
const DEAD_LETTERS = 'shop.dead';
const QUEUE = 'inventory.shipments';
const PREFETCH = 10;

/** Ships every order that was created. The effect comes before the acknowledgement and can be repeated. */
export async function startShipping(): Promise<void> {
  const connection = await amqp.connect(config.rabbitmqUrl);
  // The orchestrator restarts the process, and the process declares everything anew.
  connection.on('close', () => process.exit(1));
  connection.on('error', (error) => console.error('the broker was lost:', error.message));

  const channel = await connection.createConfirmChannel();
  await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
  await channel.assertExchange(DEAD_LETTERS, 'fanout', { durable: true });
  await channel.assertQueue('dead-letters', { durable: true });
  await channel.bindQueue('dead-letters', DEAD_LETTERS, '');
  await channel.assertQueue(QUEUE, {
    durable: true,
    deadLetterExchange: DEAD_LETTERS,
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 5 },
  });
  await channel.bindQueue(QUEUE, EXCHANGE, 'order.created');
  await channel.prefetch(PREFETCH);
  await channel.consume(QUEUE, (message) => {
    if (message !== null) void handle(channel, message);
  });
}

async function handle(channel: ConfirmChannel, message: ConsumeMessage): Promise<void> {
  try {
    const { orderId } = JSON.parse(message.content.toString()) as { orderId: string };
    await ship(channel, orderId);
    channel.ack(message);
  } catch (error) {
    console.error('an order could not be shipped:', error);
    channel.nack(message);
  }
}

async function ship(channel: ConfirmChannel, orderId: string): Promise<void> {
  await pool.query('INSERT INTO shipments (order_id) VALUES ($1) ON CONFLICT (order_id) DO NOTHING', [orderId]);
  const body = Buffer.from(JSON.stringify({ orderId }));
  channel.publish(EXCHANGE, 'order.shipped', body, { persistent: true, contentType: 'application/json' });
  await channel.waitForConfirms();
}
