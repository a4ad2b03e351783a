import type { RequestHandler, Response } from 'express';
import jwt from 'jsonwebtoken';

import { config } from './config';

/** Lets requests with a valid token of a customer through and leaves the id of the customer in `response.locals`. */
export const requireCustomer: RequestHandler = (request, response, next) => {
  const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
  try {
    const claims = jwt.verify(token, config.jwtSecret, { algorithms: ['HS256'] });
    response.locals.customerId = claims.sub;
    next();
  } catch {
    response.status(401).json({ message: 'sign in first' });
  }
};

export function customerOf(response: Response): string {
  return response.locals.customerId as string;
}
