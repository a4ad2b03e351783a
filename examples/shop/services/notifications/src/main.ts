import amqp from 'amqplib';

import { config } from './config';
import { notify } from './notify';

const EXCHANGE = 'shop';
const QUEUE = 'notifications.orders';
const PREFETCH = 20;

async function start(): Promise<void> {
  const connection = await amqp.connect(config.rabbitmqUrl);
  // The orchestrator restarts the process, and the process declares everything anew.
  connection.on('close', () => process.exit(1));
  connection.on('error', (error) => console.error('the broker was lost:', error.message));

  const channel = await connection.createChannel();
  await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
  await channel.assertQueue(QUEUE, { durable: true });
  await channel.bindQueue(QUEUE, EXCHANGE, 'order.*');
  await channel.prefetch(PREFETCH);
  await channel.consume(QUEUE, async (message) => {
    if (message === null) return;
    channel.ack(message);
    const { orderId } = JSON.parse(message.content.toString()) as { orderId: string };
    try {
      await notify(message.fields.routingKey, orderId);
    } catch (error) {
      console.error(`the customer of order ${orderId} was not told:`, error);
    }
  });
  console.log('notifications waits for events');
}

start().catch((error: unknown) => {
  console.error('notifications cannot start:', error);
  process.exit(1);
});
