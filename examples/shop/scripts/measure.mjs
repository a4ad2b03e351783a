// Measures one request at a time: latency as the caller sees it, and processor time of every service behind it. Linux only.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { addToCart, newCustomer, placeOrder, products, request } from './shop.mjs';

const { Client } = createRequire(import.meta.url)('pg');
const { CATALOGUE_URL, CART_URL, ORDERS_URL, INVENTORY_URL, GATEWAY_URL, DATABASE_URL, SERVICE_PIDS } = process.env;
const SERVICES = ['catalogue', 'cart', 'orders', 'payment', 'inventory', 'notifications', 'gateway', 'redis', 'rabbitmq'];
const TICK_MS = 10; // USER_HZ is 100 on every Linux of today
const WARM_UP = 100;

const pids = Object.fromEntries(
  readFileSync(SERVICE_PIDS, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ')),
);

/** Processor time of a process and of its children, in milliseconds. */
function cpuMs(name) {
  const own = pids[name];
  const children = readFileSync(`/proc/${own}/task/${own}/children`, 'utf8').trim().split(' ').filter(Boolean);
  let ticks = 0;
  for (const pid of [own, ...children]) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * TICK_MS;
}

async function measure(name, count, ask) {
  for (let i = 0; i < WARM_UP; i++) await ask(i);
  const before = SERVICES.map(cpuMs);
  const times = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await ask(i);
    times.push(performance.now() - start);
  }
  const cpu = SERVICES.map((service, i) => [service, (cpuMs(service) - before[i]) / count]).filter(([, ms]) => ms >= 0.02);
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(share * count)].toFixed(2).padStart(8);
  console.log(`${name.padEnd(44)}${at(0.5)}${at(0.9)}${at(0.99)}   ${cpu.map(([s, ms]) => `${s} ${ms.toFixed(2)}`).join(', ')}`);
}

const shop = new Client(`${DATABASE_URL}/shop`);
const catalogue = new Client(`${DATABASE_URL}/catalogue`);
await shop.connect();
await catalogue.connect();
await shop.query('UPDATE stock SET available = 1000000');

const items = await products(100);
const customer = await newCustomer();
console.log(`${'ms, one at a time'.padEnd(44)}     p50     p90     p99   processor ms a request`);
await measure('catalogue GET /products', 500, () => request('GET', `${CATALOGUE_URL}/products`));
await measure('catalogue GET /products?page=200', 500, () => request('GET', `${CATALOGUE_URL}/products?page=200`));
await measure('catalogue GET /products/:id (cached)', 1000, () => request('GET', `${CATALOGUE_URL}/products/${items[0].id}`));
await measure('catalogue GET /products/:id/reviews', 500, (i) => request('GET', `${CATALOGUE_URL}/products/${items[i % 100].id}/reviews`));
await measure('gateway GET /api/products/:id (cached)', 1000, () => request('GET', `${GATEWAY_URL}/api/products/${items[0].id}`));
await measure('cart POST /cart/items', 1000, (i) =>
  request('POST', `${CART_URL}/cart/items`, { token: customer.token, body: { productId: items[i % 3].id, quantity: 1 } }),
);
await measure('cart GET /cart', 1000, () => request('GET', `${CART_URL}/cart`, customer));
await measure('inventory GET /stock', 100, () => request('GET', `${INVENTORY_URL}/stock`));
await measure('inventory POST /reservations (3 lines)', 500, (i) =>
  request('POST', `${INVENTORY_URL}/reservations`, {
    body: { orderId: randomUUID(), lines: [0, 1, 2].map((line) => ({ productId: items[(i + line) % 100].id, quantity: 1 })) },
  }),
);


const buyer = await newCustomer();
const fill = async () => {
  for (const item of items.slice(0, 3)) await addToCart(buyer, item.id);
};
await measure('3 x gateway POST /api/cart/items', 300, fill);
await measure('the same and gateway POST /api/orders', 100, async () => {
  await fill();
  await placeOrder(buyer);
});
await measure('orders GET /orders (200 orders)', 20, () => request('GET', `${ORDERS_URL}/orders`, buyer));

await shop.query(`INSERT INTO orders (id, customer_id, status, total_cents, cancel_code)
  SELECT md5('old ' || n)::uuid, (SELECT id FROM customers LIMIT 1), 'SHIPPED', 100, md5('code ' || n)::uuid FROM generate_series(1, 100000) n`);
await shop.query(`INSERT INTO order_lines (order_id, product_id, name, quantity, price_cents)
  SELECT md5('old ' || (1 + n % 100000))::uuid, gen_random_uuid(), 'Mug', 1, 100 FROM generate_series(1, 300000) n`);
await shop.query('ANALYZE');
console.log(`\n${'ms, one statement at a time'.padEnd(44)}     p50     p90     p99   (100,000 orders, 300,000 lines)`);
const query = (client, text, values = () => []) => (i) => client.query(text, values(i));
await measure('product by id', 500, query(catalogue, 'SELECT * FROM products WHERE id = $1', (i) => [items[i % 100].id]));
await measure('products, first page', 500, query(catalogue, 'SELECT * FROM products ORDER BY name, id LIMIT 24'));
await measure('products, page 200', 500, query(catalogue, 'SELECT * FROM products ORDER BY name, id LIMIT 24 OFFSET 4776'));
await measure('count of products', 500, query(catalogue, 'SELECT count(*) FROM products'));
await measure('reviews of a product', 500, query(catalogue, 'SELECT * FROM reviews WHERE product_id = $1', (i) => [items[i % 100].id]));
await measure('stock by product', 500, query(shop, 'SELECT * FROM stock WHERE product_id = $1', (i) => [items[i % 100].id]));
await measure('stock update', 500, query(shop, 'UPDATE stock SET available = available WHERE product_id = $1', (i) => [items[i % 100].id]));
await measure('customer by id', 500, query(shop, 'SELECT * FROM customers WHERE id = (SELECT customer_id FROM orders LIMIT 1)'));
await measure('order lines of an order', 50, query(shop, 'SELECT * FROM order_lines WHERE order_id = $1', () => [randomUUID()]));
await measure(
  'shipment insert',
  500,
  query(shop, 'INSERT INTO shipments (order_id) VALUES ($1)', () => [randomUUID()]),
);
await shop.end();
await catalogue.end();
