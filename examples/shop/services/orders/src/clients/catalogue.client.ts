import { HttpService } from '@nestjs/axios';
import { Injectable } from '@nestjs/common';
import { firstValueFrom } from 'rxjs';

import { config } from '../config';

export interface Product {
  id: string;
  name: string;
  price: number;
}

const TIMEOUT_MS = 1000;

@Injectable()
export class CatalogueClient {
  constructor(private readonly http: HttpService) {}

  async product(id: string): Promise<Product> {
    const url = `${config.catalogueUrl}/products/${encodeURIComponent(id)}`;
    const response = await firstValueFrom(this.http.get<Product>(url, { timeout: TIMEOUT_MS }));
    return response.data;
  }
}
