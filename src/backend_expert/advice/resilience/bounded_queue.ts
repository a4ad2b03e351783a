// Admission at the door of an Express service: so many at work, so many waiting, the rest is told to come back.
import express, { type NextFunction, type Request, type Response } from "express";

export interface Limits {
  readonly workers: number; // requests worked on at a time
  readonly waiting: number; // places in the queue: workers / service time x (patience - service time)
  readonly patienceMs: number; // after this nobody reads the answer
}

interface Waiting {
  readonly enter: () => void;
  readonly arrival: number;
  readonly response: Response;
}

/** Admit what can be answered in time; refuse the rest before it costs anything. */
export function admission(limits: Limits): (request: Request, response: Response, next: NextFunction) => void {
  const queue: Waiting[] = [];
  let working = 0;

  function release(): void {
    working -= 1;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const stale = performance.now() - next.arrival > limits.patienceMs;
      if (stale || next.response.destroyed) {
        refuse(next.response);
        continue;
      }
      next.enter();
      return;
    }
  }

  return (request, response, next) => {
    if (request.path === "/health") return next(); // a busy instance is alive
    const enter = (): void => {
      working += 1;
      response.once("close", release);
      next();
    };
    if (working < limits.workers) return enter();
    if (queue.length >= limits.waiting) return refuse(response);
    queue.push({ enter, arrival: performance.now(), response });
  };
}

function refuse(response: Response): void {
  if (!response.headersSent && !response.destroyed) response.status(503).set("Retry-After", "1").end();
}

const app = express();
// 20 at a time, 50 ms each: 400/s. Nobody waits longer than 500 ms: 400/s x 0.45 s = 180 places.
app.use(admission({ workers: 20, waiting: 180, patienceMs: 500 }));
app.use(express.json({ limit: "64kb" }));
app.get("/health", (_request, response) => {
  response.sendStatus(204);
});

export { app };
