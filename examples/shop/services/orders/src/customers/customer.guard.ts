import { createParamDecorator, Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import type { Request } from 'express';

export interface SignedIn {
  id: string;
  token: string;
}

type SignedInRequest = Request & { customer: SignedIn };

/** Lets requests with a valid token of a customer through. */
@Injectable()
export class CustomerGuard implements CanActivate {
  constructor(private readonly jwt: JwtService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<SignedInRequest>();
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    try {
      const { sub } = await this.jwt.verifyAsync<{ sub: string }>(token, { algorithms: ['HS256'] });
      request.customer = { id: sub, token };
      return true;
    } catch {
      throw new UnauthorizedException('sign in first');
    }
  }
}

export const CurrentCustomer = createParamDecorator(
  (_data: unknown, context: ExecutionContext): SignedIn => context.switchToHttp().getRequest<SignedInRequest>().customer,
);
