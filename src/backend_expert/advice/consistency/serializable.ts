// The database lets concurrent transactions end as if one had come after the other, or refuses one of them: then try again.
import { ConflictException, Injectable } from "@nestjs/common";
import { setTimeout as pause } from "node:timers/promises";
import { DataSource, EntityManager, QueryFailedError } from "typeorm";

const REFUSED = new Set(["40001", "40P01"]); // serialization_failure, deadlock_detected: PostgreSQL manual, appendix A
const MOST_ATTEMPTS = 5;

@Injectable()
export class OnCall {
  constructor(private readonly dataSource: DataSource) {}

  /** Let a doctor go off duty while another stays: a rule over several rows, which no single row could guard. */
  async leave(doctor: string): Promise<void> {
    await this.serializable(async (manager) => {
      const rows: { n: string }[] = await manager.query("SELECT count(*) AS n FROM duty WHERE on_call");
      if (Number(rows[0]?.n ?? 0) < 2) throw new ConflictException("somebody has to stay");
      await manager.query("UPDATE duty SET on_call = false WHERE doctor = $1", [doctor]);
    });
  }

  /** Run the whole of `work` again when the store refuses the commit: it must do nothing that cannot be rolled back. */
  private async serializable<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.dataSource.transaction("SERIALIZABLE", work);
      } catch (error) {
        const code = error instanceof QueryFailedError ? (error.driverError as { code?: string }).code : undefined;
        if (code === undefined || !REFUSED.has(code) || attempt === MOST_ATTEMPTS) throw error;
        await pause(Math.random() * 20 * 2 ** attempt);
      }
    }
  }
}
