import { randomUUID } from 'node:crypto';

import { ForbiddenException, HttpException, HttpStatus, Injectable, NotFoundException, UnprocessableEntityException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSource, type EntityManager, Repository } from 'typeorm';

import { CartClient } from '../clients/cart.client';
import { InventoryClient } from '../clients/inventory.client';
import { PaymentClient } from '../clients/payment.client';
import { CustomersService } from '../customers/customers.service';
import type { SignedIn } from '../customers/customer.guard';
import { EventsPublisher } from '../events/events.publisher';
import { OrderLine } from './order-line.entity';
import { OrderViewsService } from './order-views.service';
import { Order } from './order.entity';
import type { LineView, OrderDetails, OrderView } from './orders.dto';
import { PricingService } from './pricing.service';

@Injectable()
export class OrdersService {
  constructor(
    @InjectRepository(Order) private readonly orders: Repository<Order>,
    private readonly dataSource: DataSource,
    private readonly customers: CustomersService,
    private readonly views: OrderViewsService,
    private readonly pricing: PricingService,
    private readonly carts: CartClient,
    private readonly inventory: InventoryClient,
    private readonly payments: PaymentClient,
    private readonly events: EventsPublisher,
  ) {}

  /** Turns the cart of a customer into a paid order: reserve the stock, charge the card, tell the others. */
  async place({ id: customerId, token }: SignedIn, card: string): Promise<OrderView> {
    const customer = await this.customers.find(customerId);
    if (customer.blocked) throw new ForbiddenException('this account is blocked');
    const items = await this.carts.read(token);
    if (items.length === 0) throw new UnprocessableEntityException('the cart is empty');
    const lines = await this.pricing.price(items);

    const order = await this.dataSource.transaction(async (manager) => {
      const created = await this.insert(manager, customerId, lines);
      await this.inventory.reserve(created.id, lines);
      const paymentId = await this.charge(created, card);
      await manager.update(Order, { id: created.id }, { status: 'PAID', paymentId });
      return { ...created, status: 'PAID' as const };
    });

    this.events.publish('order.created', { orderId: order.id, customerId, totalCents: order.totalCents });
    await this.carts.clear(token);
    return { id: order.id, status: order.status, totalCents: order.totalCents, createdAt: order.createdAt, lines };
  }

  async list(customerId: string): Promise<OrderView[]> {
    const orders = await this.orders.find({ where: { customerId }, order: { createdAt: 'DESC' } });
    const views: OrderView[] = [];
    for (const order of orders) {
      views.push(await this.views.view(order));
    }
    return views;
  }

  async details(customerId: string, id: string): Promise<OrderDetails> {
    const order = await this.orders.findOneBy({ id, customerId });
    if (order === null) throw new NotFoundException('no such order');
    const view = await this.views.view(order);
    const charges = await this.payments.find(id);
    const shipment = await this.inventory.shipment(id);
    return { ...view, paymentStatus: charges.at(-1)?.status ?? null, shippedAt: shipment.shippedAt };
  }

  /** Cancels an order by the code that only its customer got by mail. */
  async cancel(id: string, cancelCode: string): Promise<void> {
    const { affected } = await this.orders.update({ id, cancelCode, status: 'PAID' }, { status: 'CANCELLED' });
    if (affected === 0) throw new NotFoundException('no order that can still be cancelled');
    const order = await this.orders.findOneByOrFail({ id });
    await this.inventory.release(id);
    if (order.paymentId !== null) await this.payments.refund(order.paymentId);
  }

  private async insert(manager: EntityManager, customerId: string, lines: LineView[]): Promise<Order> {
    const order = manager.create(Order, {
      id: randomUUID(),
      customerId,
      status: 'PENDING',
      totalCents: lines.reduce((sum, line) => sum + line.quantity * line.priceCents, 0),
      paymentId: null,
      cancelCode: randomUUID(),
    });
    await manager.insert(Order, order);
    await manager.insert(OrderLine, lines.map((line) => ({ ...line, orderId: order.id })));
    return order;
  }

  private async charge(order: Order, card: string): Promise<string> {
    try {
      const charge = await this.payments.charge(order.id, order.totalCents, card);
      if (charge.status !== 'CAPTURED') throw new HttpException('the card was declined', HttpStatus.PAYMENT_REQUIRED);
      return charge.id;
    } catch (error) {
      await this.inventory.release(order.id);
      throw error;
    }
  }
}
