import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { config } from './config';
import { HealthController } from './health.controller';
import { OrdersModule } from './orders/orders.module';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: config.databaseUrl,
      poolSize: config.databasePoolMax,
      autoLoadEntities: true,
      synchronize: false,
    }),
    OrdersModule,
  ],
  controllers: [HealthController],
})
export class AppModule {}
