// A breaker for one dependency: it opens at half failures in ten seconds, waits five, and lets one probe decide.
import { Injectable, ServiceUnavailableException } from "@nestjs/common";

const WINDOW_MS = 10_000;
const MINIMUM_CALLS = 10;
const FAILURE_RATIO = 0.5;
const OPEN_MS = 5_000;

type State = "closed" | "open" | "half-open";

/** Stop calling what does not answer; `now` is replaced in tests. */
export class CircuitBreaker {
  #state: State = "closed";
  #retryAt = 0;
  #outcomes: { at: number; failed: boolean }[] = [];

  constructor(private readonly now: () => number = () => performance.now()) {}

  get state(): State {
    return this.#state;
  }

  async call<T>(work: () => Promise<T>, fallback: () => T): Promise<T> {
    if (!this.#mayPass()) return fallback();
    const probing = this.#state === "half-open";
    try {
      const result = await work();
      this.#record(false, probing);
      return result;
    } catch (error) {
      this.#record(true, probing);
      if (this.#state === "open") return fallback();
      throw error;
    }
  }

  #mayPass(): boolean {
    if (this.#state === "closed") return true;
    if (this.#state === "half-open" || this.now() < this.#retryAt) return false; // one probe is under way, or it is too early
    this.#state = "half-open";
    return true;
  }

  #record(failed: boolean, probing: boolean): void {
    const at = this.now();
    if (probing) {
      if (failed) this.#open(at);
      else this.#close();
      return;
    }
    this.#outcomes = [...this.#outcomes.filter((each) => each.at > at - WINDOW_MS), { at, failed }];
    const failures = this.#outcomes.filter((each) => each.failed).length;
    const enough = this.#outcomes.length >= MINIMUM_CALLS;
    if (this.#state === "closed" && enough && failures / this.#outcomes.length >= FAILURE_RATIO) this.#open(at);
  }

  #open(at: number): void {
    this.#state = "open";
    this.#retryAt = at + OPEN_MS;
  }

  #close(): void {
    this.#state = "closed";
    this.#outcomes = [];
  }
}

export interface Quote {
  readonly cents: number;
  readonly estimated: boolean;
}

@Injectable()
export class ShippingClient {
  private readonly breaker = new CircuitBreaker();

  /** Quote the shipping; while the quoting service is away the flat rate is offered and marked as such. */
  async quote(country: string): Promise<Quote> {
    return this.breaker.call(
      async () => {
        const url = `http://shipping:8080/quotes/${encodeURIComponent(country)}`;
        const response = await fetch(url, { signal: AbortSignal.timeout(300) });
        if (response.status >= 500) throw new ServiceUnavailableException(`shipping answered ${response.status}`);
        return (await response.json()) as Quote;
      },
      () => ({ cents: 990, estimated: true }),
    );
  }
}
