// A read-through cache in which one miss of a key asks the store, and lives differ by a tenth.
import type { Redis } from "ioredis";

const JITTER = 0.1;

export class ReadThrough<Value> {
  readonly #inFlight = new Map<string, Promise<Value>>();

  constructor(
    private readonly redis: Redis,
    private readonly load: (key: string, signal: AbortSignal) => Promise<Value>,
    private readonly expirySeconds: number,
    private readonly timeoutMs: number,
  ) {}

  async get(key: string): Promise<Value> {
    const cached = await this.redis.get(key);
    if (cached !== null) return JSON.parse(cached) as Value;
    const already = this.#inFlight.get(key);
    if (already !== undefined) return already;
    const fresh = this.#fill(key).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, fresh);
    return fresh;
  }

  async #fill(key: string): Promise<Value> {
    const value = await this.load(key, AbortSignal.timeout(this.timeoutMs));
    const life = this.expirySeconds * (1 - JITTER + 2 * JITTER * Math.random());
    await this.redis.set(key, JSON.stringify(value), "PX", Math.round(1000 * life));
    return value;
  }
}
