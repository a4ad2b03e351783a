import express, { type Express } from 'express';

import { cachedProduct } from './cache';
import { countProducts, findPage, findReviews } from './products';

const PAGE_SIZE_MAX = 100;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function createApp(): Express {
  const app = express();
  app.disable('x-powered-by');

  app.get('/health', (_request, response) => {
    response.json({ status: 'ok' });
  });

  app.param('id', (_request, response, next, id: string) => {
    if (UUID.test(id)) next();
    else response.status(404).json({ message: 'no such product' });
  });

  app.get('/products', async (request, response) => {
    const category = typeof request.query.category === 'string' ? request.query.category : undefined;
    const page = positive(request.query.page, 1);
    const size = Math.min(positive(request.query.size, 24), PAGE_SIZE_MAX);
    const [items, total] = await Promise.all([findPage(category, page, size), countProducts(category)]);
    response.json({ items, page, size, total });
  });

  app.get('/products/:id', async (request, response) => {
    const product = await cachedProduct(request.params.id);
    if (product === undefined) response.status(404).json({ message: 'no such product' });
    else response.json(product);
  });

  app.get('/products/:id/reviews', async (request, response) => {
    response.json(await findReviews(request.params.id));
  });

  return app;
}

function positive(value: unknown, otherwise: number): number {
  const number = Number(value);
  return Number.isInteger(number) && number > 0 ? number : otherwise;
}
