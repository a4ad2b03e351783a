import { randomUUID } from 'node:crypto';

import { ConflictException, Injectable, UnauthorizedException } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { InjectRepository } from '@nestjs/typeorm';
import { QueryFailedError, Repository } from 'typeorm';

import { Customer } from './customer.entity';
import type { Credentials, Registration } from './customers.dto';
import { hashPassword, isPassword } from './password';

const UNIQUE_VIOLATION = '23505';

@Injectable()
export class CustomersService {
  constructor(
    @InjectRepository(Customer) private readonly customers: Repository<Customer>,
    private readonly jwt: JwtService,
  ) {}

  async register({ email, name, password }: Registration): Promise<{ id: string }> {
    const customer = { id: randomUUID(), email, name, passwordHash: await hashPassword(password) };
    try {
      await this.customers.insert(customer);
    } catch (error) {
      if (error instanceof QueryFailedError && error.driverError.code === UNIQUE_VIOLATION) {
        throw new ConflictException('this address is registered already');
      }
      throw error;
    }
    return { id: customer.id };
  }

  async signIn({ email, password }: Credentials): Promise<{ token: string }> {
    const customer = await this.customers.findOne({ where: { email }, select: { id: true, passwordHash: true } });
    if (customer === null || !(await isPassword(password, customer.passwordHash))) {
      throw new UnauthorizedException('the address or the password is wrong');
    }
    return { token: await this.jwt.signAsync({}, { subject: customer.id }) };
  }

  find(id: string): Promise<Customer> {
    return this.customers.findOneByOrFail({ id });
  }
}
