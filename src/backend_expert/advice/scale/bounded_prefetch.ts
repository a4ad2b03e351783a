// A consumer that holds no more messages than keep it busy, and acknowledges each after its effect.
import { connect, type ConsumeMessage } from "amqplib";

const IN_WORK = 10;
const MESSAGE_MS = 40;
const ROUND_TRIP_MS = 2;

export const PREFETCH = Math.ceil(IN_WORK * (1 + (2 * ROUND_TRIP_MS) / MESSAGE_MS));

export async function consume(url: string, queue: string, handle: (message: ConsumeMessage) => Promise<void>): Promise<void> {
  const channel = await (await connect(url)).createChannel();
  await channel.prefetch(PREFETCH);
  await channel.consume(queue, (message) => {
    if (message === null) return; // the broker cancelled the consumer
    handle(message).then(
      () => channel.ack(message),
      () => channel.nack(message, false, false), // to the dead-letter exchange of the queue
    );
  });
}
