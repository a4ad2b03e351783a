// The way of an order, from the visitor to the parcel; every step is asserted.
import assert from 'node:assert/strict';

import { addToCart, eventually, gateway, newCustomer, placeOrder, products, providers, request } from './shop.mjs';

const step = (text) => console.log(`  ok  ${text}`);

const list = await request('GET', `${gateway}/api/products?size=3&page=2`);
assert.equal(list.status, 200);
assert.equal(list.body.items.length, 3);
assert.equal(list.body.total, 5000);
step('products are listed in pages');

const [kettle, lamp] = list.body.items;
assert.deepEqual((await request('GET', `${gateway}/api/products/${kettle.id}`)).body, kettle);
assert.deepEqual((await request('GET', `${gateway}/api/products/${kettle.id}`)).body, kettle, 'the cached answer is the same');
assert.equal((await request('GET', `${gateway}/api/products/${kettle.id}/reviews`)).body.length, 12);
assert.equal((await request('GET', `${gateway}/api/products/nonsense`)).status, 404);
step('a product is found, cached and reviewed');

assert.equal((await request('POST', `${gateway}/api/customers`, { body: { email: 'no address' } })).status, 400);
const customer = await newCustomer();
assert.ok(customer.token);
step('a customer registers and signs in');

assert.equal((await request('GET', `${gateway}/api/cart`)).status, 401);
assert.equal((await placeOrder(customer)).status, 422, 'an empty cart is no order');
assert.equal((await addToCart(customer, kettle.id, 2)).status, 201);
assert.equal((await addToCart(customer, lamp.id)).status, 201);
assert.equal((await request('GET', `${gateway}/api/cart`, customer)).body.items.length, 2);
step('the cart is filled');

const stock = async (id) => (await request('GET', `${gateway}/api/stock/${id}`)).body.available;
const before = await stock(kettle.id);
const placed = await placeOrder(customer);
assert.equal(placed.status, 201, JSON.stringify(placed.body));
assert.equal(placed.body.status, 'PAID');
assert.equal(placed.body.totalCents, Math.round(kettle.price * 100) * 2 + Math.round(lamp.price * 100));
assert.equal(await stock(kettle.id), before - 2);
assert.deepEqual((await request('GET', `${gateway}/api/cart`, customer)).body.items, []);
const charges = (await request('GET', `${providers}/charges`)).body;
assert.equal(charges.at(-1).amountCents, placed.body.totalCents);
step('the order is placed: stock reserved, card charged, cart empty');

const order = `${gateway}/api/orders/${placed.body.id}`;
const shipped = await eventually(
  () => request('GET', order, customer),
  (answer) => answer.body.status === 'SHIPPED',
);
assert.equal(shipped.body.paymentStatus, 'CAPTURED');
assert.ok(shipped.body.shippedAt);
step('the order is shipped');

const mails = await eventually(
  async () => (await request('GET', `${providers}/messages`)).body.filter((mail) => mail.to === customer.email),
  (found) => found.length === 2,
);
assert.ok(mails.some((mail) => mail.subject === 'Your order is on its way'));
step('the customer got both mails');

const orders = await request('GET', `${gateway}/api/orders`, customer);
assert.equal(orders.body.length, 1);
assert.equal(orders.body[0].lines.length, 2);
assert.equal((await request('GET', order, await newCustomer())).status, 404, 'nobody reads the orders of another');
step('the customer sees their orders and nobody else does');

await addToCart(customer, kettle.id);
assert.equal((await placeOrder(customer, 'tok_declined')).status, 402);
assert.equal(await stock(kettle.id), before - 2, 'a declined card gives the stock back');
step('a declined card leaves nothing behind');

console.log('the shop works');
