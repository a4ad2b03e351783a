// Prints as many free ports of the loopback interface as asked for. All are held until the last is found, so none comes twice.
import { once } from 'node:events';
import { createServer } from 'node:net';

const servers = [];
for (let count = Number(process.argv[2]); count > 0; count--) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
}
console.log(servers.map((server) => server.address().port).join(' '));
for (const server of servers) server.close();
