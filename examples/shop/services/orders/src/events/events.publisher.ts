import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Channel } from 'amqplib';

import { Broker, EXCHANGE } from './broker';

@Injectable()
export class EventsPublisher implements OnApplicationBootstrap {
  private channel!: Channel;

  constructor(private readonly broker: Broker) {}

  async onApplicationBootstrap(): Promise<void> {
    this.channel = await this.broker.channel();
  }

  publish(event: 'order.created', body: object): void {
    this.channel.publish(EXCHANGE, event, Buffer.from(JSON.stringify(body)), { contentType: 'application/json' });
  }
}
