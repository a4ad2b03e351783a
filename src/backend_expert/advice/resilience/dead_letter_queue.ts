// Twenty deliveries, then aside with the reason; the broker counts, so that a crash counts too.
import { connect, type Channel } from "amqplib";

const QUEUE = "shipping.order-paid";
const DEAD = `${QUEUE}.dead`;
const KEPT_MS = 14 * 24 * 3600 * 1000;

/** Declare the queue and the place for what it cannot do. */
export async function declare(url: string): Promise<Channel> {
  const channel = await (await connect(url)).createChannel();
  await channel.assertQueue(DEAD, { durable: true, arguments: { "x-queue-type": "quorum", "x-message-ttl": KEPT_MS } });
  await channel.assertQueue(QUEUE, {
    durable: true,
    arguments: {
      "x-queue-type": "quorum",
      "x-delivery-limit": 20,
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": DEAD,
    },
  });
  return channel;
}

/** Say that a message will never be right: it goes aside at once, without twenty attempts. */
export class Hopeless extends Error {}

/** Consume; a passing error gives the message back, a hopeless one puts it aside. */
export async function consume(channel: Channel, work: (body: unknown) => Promise<void>): Promise<void> {
  await channel.prefetch(10);
  await channel.consume(QUEUE, (message) => {
    if (message === null) return;
    void Promise.resolve()
      .then(() => work(JSON.parse(message.content.toString())))
      .then(
        () => channel.ack(message),
        (error: unknown) => channel.nack(message, false, !(error instanceof Hopeless)),
      );
  });
}

/** Send what was put aside once more, after the repair; returns how many went. */
export async function replay(channel: Channel): Promise<number> {
  for (let moved = 0; ; moved += 1) {
    const message = await channel.get(DEAD);
    if (message === false) return moved;
    channel.sendToQueue(QUEUE, message.content, { persistent: true, messageId: String(message.properties.messageId) });
    channel.ack(message);
  }
}
