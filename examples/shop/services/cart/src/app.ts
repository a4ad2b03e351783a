import express, { type Express } from 'express';

import { customerOf, requireCustomer } from './authentication';
import * as carts from './carts';

const QUANTITY_MAX = 99;

export function createApp(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(express.json({ limit: '16kb' }));
  app.use('/cart', requireCustomer);

  app.get('/cart', async (_request, response) => {
    response.json({ items: await carts.items(customerOf(response)) });
  });

  app.post('/cart/items', async (request, response) => {
    const item = parseItem(request.body);
    if (item === undefined) {
      response.status(400).json({ message: `an item needs a productId and a quantity from 1 to ${QUANTITY_MAX}` });
      return;
    }
    await carts.add(customerOf(response), item);
    response.status(201).json(item);
  });

  app.delete('/cart', async (_request, response) => {
    await carts.clear(customerOf(response));
    response.status(204).end();
  });

  return app;
}

function parseItem(body: unknown): carts.Item | undefined {
  const { productId, quantity } = (body ?? {}) as Partial<carts.Item>;
  const valid = typeof productId === 'string' && Number.isInteger(quantity) && quantity! >= 1 && quantity! <= QUANTITY_MAX;
  return valid ? { productId, quantity: quantity! } : undefined;
}
