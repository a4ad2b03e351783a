import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';

import { OrderLine } from './order-line.entity';
import type { Order } from './order.entity';
import type { OrderView } from './orders.dto';

@Injectable()
export class OrderViewsService {
  constructor(@InjectRepository(OrderLine) private readonly lines: Repository<OrderLine>) {}

  async view({ id, status, totalCents, createdAt }: Order): Promise<OrderView> {
    const lines = await this.lines.find({
      where: { orderId: id },
      select: { productId: true, name: true, quantity: true, priceCents: true },
      order: { id: 'ASC' },
    });
    return { id, status, totalCents, createdAt, lines };
  }
}
