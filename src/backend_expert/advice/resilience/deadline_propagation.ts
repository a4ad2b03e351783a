// The time that is left goes down with every call; whoever runs out of it, or loses its caller, stops.
import { AsyncLocalStorage } from "node:async_hooks";
import type { NextFunction, Request, Response as Answer } from "express";

const HEADER = "x-timeout-ms"; // a duration and not a time of day: clocks differ
const LONGEST_MS = 500; // what the entry promises
const HANDING_OVER_MS = 5; // so that our own answer still arrives in time

interface Deadline {
  at: number; // on the clock of performance.now()
  signal: AbortSignal;
}

const current = new AsyncLocalStorage<Deadline>();

/** Take the deadline of a request over, refuse what has none left, and stop when the caller hangs up. */
export function deadline(request: Request, answer: Answer, next: NextFunction): void {
  const stated = Number(request.get(HEADER));
  const left = Math.min(LONGEST_MS, Number.isFinite(stated) && stated > 0 ? stated : LONGEST_MS);
  if (left <= HANDING_OVER_MS) {
    answer.status(504).end();
    return;
  }
  const hungUp = new AbortController();
  answer.on("close", () => hungUp.abort(new Error("the caller has gone")));
  const signal = AbortSignal.any([hungUp.signal, AbortSignal.timeout(left)]);
  current.run({ at: performance.now() + left, signal }, next);
}

/** Return the milliseconds that the current request has left. */
export function left(): number {
  const known = current.getStore();
  return known === undefined ? LONGEST_MS : known.at - performance.now();
}

/** Call with the smaller of the own timeout and the time that is left; throws at once when nothing is. */
export async function call(url: string, timeoutMs: number): Promise<Response> {
  const granted = Math.floor(Math.min(timeoutMs, left() - HANDING_OVER_MS));
  if (granted <= 0) throw new Error(`no time left for ${url}`);
  const own = AbortSignal.timeout(granted);
  const known = current.getStore();
  return fetch(url, {
    headers: { [HEADER]: String(granted) },
    signal: known === undefined ? own : AbortSignal.any([own, known.signal]),
  });
}
