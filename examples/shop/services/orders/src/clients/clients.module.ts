import { HttpModule } from '@nestjs/axios';
import { Module } from '@nestjs/common';

import { CartClient } from './cart.client';
import { CatalogueClient } from './catalogue.client';
import { InventoryClient } from './inventory.client';
import { PaymentClient } from './payment.client';

@Module({
  imports: [HttpModule],
  providers: [CartClient, CatalogueClient, InventoryClient, PaymentClient],
  exports: [CartClient, CatalogueClient, InventoryClient, PaymentClient],
})
export class ClientsModule {}
