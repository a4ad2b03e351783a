import { randomUUID } from 'node:crypto';

import { Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';

import { CardGatewayClient } from './card-gateway.client';
import type { ChargeCard } from './charges.dto';
import { Payment } from './payment.entity';

@Injectable()
export class ChargesService {
  constructor(
    @InjectRepository(Payment) private readonly payments: Repository<Payment>,
    private readonly cards: CardGatewayClient,
  ) {}

  /** Charges a card and keeps the outcome; a charge that was begun and never answered stays PENDING. */
  async charge({ orderId, amountCents, card }: ChargeCard): Promise<Payment> {
    const payment = this.payments.create({ id: randomUUID(), orderId, amountCents, status: 'PENDING', reference: null });
    await this.payments.insert(payment);
    const { reference, status } = await this.cards.charge(card, amountCents);
    await this.payments.update({ id: payment.id }, { status, reference });
    return { ...payment, status, reference };
  }

  find(orderId: string): Promise<Payment[]> {
    return this.payments.find({ where: { orderId }, order: { createdAt: 'ASC' }, take: 20 });
  }

  async refund(id: string): Promise<Payment> {
    const { affected } = await this.payments.update({ id, status: 'CAPTURED' }, { status: 'REFUNDED' });
    if (affected === 0) throw new NotFoundException('no captured payment of that id');
    const payment = await this.payments.findOneByOrFail({ id });
    if (payment.reference !== null) await this.cards.refund(payment.reference);
    return payment;
  }
}
