// A token bucket in front of the handlers: 180 requests a second, 36 at once.
import type { NextFunction, Request, Response } from "express";

export class TokenBucket {
  #tokens: number;
  #last = performance.now();

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
  ) {
    this.#tokens = burst;
  }

  /** Take a token; return how many milliseconds to wait for one where there is none. */
  take(): number {
    const now = performance.now();
    this.#tokens = Math.min(this.burst, this.#tokens + (this.perSecond * (now - this.#last)) / 1000);
    this.#last = now;
    if (this.#tokens < 1) return (1000 * (1 - this.#tokens)) / this.perSecond;
    this.#tokens -= 1;
    return 0;
  }
}

export function limited(perSecond = 180, burst = 36): (request: Request, answer: Response, next: NextFunction) => void {
  const bucket = new TokenBucket(perSecond, burst);
  return (_request, answer, next) => {
    const waitMs = bucket.take();
    if (waitMs === 0) {
      next();
      return;
    }
    answer.status(429).set("retry-after", String(Math.ceil(waitMs / 1000))).end();
  };
}
