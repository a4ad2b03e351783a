// Both sides of a batch endpoint: the caller collects and splits, the callee answers item by item from one statement.
import { BadRequestException, Body, Controller, HttpCode, Injectable, Post } from "@nestjs/common";
import { Pool } from "pg";

const LARGEST_BATCH = 100;
const pool = new Pool({ max: 10, connectionTimeoutMillis: 100 });

export interface Prices {
  readonly found: Readonly<Record<string, number>>;
  readonly missing: readonly string[]; // one unknown item does not fail the others
}

@Controller("prices")
export class PriceController {
  @Post()
  @HttpCode(200)
  async prices(@Body() body: { products: string[] }): Promise<Prices> {
    if (!Array.isArray(body.products) || body.products.length > LARGEST_BATCH) {
      throw new BadRequestException(`products must be a list of at most ${LARGEST_BATCH} ids`);
    }
    const { rows } = await pool.query<{ id: string; cents: number }>("SELECT id, cents FROM product WHERE id = ANY($1)", [
      body.products,
    ]);
    const found = Object.fromEntries(rows.map((row) => [row.id, row.cents]));
    return { found, missing: body.products.filter((id) => !(id in found)) };
  }
}

@Injectable()
export class PriceClient {
  /** Return the price of each product that exists; ask for each product once. */
  async prices(products: readonly string[]): Promise<Map<string, number>> {
    const distinct = [...new Set(products)];
    const prices = new Map<string, number>();
    for (let start = 0; start < distinct.length; start += LARGEST_BATCH) {
      const response = await fetch("http://catalogue:8080/prices", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ products: distinct.slice(start, start + LARGEST_BATCH) }),
        signal: AbortSignal.timeout(300),
      });
      if (!response.ok) throw new Error(`catalogue answered ${response.status}`);
      const { found } = (await response.json()) as Prices;
      for (const [id, cents] of Object.entries(found)) prices.set(id, cents);
    }
    return prices;
  }
}
