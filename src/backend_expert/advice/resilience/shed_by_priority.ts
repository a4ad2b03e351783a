// A door with a limit on the requests inside, the last of the places only for requests that change something.
import type { NextFunction, Request, Response } from "express";

const READS = new Set(["GET", "HEAD", "OPTIONS"]);

export function isCritical(request: Request): boolean {
  return !READS.has(request.method);
}

export function shedding(places: number, keptShare: number): (request: Request, answer: Response, next: NextFunction) => void {
  let inside = 0;
  const open = Math.floor(places * (1 - keptShare));
  return (request, answer, next) => {
    const critical = isCritical(request);
    if (inside >= (critical ? places : open)) {
      answer.status(503).set("retry-after", "1").end();
      return;
    }
    inside += 1;
    answer.once("close", () => {
      inside -= 1;
    });
    answer.locals["priority"] = critical ? "critical" : "sheddable"; // for the header of every call that this request makes
    next();
  };
}
