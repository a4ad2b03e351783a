import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import amqp, { type Channel, type ChannelModel } from 'amqplib';

import { config } from '../config';

export const EXCHANGE = 'shop';

@Injectable()
export class Broker implements OnModuleInit {
  private readonly logger = new Logger(Broker.name);
  private connection!: ChannelModel;

  async onModuleInit(): Promise<void> {
    this.connection = await amqp.connect(config.rabbitmqUrl);
    // The orchestrator restarts the process, and the process declares everything anew.
    this.connection.on('close', () => process.exit(1));
    this.connection.on('error', (error) => this.logger.error('the broker was lost', error));
  }

  async channel(): Promise<Channel> {
    const channel = await this.connection.createChannel();
    await channel.assertExchange(EXCHANGE, 'topic', { durable: true });
    return channel;
  }
}
