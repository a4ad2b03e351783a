// What the scripts do with the running shop: requests, a customer, a cart.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

export const gateway = process.env.GATEWAY_URL;
export const providers = process.env.PROVIDERS_URL;

/** Sends one request and returns the status and the parsed body; never throws on a status. */
export async function request(method, url, { token, body } = {}) {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text };
}

/** Registers a customer with an address of their own and signs them in. */
export async function newCustomer() {
  const email = `${randomUUID()}@example.com`;
  const password = 'correct horse battery';
  await request('POST', `${gateway}/api/customers`, { body: { email, name: 'Ana Souza', password } });
  const session = await request('POST', `${gateway}/api/sessions`, { body: { email, password } });
  return { email, token: session.body.token };
}

export function addToCart(customer, productId, quantity = 1) {
  return request('POST', `${gateway}/api/cart/items`, { token: customer.token, body: { productId, quantity } });
}

export function placeOrder(customer, card = 'tok_visa') {
  return request('POST', `${gateway}/api/orders`, { token: customer.token, body: { card } });
}

export async function products(size = 3) {
  return (await request('GET', `${gateway}/api/products?size=${size}`)).body.items;
}

/** Asks again until the answer satisfies the predicate, for at most ten seconds. */
export async function eventually(ask, holds) {
  for (let left = 100; left > 0; left--) {
    const answer = await ask();
    if (holds(answer)) return answer;
    await sleep(100);
  }
  throw new Error('it did not happen within ten seconds');
}
