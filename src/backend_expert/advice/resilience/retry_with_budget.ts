// Retries next to the dependency and nowhere else: few attempts, full jitter, and a budget that a storm cannot spend.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

const ATTEMPTS = 3;
const BASE_MS = 50;
const CAP_MS = 500;
const BUDGET = 0.1; // retries are at most a tenth of the calls
const RESERVE = 10; // retries that a quiet client may save up
const TRANSIENT = new Set([502, 503, 504]);

/** Count what may be spent on retries towards one target. */
export class RetryBudget {
  #tokens = RESERVE;

  earn(): void {
    this.#tokens = Math.min(RESERVE, this.#tokens + BUDGET);
  }

  spend(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

const budgets = new Map<string, RetryBudget>();

function budgetOf(target: string): RetryBudget {
  const known = budgets.get(target) ?? new RetryBudget();
  budgets.set(target, known);
  return known;
}

/** Post with one idempotency key for all attempts; `deadline` is on the clock of `performance.now()`. */
export async function post(url: string, body: unknown, timeoutMs: number, deadline: number): Promise<Response> {
  const budget = budgetOf(new URL(url).origin);
  const key = randomUUID(); // made once, outside the loop: a key for each attempt would protect nothing
  budget.earn();
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await attemptOnce(url, body, timeoutMs, key);
    if (outcome instanceof Response && !TRANSIENT.has(outcome.status)) return outcome;
    const wait = Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1));
    const inTime = performance.now() + wait + timeoutMs <= deadline;
    if (attempt === ATTEMPTS || !inTime || !budget.spend()) {
      if (outcome instanceof Response) return outcome;
      throw outcome;
    }
    await pause(wait);
  }
}

async function attemptOnce(url: string, body: unknown, timeoutMs: number, key: string): Promise<Response | Error> {
  try {
    return await fetch(url, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", "idempotency-key": key },
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
