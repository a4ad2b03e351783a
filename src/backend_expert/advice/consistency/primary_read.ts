// Who has just written reads from the primary; everybody else from the replicas.
import { Injectable } from "@nestjs/common";
import { DataSource } from "typeorm";

const FRESH_MS = 5_000; // longer than the lag of the replicas that you accept; alarm on a lag beyond it

interface Order {
  id: string;
  state: string;
}

@Injectable()
export class Orders {
  constructor(private readonly dataSource: DataSource) {}

  /** Return the orders of a customer, with what the customer wrote a moment ago; the time of the last write comes from a cookie. */
  async of(customer: string, wroteAtMs: number, nowMs: number): Promise<Order[]> {
    const runner = this.dataSource.createQueryRunner(nowMs - wroteAtMs < FRESH_MS ? "master" : "slave");
    try {
      return await runner.query("SELECT id, state FROM orders WHERE customer = $1 ORDER BY id DESC LIMIT 50", [customer]);
    } finally {
      await runner.release();
    }
  }
}
