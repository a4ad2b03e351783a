// A message is sent when the broker has it on disk in a queue that survives; what cannot be routed comes back.
import { connect, type ConfirmChannel, type Options } from "amqplib";

const QUEUE = "shipping.order-paid";

/** Open a channel that confirms, and declare the queue so that a restart keeps it. */
export async function open(url: string): Promise<ConfirmChannel> {
  const channel = await (await connect(url)).createConfirmChannel();
  await channel.assertQueue(QUEUE, { durable: true, arguments: { "x-queue-type": "quorum" } });
  return channel;
}

/** Publish one message and wait for the broker's word; throws when it was refused, not routed, or not answered in time. */
export async function publish(channel: ConfirmChannel, id: string, body: unknown, timeoutMs: number): Promise<void> {
  const options: Options.Publish = { persistent: true, mandatory: true, messageId: id };
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => done(new Error(`no confirm of ${id} within ${timeoutMs} ms`)), timeoutMs);
    const returned = (message: { properties: { messageId?: unknown } }): void => {
      if (message.properties.messageId === id) done(new Error(`no queue takes ${id}`));
    };
    const done = (error?: Error | null): void => {
      clearTimeout(late);
      channel.off("return", returned);
      if (error) reject(error);
      else resolve();
    };
    channel.on("return", returned);
    channel.sendToQueue(QUEUE, Buffer.from(JSON.stringify(body)), options, (error: unknown) => {
      done(error instanceof Error ? error : null);
    });
  });
}
