import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Stands in for the card gateway and the mail provider. `PUT /settings` makes it slow, or failing on some paths, and the lists of
 * what it took are there for the scripts that look at the outcome.
 */
const settings = { delayMs: Number(process.env.CARD_DELAY_MS ?? 0), failing: [] as string[] };
const charges: object[] = [];
const refunds: object[] = [];
const messages: object[] = [];

async function answer(method: string, path: string, body: Record<string, unknown>): Promise<[status: number, body: object]> {
  switch (`${method} ${path}`) {
    case 'POST /charges': {
      const status = body.card === 'tok_declined' ? 'DECLINED' : 'CAPTURED';
      const charge = { reference: randomUUID(), status, ...body };
      if (status === 'CAPTURED') charges.push(charge);
      // The money moves first and the answer comes later, as with a real gateway.
      await sleep(settings.delayMs);
      return settings.failing.includes(path) ? [503, { message: 'try again later' }] : [201, charge];
    }
    case 'POST /refunds':
      refunds.push(body);
      return [201, body];
    case 'POST /messages':
      if (settings.failing.includes(path)) return [503, { message: 'try again later' }];
      messages.push(body);
      return [202, {}];
    case 'PUT /settings':
      return [200, Object.assign(settings, body)];
    case 'GET /charges':
      return [200, charges];
    case 'GET /refunds':
      return [200, refunds];
    case 'GET /messages':
      return [200, messages];
    default:
      return [404, { message: 'not found' }];
  }
}

async function read(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

const port = Number(process.env.PORT ?? 3010);

createServer((request, response) => {
  read(request)
    .then((body) => answer(request.method ?? 'GET', request.url ?? '/', body))
    .then(([status, body]) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)))
    .catch((error: Error) => response.writeHead(400).end(error.message));
}).listen(port, () => console.log(`providers listens on ${port}`));
