import { Body, Controller, Get, Param, ParseUUIDPipe, Post, Query } from '@nestjs/common';

import { ChargeCard } from './charges.dto';
import { ChargesService } from './charges.service';
import type { Payment } from './payment.entity';

/** Reached from inside only: the gateway has no route to this service. */
@Controller('charges')
export class ChargesController {
  constructor(private readonly charges: ChargesService) {}

  @Post()
  charge(@Body() body: ChargeCard): Promise<Payment> {
    return this.charges.charge(body);
  }

  @Get()
  find(@Query('orderId', ParseUUIDPipe) orderId: string): Promise<Payment[]> {
    return this.charges.find(orderId);
  }

  @Post(':id/refund')
  refund(@Param('id', ParseUUIDPipe) id: string): Promise<Payment> {
    return this.charges.refund(id);
  }
}
