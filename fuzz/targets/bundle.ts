import { deepEqual } from 'node:assert/strict';
import { parseBundle, strictParseBody } from '@bulla/crypto';
import { jweOf, jwsOf, requireOneSpelling } from './kit/tokens.js';
import { linesOf, own } from './kit/input.js';
import { read } from './kit/refusals.js';

/**
 * A bundle: two lines of its envelope, a line each of the headers of grant and content, and the rest as it stands,
 * with `$env`, `$grant` and `$content` in their places.
 */
export function fuzz(input: Uint8Array): boolean {
  const [header = [], payload = [], grant = [], content = [], body = []] = linesOf(input, 5);
  const jws = jwsOf(Buffer.concat([Buffer.from(header), Buffer.from('\n'), Buffer.from(payload), Buffer.from('\n1')]));
  const jwe = (head: Iterable<number>, key: string) =>
    jweOf(Buffer.concat([Buffer.from([...head]), Buffer.from(`\n${key}\nx`)]));
  const text = Buffer.from(body)
    .toString('utf8')
    .replace('$env', () => jws)
    .replace('$grant', () => jwe(grant, 'key'))
    .replace('$content', () => jwe(content, ''));
  const value = read(() => strictParseBody(own(Buffer.from(text)), { maxBytes: 65_536 }));
  const bundle = read(() => parseBundle(value))?.sent;
  if (bundle === undefined) return false;
  deepEqual(JSON.parse(JSON.stringify(bundle)), JSON.parse(text));
  for (const token of [bundle.env, bundle.grant ?? '', bundle.content ?? '']) requireOneSpelling(token);
  return true;
}
