import { setTimeout as sleep } from 'node:timers/promises';

import { BadGatewayException, Injectable, Logger } from '@nestjs/common';

import { config } from '../config';

export interface CardCharge {
  reference: string;
  status: 'CAPTURED' | 'DECLINED';
}

const ATTEMPTS = 3;
const BACKOFF_MS = 100;

@Injectable()
export class CardGatewayClient {
  private readonly logger = new Logger(CardGatewayClient.name);

  charge(card: string, amountCents: number): Promise<CardCharge> {
    return this.post<CardCharge>('/charges', { card, amountCents });
  }

  async refund(reference: string): Promise<void> {
    await this.post('/refunds', { reference });
  }

  private async post<T>(path: string, body: object): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.attempt<T>(path, body);
      } catch (error) {
        this.logger.warn(`attempt ${attempt} of ${path} failed: ${String(error)}`);
        if (attempt === ATTEMPTS) throw new BadGatewayException('the card gateway does not answer');
        await sleep(BACKOFF_MS * 2 ** (attempt - 1));
      }
    }
  }

  private async attempt<T>(path: string, body: object): Promise<T> {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), config.cardTimeoutMs);
    try {
      const response = await fetch(`${config.cardGatewayUrl}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${config.cardApiKey}` },
        body: JSON.stringify({ merchant: config.cardMerchant, ...body }),
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      return (await response.json()) as T;
    } finally {
      clearTimeout(timer);
    }
  }
}
