import express, { type Express } from 'express';

import { pool } from './database';
import { OutOfStock, release, reserve, type Line } from './reservations';
import * as stock from './stock';

export function createApp(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(express.json({ limit: '64kb' }));

  app.get('/health', (_request, response) => {
    response.json({ status: 'ok' });
  });

  app.get('/stock', async (_request, response) => {
    response.json(await stock.findAll());
  });

  app.get('/stock/:productId', async (request, response) => {
    const row = await stock.find(request.params.productId);
    if (row === undefined) response.status(404).json({ message: 'no such product' });
    else response.json(row);
  });

  app.put('/stock/:productId', async (request, response) => {
    const row = { productId: request.params.productId, available: Number(request.body.available) };
    if (!Number.isInteger(row.available) || row.available < 0) {
      response.status(400).json({ message: 'available is a whole number from 0 up' });
      return;
    }
    await stock.save(row);
    response.json(row);
  });

  app.post('/reservations', async (request, response) => {
    const { orderId, lines } = request.body as { orderId: string; lines: Line[] };
    try {
      await reserve(orderId, lines);
      response.status(201).json({ orderId });
    } catch (error) {
      if (!(error instanceof OutOfStock)) throw error;
      response.status(409).json({ message: error.message, productId: error.productId });
    }
  });

  app.delete('/reservations/:orderId', async (request, response) => {
    await release(request.params.orderId);
    response.status(204).end();
  });

  app.get('/shipments/:orderId', async (request, response) => {
    const { rows } = await pool.query<{ shippedAt: Date }>(
      'SELECT shipped_at AS "shippedAt" FROM shipments WHERE order_id = $1',
      [request.params.orderId],
    );
    response.json({ orderId: request.params.orderId, shippedAt: rows[0]?.shippedAt ?? null });
  });

  return app;
}
