import { createConnection } from 'node:net';
import { connect as connectByTls } from 'node:tls';
import type { Finding } from './inspection.js';

const TIMEOUT_MS = 3_000;
const ANSWER_MAX_BYTES = 65_536;
const PORT = 6379;

/** Whether Redis keeps what it is given: services in production refuse one that drops counts when memory is short. */
export async function inspectRedis(url: string): Promise<Finding> {
  const { hostname, port, protocol, username, password } = new URL(url);
  const address = { host: hostname, port: port === '' ? PORT : Number(port) };
  const place = `${hostname}:${address.port}`;
  const answer = await ask({
    ...address,
    isTls: protocol === 'rediss:',
    login: [username, password].filter((part) => part !== '').map((part) => decodeURIComponent(part)),
  });
  if (answer === undefined)
    return { name: 'redis', ok: false, detail: `${place} does not answer`, fix: 'start it, or mend BULLA_REDIS_URL' };
  const policy = /maxmemory_policy:([a-z-]+)/.exec(answer)?.[1];
  if (policy === undefined)
    return { name: 'redis', ok: false, detail: `${place} does not let us in`, fix: 'mend BULLA_REDIS_URL' };
  return {
    name: 'redis',
    ok: policy === 'noeviction',
    detail: `${place}, maxmemory-policy ${policy}`,
    data: { place, maxmemory_policy: policy },
    fix: 'redis-cli config set maxmemory-policy noeviction',
  };
}

interface Redis {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Name and password, or the password, or nothing. */
  readonly login: readonly string[];
}

/** What it says to INFO memory; undefined if nothing came. */
function ask({ host, port, isTls, login }: Redis): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = isTls ? connectByTls({ host, port, servername: host }) : createConnection({ host, port });
    let text = '';
    const end = (result: string | undefined) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(TIMEOUT_MS);
    socket.setEncoding('utf8');
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      if (login.length > 0) socket.write(command('AUTH', ...login));
      socket.write(command('INFO', 'memory'));
    });
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

/** Its protocol: an array of strings, each with its length, so that no character of a password means anything. */
function command(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}
