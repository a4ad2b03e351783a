import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { ClientsModule } from '../clients/clients.module';
import { CustomersModule } from '../customers/customers.module';
import { Broker } from '../events/broker';
import { EventsPublisher } from '../events/events.publisher';
import { ShippedConsumer } from '../events/shipped.consumer';
import { OrderLine } from './order-line.entity';
import { OrderViewsService } from './order-views.service';
import { Order } from './order.entity';
import { OrdersController } from './orders.controller';
import { OrdersService } from './orders.service';
import { PricingService } from './pricing.service';

@Module({
  imports: [TypeOrmModule.forFeature([Order, OrderLine]), ClientsModule, CustomersModule],
  controllers: [OrdersController],
  providers: [Broker, EventsPublisher, ShippedConsumer, OrdersService, OrderViewsService, PricingService],
})
export class OrdersModule {}
