import { HttpService } from '@nestjs/axios';
import { ConflictException, Injectable } from '@nestjs/common';
import { isAxiosError } from 'axios';
import { firstValueFrom } from 'rxjs';

import { config } from '../config';

export interface ReservationLine {
  productId: string;
  quantity: number;
}

export interface Shipment {
  orderId: string;
  shippedAt: string | null;
}

const TIMEOUT_MS = 2000;

@Injectable()
export class InventoryClient {
  constructor(private readonly http: HttpService) {}

  async reserve(orderId: string, lines: ReservationLine[]): Promise<void> {
    try {
      await firstValueFrom(
        this.http.post(`${config.inventoryUrl}/reservations`, { orderId, lines }, { timeout: TIMEOUT_MS }),
      );
    } catch (error) {
      if (isAxiosError(error) && error.response?.status === 409) throw new ConflictException(error.response.data);
      throw error;
    }
  }

  async release(orderId: string): Promise<void> {
    await firstValueFrom(this.http.delete(`${config.inventoryUrl}/reservations/${orderId}`, { timeout: TIMEOUT_MS }));
  }

  async shipment(orderId: string): Promise<Shipment> {
    const url = `${config.inventoryUrl}/shipments/${orderId}`;
    const response = await firstValueFrom(this.http.get<Shipment>(url, { timeout: TIMEOUT_MS }));
    return response.data;
  }
}
