// Messages about one order go to one queue and to one consumer at a time, so they keep their order; other orders run beside them.
import type { Channel, ConfirmChannel } from "amqplib";

const EXCHANGE = "order.changes";
const PARTITIONS = 8; // as many consumers as can work at once; changing it later moves keys, so drain the queues first

/** Declare an exchange that spreads by the hash of the routing key (plug-in rabbitmq_consistent_hash_exchange), and its queues. */
export async function declare(channel: Channel): Promise<void> {
  await channel.assertExchange(EXCHANGE, "x-consistent-hash", { durable: true });
  for (let partition = 0; partition < PARTITIONS; partition++) {
    // One active consumer a queue: a second instance waits, and takes over when the first is gone.
    const queue = { durable: true, arguments: { "x-queue-type": "quorum", "x-single-active-consumer": true } };
    await channel.assertQueue(`${EXCHANGE}.${partition}`, queue);
    await channel.bindQueue(`${EXCHANGE}.${partition}`, EXCHANGE, "1");
  }
}

/** Publish a change of an order under the id of the order: the key is the aggregate, never the kind of the event. */
export async function publish(channel: ConfirmChannel, order: string, position: number, change: unknown): Promise<void> {
  const body = Buffer.from(JSON.stringify({ order, position, change }));
  channel.publish(EXCHANGE, order, body, { persistent: true, messageId: `${order}:${position}` });
  await channel.waitForConfirms();
}

/** Consume one queue, one message at a time: a prefetch above 1 would let a redelivery overtake its successors. */
export async function consume(channel: Channel, partition: number, handle: (body: Buffer) => Promise<void>): Promise<void> {
  await channel.prefetch(1);
  await channel.consume(`${EXCHANGE}.${partition}`, (message) => {
    if (message === null) return;
    handle(message.content).then(
      () => channel.ack(message),
      () => channel.nack(message, false, true),
    );
  });
}
