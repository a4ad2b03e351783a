// Pools with a reason: the size comes from Little's law, each dependency has its own, and waiting for a place has an end.
import { Pool } from "pg";

/** Return the share of requests that wait with `places` places and `busy` of them in use on average (Erlang C). */
export function erlangC(busy: number, places: number): number {
  let blocked = 1;
  for (let k = 1; k <= places; k += 1) blocked = (busy * blocked) / (k + busy * blocked);
  return places > busy ? blocked / (1 - (busy / places) * (1 - blocked)) : 1;
}

/** Return the fewest places with which at most 1 % of the requests wait. */
export function placesFor(ratePerSecond: number, heldSeconds: number, waiting = 0.01): number {
  const busy = ratePerSecond * heldSeconds;
  let places = Math.max(1, Math.ceil(busy));
  while (erlangC(busy, places) > waiting) places += 1;
  return places;
}

function setting(name: string): number {
  const value = Number(process.env[name]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} must be a whole number of at least 1`);
  return value;
}

// The peak sends 200 requests/s to each replica and a query holds its connection for 25 ms: placesFor(200, 0.025) = 12.
// The database works on 16 queries at once: with more replicas than one, put a pooler between instead of more connections.
export const orders = new Pool({
  max: setting("ORDERS_POOL_SIZE"),
  connectionTimeoutMillis: 50, // a place that is not free by then is not worth the wait
  idleTimeoutMillis: 30_000,
});

// Reports run for seconds. In the pool above they would take every place from the orders; here they only queue among themselves.
export const reports = new Pool({ max: setting("REPORTS_POOL_SIZE"), connectionTimeoutMillis: 2_000 });
