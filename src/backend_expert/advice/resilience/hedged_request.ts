// A read that takes longer than 95 % of the others goes to a second instance; the first answer counts.
import { setTimeout as pause } from "node:timers/promises";

const SHARE = 0.05; // hedges are at most one in twenty requests: a slow day must not double the load
const SAMPLES = 200;

/** Know how long reads of one service take, and how many hedges may still be sent. */
export class Hedging {
  #times: number[] = [];
  #tokens = 1;

  begin(): void {
    this.#tokens = Math.min(10, this.#tokens + SHARE);
  }

  end(ms: number): void {
    this.#times.push(ms);
    if (this.#times.length > SAMPLES) this.#times.shift();
  }

  delayMs(): number {
    const sorted = this.#times.toSorted((a, b) => a - b);
    return sorted[Math.floor(0.95 * sorted.length)] ?? 100;
  }

  spend(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** Read from one of two different instances, whichever answers first; the other request is cancelled. */
export async function read(path: string, instances: readonly [string, string], timeoutMs: number, hedging: Hedging): Promise<Response> {
  const started = performance.now();
  const first = new AbortController();
  const second = new AbortController();
  const limit = AbortSignal.timeout(timeoutMs);
  const ask = async (instance: string, own: AbortController): Promise<Response> => {
    const answer = await fetch(`${instance}${path}`, { signal: AbortSignal.any([own.signal, limit]) });
    if (answer.status >= 500) throw new Error(`${instance} answered ${answer.status}`);
    (own === first ? second : first).abort();
    hedging.end(performance.now() - started);
    return answer;
  };
  hedging.begin();
  const late = async (): Promise<Response> => {
    await pause(hedging.delayMs(), undefined, { signal: second.signal });
    if (!hedging.spend()) throw new Error("no hedge left");
    return ask(instances[1], second);
  };
  return Promise.any([ask(instances[0], first), late()]);
}
