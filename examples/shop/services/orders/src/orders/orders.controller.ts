import { Body, Controller, Get, Param, ParseUUIDPipe, Post, Query, UseGuards } from '@nestjs/common';

import { CurrentCustomer, CustomerGuard, type SignedIn } from '../customers/customer.guard';
import { type OrderDetails, type OrderView, PlaceOrder } from './orders.dto';
import { OrdersService } from './orders.service';

@Controller('orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  @UseGuards(CustomerGuard)
  place(@CurrentCustomer() customer: SignedIn, @Body() body: PlaceOrder): Promise<OrderView> {
    return this.orders.place(customer, body.card);
  }

  @Get()
  @UseGuards(CustomerGuard)
  list(@CurrentCustomer() customer: SignedIn): Promise<OrderView[]> {
    return this.orders.list(customer.id);
  }

  @Get(':id')
  @UseGuards(CustomerGuard)
  details(@CurrentCustomer() customer: SignedIn, @Param('id', ParseUUIDPipe) id: string): Promise<OrderDetails> {
    return this.orders.details(customer.id, id);
  }

  /** The link in the mail: the code stands for the signature of the customer. */
  @Get(':id/cancel')
  async cancel(@Param('id', ParseUUIDPipe) id: string, @Query('code', ParseUUIDPipe) code: string): Promise<{ message: string }> {
    await this.orders.cancel(id, code);
    return { message: 'the order is cancelled' };
  }
}
