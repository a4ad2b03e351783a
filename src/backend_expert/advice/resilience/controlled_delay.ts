// A queue in front of a bounded number of workers that refuses by waiting time: 100 ms in a burst, 5 ms in a standing queue.
import type { NextFunction, Request, Response } from "express";

const INTERVAL_MS = 100;
const TARGET_MS = 5;

interface Waiting {
  since: number;
  admit: () => void;
  refuse: () => void;
}

/** Give out places; who has waited too long when its turn comes is refused, not served late. */
export class ControlledDelay {
  readonly #waiting: Waiting[] = [];
  #free: number;
  #emptyAt = performance.now();

  constructor(places: number) {
    this.#free = places;
  }

  async enter(): Promise<boolean> {
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    if (this.#waiting.length === 0) this.#emptyAt = performance.now();
    return new Promise((resolve) => {
      this.#waiting.push({ since: performance.now(), admit: () => resolve(true), refuse: () => resolve(false) });
    });
  }

  leave(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const now = performance.now();
      const patience = now - this.#emptyAt > INTERVAL_MS ? TARGET_MS : INTERVAL_MS;
      if (this.#waiting.length === 0) this.#emptyAt = now;
      if (now - next.since <= patience) {
        next.admit();
        return;
      }
      next.refuse();
    }
    this.#free += 1;
  }
}

/** Stand in front of the handlers; a refused request costs neither a parsed body nor a connection. */
export function controlled(places: number): (request: Request, answer: Response, next: NextFunction) => void {
  const gate = new ControlledDelay(places);
  return (_request, answer, next) => {
    void gate.enter().then((admitted) => {
      if (!admitted) {
        answer.status(503).set("retry-after", "1").end();
        return;
      }
      answer.once("close", () => gate.leave());
      next();
    });
  };
}
