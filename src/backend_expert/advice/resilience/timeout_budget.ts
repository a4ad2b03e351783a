// One deadline for the whole request, handed down; every call takes what is left of it, and no more than its own limit.
import { AsyncLocalStorage } from "node:async_hooks";
import type { NextFunction, Request, Response } from "express";
import { Pool, type QueryResult } from "pg";

const OBJECTIVE_MS = 500; // what the entry promises
const HEADER = "x-deadline-ms"; // milliseconds left, so that clocks of two machines never meet

const deadline = new AsyncLocalStorage<number>();

export class DeadlineExceeded extends Error {}

/** Start the budget at an entry, or take over what the caller left. */
export function budget(request: Request, _response: Response, next: NextFunction): void {
  const left = Number(request.header(HEADER));
  const granted = Number.isFinite(left) && left > 0 ? Math.min(left, OBJECTIVE_MS) : OBJECTIVE_MS;
  deadline.run(performance.now() + granted, next);
}

/** Return how long a call may take: its own limit, or what the request has left. */
export function limit(ownLimitMs: number): number {
  const left = (deadline.getStore() ?? performance.now() + OBJECTIVE_MS) - performance.now();
  const granted = Math.floor(Math.min(ownLimitMs, left));
  if (granted <= 0) throw new DeadlineExceeded("nothing is left of the request's time");
  return granted;
}

/** Call another service; the connection is closed when the time is over, so no worker and no socket is kept. */
export async function call(url: string, ownLimitMs: number, init: RequestInit = {}): Promise<globalThis.Response> {
  const granted = limit(ownLimitMs);
  const headers = new Headers(init.headers);
  headers.set(HEADER, String(granted));
  return fetch(url, { ...init, headers, signal: AbortSignal.timeout(granted) });
}

// connectionTimeoutMillis bounds the wait for a free connection: without it the pool is an unbounded queue.
const pool = new Pool({ max: 10, connectionTimeoutMillis: 100 });

/** Run a statement that PostgreSQL itself stops when the time is over. */
export async function query(text: string, values: unknown[], ownLimitMs: number): Promise<QueryResult> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT set_config('statement_timeout', $1, true)", [String(limit(ownLimitMs))]);
    const result = await client.query(text, values);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}
