// Three small transactions in place of one long one: hold, confirm, and a job that gives back what nobody confirmed.
import { ConflictException, GoneException, Injectable } from "@nestjs/common";
import { DataSource } from "typeorm";

@Injectable()
export class Seats {
  constructor(private readonly dataSource: DataSource) {}

  /** Hold a seat for ten minutes, or say that it is taken. */
  async hold(order: string, seat: string): Promise<void> {
    const [, held]: [unknown, number] = await this.dataSource.query(
      "UPDATE seat SET state = 'HELD', held_by = $1, held_until = now() + interval '10 minutes' WHERE id = $2 AND state = 'FREE'",
      [order, seat],
    );
    if (held !== 1) throw new ConflictException("the seat is taken");
  }

  /** Keep a held seat. Only while it is still held by this order: the job may have been faster. */
  async confirm(order: string, seat: string): Promise<void> {
    const [, kept]: [unknown, number] = await this.dataSource.query(
      "UPDATE seat SET state = 'SOLD', held_until = NULL WHERE id = $1 AND state = 'HELD' AND held_by = $2",
      [seat, order],
    );
    if (kept !== 1) throw new GoneException("the hold has expired: take the payment back");
  }

  /** Give a seat back; harmless when it is not held any more. */
  async cancel(order: string, seat: string): Promise<void> {
    await this.dataSource.query(
      "UPDATE seat SET state = 'FREE', held_by = NULL, held_until = NULL WHERE id = $1 AND state = 'HELD' AND held_by = $2",
      [seat, order],
    );
  }

  /** Give back what nobody confirmed in time; run every minute, on any number of instances. */
  async expire(): Promise<void> {
    await this.dataSource.query(
      "UPDATE seat SET state = 'FREE', held_by = NULL, held_until = NULL WHERE state = 'HELD' AND held_until < now()",
    );
  }
}
