// The duty to take an effect back is a row before the effect happens; a job keeps it, whoever dies.
import { Injectable } from "@nestjs/common";
import { DataSource } from "typeorm";

export interface Gateway {
  charge(key: string, cents: number): Promise<void>;
  refund(key: string): Promise<void>; // idempotent: refunding twice, or what was never charged, does nothing
}

interface Saga {
  id: string;
  order_id: string;
}

@Injectable()
export class Checkout {
  constructor(
    private readonly dataSource: DataSource,
    private readonly gateway: Gateway,
  ) {}

  /** Charge for an order and place it: both, or in the end neither. */
  async run(order: string, cents: number): Promise<void> {
    const rows: Saga[] = await this.dataSource.query(
      "INSERT INTO saga (order_id, state, look_again_at) VALUES ($1, 'CHARGING', now() + interval '2 minutes') RETURNING id, order_id",
      [order],
    );
    const saga = rows[0];
    if (saga === undefined) throw new Error("the saga was not stored");
    try {
      await this.gateway.charge(saga.id, cents);
      await this.dataSource.transaction(async (manager) => {
        await manager.query("UPDATE orders SET state = 'paid' WHERE id = $1", [order]);
        await manager.query("UPDATE saga SET state = 'DONE' WHERE id = $1 AND state = 'CHARGING'", [saga.id]);
      });
    } catch (error) {
      await this.undo(saga);
      throw error;
    }
  }

  /** Take back what was left behind; run by a schedule, on one instance at a time or on all of them. */
  async sweep(): Promise<void> {
    const left: Saga[] = await this.dataSource.query(
      "SELECT id, order_id FROM saga WHERE state IN ('CHARGING', 'UNDOING') AND look_again_at < now() ORDER BY id LIMIT 100",
    );
    for (const saga of left) await this.undo(saga);
  }

  private async undo(saga: Saga): Promise<void> {
    // Claimed first: an order whose saga is already DONE is not taken back.
    const claimed: [unknown, number] = await this.dataSource.query(
      "UPDATE saga SET state = 'UNDOING', look_again_at = now() + interval '1 minute' WHERE id = $1 AND state <> 'DONE'",
      [saga.id],
    );
    if (claimed[1] === 0) return;
    await this.gateway.refund(saga.id);
    await this.dataSource.query("UPDATE saga SET state = 'UNDONE' WHERE id = $1", [saga.id]);
  }
}
