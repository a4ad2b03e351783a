import { IsString, Matches } from 'class-validator';

import type { OrderLine } from './order-line.entity';
import type { OrderStatus } from './order.entity';

export class PlaceOrder {
  /** Token of the card, made by the card gateway in the browser. */
  @IsString()
  @Matches(/^tok_\w{1,64}$/)
  card!: string;
}

export type LineView = Pick<OrderLine, 'productId' | 'name' | 'quantity' | 'priceCents'>;

export interface OrderView {
  id: string;
  status: OrderStatus;
  totalCents: number;
  createdAt: Date;
  lines: LineView[];
}

export interface OrderDetails extends OrderView {
  paymentStatus: string | null;
  shippedAt: string | null;
}
