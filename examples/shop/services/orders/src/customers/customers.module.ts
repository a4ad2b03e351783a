import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { TypeOrmModule } from '@nestjs/typeorm';

import { config } from '../config';
import { Customer } from './customer.entity';
import { CustomerGuard } from './customer.guard';
import { CustomersController } from './customers.controller';
import { CustomersService } from './customers.service';

@Module({
  imports: [
    TypeOrmModule.forFeature([Customer]),
    JwtModule.register({ secret: config.jwtSecret, signOptions: { expiresIn: '12h' } }),
  ],
  controllers: [CustomersController],
  providers: [CustomersService, CustomerGuard],
  exports: [CustomersService, CustomerGuard, JwtModule],
})
export class CustomersModule {}
