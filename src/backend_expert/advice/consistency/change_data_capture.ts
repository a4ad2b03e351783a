// The event is written into the log of the database by the transaction of the row; a connector reads it from there and publishes it.
import { Injectable } from "@nestjs/common";
import { DataSource } from "typeorm";

@Injectable()
export class Orders {
  constructor(private readonly dataSource: DataSource) {}

  /** Place an order. There is no table to empty and nothing to relay: the commit is the event. */
  async place(customer: string, cents: number): Promise<string> {
    return this.dataSource.transaction(async (manager) => {
      const rows: { id: string }[] = await manager.query(
        "INSERT INTO orders (customer, cents) VALUES ($1, $2) RETURNING id",
        [customer, cents],
      );
      const id = rows[0]?.id;
      if (id === undefined) throw new Error("the insert of the order gave no id");
      // Transactional: the message exists in the log only if this transaction commits.
      await manager.query("SELECT pg_logical_emit_message(true, 'order.created', $1)", [JSON.stringify({ id, customer, cents })]);
      return id;
    });
  }
}
