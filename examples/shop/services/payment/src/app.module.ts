import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { CardGatewayClient } from './charges/card-gateway.client';
import { ChargesController } from './charges/charges.controller';
import { ChargesService } from './charges/charges.service';
import { Payment } from './charges/payment.entity';
import { config } from './config';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: config.databaseUrl,
      poolSize: config.databasePoolMax,
      autoLoadEntities: true,
      synchronize: false,
    }),
    TypeOrmModule.forFeature([Payment]),
  ],
  controllers: [ChargesController],
  providers: [ChargesService, CardGatewayClient],
})
export class AppModule {}
