import { Injectable } from '@nestjs/common';

import type { CartItem } from '../clients/cart.client';
import { CatalogueClient } from '../clients/catalogue.client';
import type { LineView } from './orders.dto';

@Injectable()
export class PricingService {
  constructor(private readonly catalogue: CatalogueClient) {}

  async price(items: CartItem[]): Promise<LineView[]> {
    const lines: LineView[] = [];
    for (const item of items) {
      lines.push(await this.priceItem(item));
    }
    return lines;
  }

  private async priceItem({ productId, quantity }: CartItem): Promise<LineView> {
    const product = await this.catalogue.product(productId);
    return { productId, name: product.name, quantity, priceCents: Math.round(product.price * 100) };
  }
}
