// Makes some of the planted problems happen in the running shop and says what they leave behind. Nothing here is simulated.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { addToCart, eventually, gateway, newCustomer, placeOrder, products, providers, request } from './shop.mjs';

const [first, second, third, fourth, fifth] = await products(5);
const settings = (body) => request('PUT', `${providers}/settings`, { body });
const taken = async (what) => (await request('GET', `${providers}/${what}`)).body;
const say = (problem, outcome) => console.log(`\n${problem}\n  ${outcome}`);
const milliseconds = (since) => Math.round(performance.now() - since);
const seconds = (since) => (milliseconds(since) / 1000).toFixed(1);

await oversell();
await slowCardGateway();
await failingCardGateway();
await heldConnections();
await lostMail();
await lostCart();

async function oversell() {
  const units = 5;
  // No token: anybody outside can set the stock.
  const put = await request('PUT', `${gateway}/api/stock/${first.id}`, { body: { available: units } });
  const customers = await Promise.all(Array.from({ length: 16 }, newCustomer));
  await Promise.all(customers.map((customer) => addToCart(customer, first.id)));
  const answers = await Promise.all(customers.map((customer) => placeOrder(customer)));
  const sold = answers.filter((answer) => answer.status === 201).length;
  say(`Stock set to ${units} without signing in (status ${put.status}); 16 customers order one each at the same time.`, `${sold} orders were paid.`);
}

async function slowCardGateway() {
  const customer = await newCustomer();
  await addToCart(customer, second.id);
  const before = (await taken('charges')).length;
  await settings({ delayMs: 6000 });
  const start = performance.now();
  const answer = await placeOrder(customer);
  const waited = seconds(start);
  await settings({ delayMs: 120 });
  await sleep(7000);
  const charges = (await taken('charges')).length - before;
  const orders = (await request('GET', `${gateway}/api/orders`, customer)).body.length;
  say('The card gateway takes 6 s; one customer orders once.', `Status ${answer.status} after ${waited} s; ${charges} charges and ${orders} orders.`);
}

async function failingCardGateway() {
  const customer = await newCustomer();
  await addToCart(customer, third.id);
  const before = (await taken('charges')).length;
  await settings({ failing: ['/charges'] });
  const start = performance.now();
  const answer = await placeOrder(customer);
  await settings({ failing: [] });
  const charges = (await taken('charges')).length - before;
  say(
    'The card gateway charges and then answers 503; one customer orders once.',
    `Status ${answer.status} after ${seconds(start)} s; ${charges} attempts reached the card gateway, and each of them charged.`,
  );
}

async function heldConnections() {
  const customers = await Promise.all(Array.from({ length: 60 }, newCustomer));
  await Promise.all(customers.map((customer) => addToCart(customer, fourth.id)));
  const list = () => request('GET', `${gateway}/api/orders`, customers[0]);
  let start = performance.now();
  await list();
  const alone = milliseconds(start);
  start = performance.now();
  const orders = customers.map((customer) => placeOrder(customer));
  await sleep(200);
  const listStart = performance.now();
  await list();
  const besides = milliseconds(listStart);
  const placed = (await Promise.all(orders)).filter((answer) => answer.status === 201).length;
  say(
    '60 orders at once, each of which holds one of the 4 connections while the card is charged (120 ms).',
    `${placed} were placed in ${seconds(start)} s; a list of orders took ${alone} ms before and ${besides} ms meanwhile.`,
  );
}

async function lostMail() {
  const customer = await newCustomer();
  await addToCart(customer, fifth.id);
  await settings({ failing: ['/messages'] });
  const { body } = await placeOrder(customer);
  await eventually(
    () => request('GET', `${gateway}/api/orders/${body.id}`, customer),
    (answer) => answer.body.status === 'SHIPPED',
  );
  await sleep(500);
  await settings({ failing: [] });
  await sleep(3000);
  const mails = (await taken('messages')).filter((mail) => mail.to === customer.email).length;
  say('The mail provider fails for a moment while an order is placed.', `3 s after it is back, the customer has ${mails} of 2 mails.`);
}

async function lostCart() {
  const customer = await newCustomer();
  await addToCart(customer, fifth.id);
  const line = (await readFile(process.env.SERVICE_PIDS, 'utf8')).split('\n').find((entry) => entry.startsWith('redis '));
  process.kill(Number(line.split(' ')[1]));
  await sleep(1000);
  const redis = spawn('redis-server', ['--port', process.env.REDIS_PORT, '--bind', '127.0.0.1', '--save', ''], { stdio: 'ignore' });
  await sleep(1500);
  const cart = await request('GET', `${gateway}/api/cart`, customer);
  say('Redis is restarted.', `The cart of the customer held 1 item and now holds ${cart.body.items.length}.`);
  redis.kill();
  await once(redis, 'exit');
}
