import { HttpService } from '@nestjs/axios';
import { Injectable } from '@nestjs/common';
import { firstValueFrom } from 'rxjs';

import { config } from '../config';

export interface CartItem {
  productId: string;
  quantity: number;
}

const TIMEOUT_MS = 1000;

@Injectable()
export class CartClient {
  constructor(private readonly http: HttpService) {}

  /** Reads the cart of the customer whom the token names. */
  async read(token: string): Promise<CartItem[]> {
    const response = await firstValueFrom(
      this.http.get<{ items: CartItem[] }>(`${config.cartUrl}/cart`, { headers: bearer(token), timeout: TIMEOUT_MS }),
    );
    return response.data.items;
  }

  async clear(token: string): Promise<void> {
    await firstValueFrom(this.http.delete(`${config.cartUrl}/cart`, { headers: bearer(token), timeout: TIMEOUT_MS }));
  }
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}
