import { deepEqual, equal } from 'node:assert/strict';
import { normalizeAuthority, parseRequestSignature, requestSummary } from '@bulla/crypto/http';
import { messageOf } from './kit/messages.js';
import { read } from './kit/refusals.js';

/** A request: method and target, fields, an empty line, the body. */
export function fuzz(input: Uint8Array): boolean {
  const { first, header, body } = messageOf(input);
  const [method = '', authority = '', target = ''] = first.split(' ');
  const question = target.indexOf('?');
  const [path, query] = question === -1 ? [target, '?'] : [target.slice(0, question), target.slice(question)];
  const request = { method, authority, path, query, header, ...(body.length > 0 && { body }) };
  const parsed = read(() => parseRequestSignature(request));
  if (parsed === undefined) return false;
  const { created, expires, nonce, keyid, tag, urn, kid, org, signature } = parsed;
  const covered = / ?\(([^)]*)\)/.exec(header('signature-input') ?? '')?.[1] ?? '';
  equal(
    header('signature-input'),
    `bulla=(${covered});created=${created};expires=${expires};nonce="${nonce}";keyid="${keyid}";tag="${tag}"`,
  );
  equal(header('signature'), `bulla=:${Buffer.from(signature).toString('base64')}:`);
  equal(keyid, `${urn}#${kid}`);
  equal(urn.split(':')[2], org);
  equal(normalizeAuthority(authority, 'http').startsWith(authority.replace(/:80$/, '')), true);
  const items = covered.split(' ');
  const base = Buffer.from(parsed.base).toString('utf8').split('\n');
  // One line for each component, in order, and the parameters: no value brings a line of its own.
  deepEqual(
    base.map((line) => line.slice(0, line.indexOf(': '))),
    [...items, '"@signature-params"'],
  );
  deepEqual(requestSummary(request, header('signature')).signature, header('signature')?.slice('bulla='.length));
  return true;
}
