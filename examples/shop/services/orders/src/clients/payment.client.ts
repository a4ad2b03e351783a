import { HttpService } from '@nestjs/axios';
import { BadGatewayException, Injectable } from '@nestjs/common';
import { catchError, firstValueFrom, map, retry, throwError } from 'rxjs';

import { config } from '../config';

export interface Charge {
  id: string;
  status: 'CAPTURED' | 'DECLINED' | 'REFUNDED';
  amountCents: number;
}

const RETRIES = 2;
const RETRY_DELAY_MS = 200;

@Injectable()
export class PaymentClient {
  constructor(private readonly http: HttpService) {}

  /** Charges the card for an order; a declined card is an answer, not an error. */
  charge(orderId: string, amountCents: number, card: string): Promise<Charge> {
    return firstValueFrom(
      this.http.post<Charge>(`${config.paymentUrl}/charges`, { orderId, amountCents, card }).pipe(
        retry({ count: RETRIES, delay: RETRY_DELAY_MS }),
        map((response) => response.data),
        catchError(() => throwError(() => new BadGatewayException('payment does not answer'))),
      ),
    );
  }

  refund(chargeId: string): Promise<Charge> {
    return firstValueFrom(
      this.http.post<Charge>(`${config.paymentUrl}/charges/${chargeId}/refund`).pipe(map((response) => response.data)),
    );
  }

  find(orderId: string): Promise<Charge[]> {
    return firstValueFrom(
      this.http
        .get<Charge[]>(`${config.paymentUrl}/charges`, { params: { orderId }, timeout: 1000 })
        .pipe(map((response) => response.data)),
    );
  }
}
