// The id of the message is a row of the transaction that does the work: a second delivery finds it and does nothing.
import { Injectable } from "@nestjs/common";
import { Column, DataSource, Entity, EntityManager, PrimaryColumn } from "typeorm";

@Entity()
export class Inbox {
  @PrimaryColumn("text")
  consumer!: string;

  @PrimaryColumn("uuid")
  message!: string;
}

@Entity()
export class Stock {
  @PrimaryColumn("text")
  product!: string;

  @Column("integer")
  qty!: number;
}

export interface OrderCreated {
  id: string; // of the message, given by its publisher: the same in every delivery
  product: string;
  pieces: number;
}

@Injectable()
export class StockConsumer {
  constructor(private readonly dataSource: DataSource) {}

  /** Take the pieces of an order once, however often its message comes; acknowledge after this returns. */
  async handle(message: OrderCreated): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      if (!(await firstTime(manager, "stock", message.id))) return;
      await manager.decrement(Stock, { product: message.product }, "qty", message.pieces);
    });
  }
}

async function firstTime(manager: EntityManager, consumer: string, message: string): Promise<boolean> {
  const rows: unknown[] = await manager.query(
    "INSERT INTO inbox (consumer, message) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING message",
    [consumer, message],
  );
  return rows.length === 1;
}
