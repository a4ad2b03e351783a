import { Body, Controller, HttpCode, Post } from '@nestjs/common';

import { Credentials, Registration } from './customers.dto';
import { CustomersService } from './customers.service';

@Controller()
export class CustomersController {
  constructor(private readonly customers: CustomersService) {}

  @Post('customers')
  register(@Body() registration: Registration): Promise<{ id: string }> {
    return this.customers.register(registration);
  }

  @Post('sessions')
  @HttpCode(200)
  signIn(@Body() credentials: Credentials): Promise<{ token: string }> {
    return this.customers.signIn(credentials);
  }
}
