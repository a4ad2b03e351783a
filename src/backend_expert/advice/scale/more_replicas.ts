// What a service owes its other instances: say when it is ready, and finish what is running before it stops.
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import express from "express";

const DRAIN_MS = 5_000; // until every balancer has read that this instance is not ready (probe period 2 s, twice, and a margin)
const LONGEST_REQUEST_MS = 10_000;

const app = express();
let ready = true;

app.get("/ready", (_request, response) => {
  response.sendStatus(ready ? 204 : 503);
});
app.get("/live", (_request, response) => {
  response.sendStatus(204); // the process answers; whether it should get traffic is the question of /ready
});

export const server = createServer(app);

/** Leave the balancer first, then finish, then go: nobody's request is cut off by a release. */
export async function stop(): Promise<void> {
  ready = false;
  await pause(DRAIN_MS);
  const late = setTimeout(() => server.closeAllConnections(), LONGEST_REQUEST_MS);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(late);
}

process.once("SIGTERM", () => {
  void stop();
});
