import { Pool } from 'pg';

import { config } from './config';
import { send, type Mail } from './mail';

const pool = new Pool({ connectionString: config.databaseUrl });

pool.on('error', (error) => console.error('an idle connection was lost:', error.message));

interface Recipient {
  email: string;
  name: string;
  totalCents: number;
  cancelCode: string;
}

/** Tells the customer of an order what happened to it, and keeps that it was told. */
export async function notify(event: string, orderId: string): Promise<void> {
  const recipient = await findRecipient(orderId);
  await send(compose(event, orderId, recipient));
  await pool.query('INSERT INTO deliveries (order_id, event, email) VALUES ($1, $2, $3)', [orderId, event, recipient.email]);
}

async function findRecipient(orderId: string): Promise<Recipient> {
  const { rows } = await pool.query<Recipient>(
    `SELECT c.email, c.name, o.total_cents AS "totalCents", o.cancel_code AS "cancelCode"
       FROM orders o JOIN customers c ON c.id = o.customer_id
      WHERE o.id = $1`,
    [orderId],
  );
  if (rows[0] === undefined) {
    throw new Error(`there is no order ${orderId}`);
  }
  return rows[0];
}

function compose(event: string, orderId: string, to: Recipient): Mail {
  if (event === 'order.shipped') {
    return { to: to.email, subject: 'Your order is on its way', text: `Dear ${to.name}, order ${orderId} has left us.` };
  }
  const total = (to.totalCents / 100).toFixed(2);
  const link = `/api/orders/${orderId}/cancel?code=${to.cancelCode}`;
  return { to: to.email, subject: 'Thank you for your order', text: `Dear ${to.name}, ${total} was charged. To cancel: ${link}` };
}
