import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Channel, ConsumeMessage } from 'amqplib';
import { Repository } from 'typeorm';

import { Order } from '../orders/order.entity';
import { Broker, EXCHANGE } from './broker';

const QUEUE = 'orders.shipped';
const DEAD_LETTERS = 'shop.dead';
const PREFETCH = 10;

@Injectable()
export class ShippedConsumer implements OnApplicationBootstrap {
  private readonly logger = new Logger(ShippedConsumer.name);

  constructor(
    private readonly broker: Broker,
    @InjectRepository(Order) private readonly orders: Repository<Order>,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const channel = await this.broker.channel();
    await channel.assertExchange(DEAD_LETTERS, 'fanout', { durable: true });
    await channel.assertQueue(QUEUE, {
      durable: true,
      deadLetterExchange: DEAD_LETTERS,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 5 },
    });
    await channel.bindQueue(QUEUE, EXCHANGE, 'order.shipped');
    await channel.prefetch(PREFETCH);
    await channel.consume(QUEUE, (message) => {
      if (message !== null) void this.handle(channel, message);
    });
  }

  private async handle(channel: Channel, message: ConsumeMessage): Promise<void> {
    try {
      const { orderId } = JSON.parse(message.content.toString()) as { orderId: string };
      await this.orders.update({ id: orderId, status: 'PAID' }, { status: 'SHIPPED' });
      channel.ack(message);
    } catch (error) {
      this.logger.error('an order could not be marked as shipped', error);
      channel.nack(message);
    }
  }
}
