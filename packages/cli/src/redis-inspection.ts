import { createConnection } from 'node:net';
import type { Finding } from './inspection.js';

const TIMEOUT_MS = 3_000;
const ANSWER_MAX_BYTES = 65_536;

/** Whether Redis keeps what it is given: one that evicts keys forgets limits when memory is short. */
export async function inspectRedis(url: string): Promise<Finding> {
  const { hostname, port, protocol } = new URL(url);
  const place = `${hostname}:${port === '' ? 6379 : port}`;
  if (protocol === 'rediss:')
    return { name: 'redis', ok: true, detail: `${place} speaks TLS; its policy was not asked` };
  const answer = await ask(hostname, port === '' ? 6379 : Number(port));
  if (answer === undefined)
    return { name: 'redis', ok: false, detail: `${place} does not answer`, fix: 'start it, or mend BULLA_REDIS_URL' };
  const policy = /maxmemory_policy:([a-z-]+)/.exec(answer)?.[1];
  if (policy === undefined) return { name: 'redis', ok: true, detail: `${place} answers; its policy needs a password` };
  return {
    name: 'redis',
    ok: policy === 'noeviction',
    detail: `${place}, maxmemory-policy ${policy}`,
    fix: 'redis-cli config set maxmemory-policy noeviction',
  };
}

/** What it says to INFO memory, in the inline form of its protocol; undefined if nothing came. */
function ask(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: TIMEOUT_MS });
    let text = '';
    const end = (result: string | undefined) => {
      socket.destroy();
      resolve(result);
    };
    socket.setEncoding('utf8');
    socket.once('connect', () => socket.write('INFO memory\r\n'));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.startsWith('-') || /maxmemory_policy:[a-z-]+\r\n/.test(text) || text.length > ANSWER_MAX_BYTES)
        end(text);
    });
    socket.once('timeout', () => end(text === '' ? undefined : text));
    socket.once('error', () => end(undefined));
    socket.once('end', () => end(text === '' ? undefined : text));
  });
}
