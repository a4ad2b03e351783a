// Every holder of the lock gets a number greater than the last; the database refuses writes with a smaller one.
import { Injectable } from "@nestjs/common";
import { Redis } from "ioredis";
import { DataSource } from "typeorm";

const LEASE_MS = 30_000;
// One script, so that the token grows exactly when the lock is given.
const ACQUIRE = `
  if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return redis.call('INCR', KEYS[2]) end
  return 0`;
const RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

@Injectable()
export class Reports {
  constructor(
    private readonly redis: Redis,
    private readonly dataSource: DataSource,
  ) {}

  /** Write a report as its only author; `false` when somebody else is at it or has overtaken us. */
  async write(report: string, instance: string, body: () => Promise<string>): Promise<boolean> {
    const [lock, counter] = [`report:${report}:lock`, `report:${report}:token`];
    const token = Number(await this.redis.eval(ACQUIRE, 2, lock, counter, instance, LEASE_MS));
    if (token === 0) return false;
    try {
      const text = await body(); // may take longer than the lease: a pause of the collector, a slow disk
      const [, written]: [unknown, number] = await this.dataSource.query(
        "UPDATE report SET body = $2, fence = $3 WHERE id = $1 AND fence <= $3",
        [report, text, token],
      );
      return written === 1;
    } finally {
      await this.redis.eval(RELEASE, 1, lock, instance);
    }
  }
}
