#!/usr/bin/env node
/**
 * Letters, grants, deposits and contents of Bulla on Debian's `jose` command, in the calls that docs/spec/letter.md shows. It opens
 * what is good and does not have the refusals of the pages, so it is for crossings and valid vectors.
 */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const folder = mkdtempSync(join(tmpdir(), 'bulla-jose-'));
process.once('exit', () => rmSync(folder, { recursive: true }));

function file(name, content) {
  const path = join(folder, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}
const jose = (args, input = '') => execFileSync('jose', args, { input, stdio: ['pipe', 'pipe', 'pipe'] });
const keyFile = (name, jwk) => file(name, JSON.stringify(jwk));
const kidOf = (jwk) =>
  jose(['jwk', 'thp', '-i', keyFile('named', jwk), '-a', 'S256'])
    .toString()
    .trim();
const base64url = (bytes) => Buffer.from(bytes).toString('base64url');
const headerOf = (token) => JSON.parse(Buffer.from(token.toString().split('.')[0], 'base64url').toString());

function encrypted(plaintext, header, jwk) {
  const template = JSON.stringify({ protected: header });
  const args = ['jwe', 'enc', '-I', file('plaintext', plaintext), '-i', template, '-k', keyFile('to', jwk), '-c'];
  return jose(args).toString().trim();
}
const decrypted = (token, jwk) => jose(['jwe', 'dec', '-i-', '-k', keyFile('own', jwk)], token);

const sealAlgOf = ({ kty }) => (kty === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES+A256KW');
const signAlgOf = ({ kty }) => (kty === 'RSA' ? 'PS256' : 'ES256');
const sealedTo = (jwk) => ({ alg: sealAlgOf(jwk), enc: 'A256GCM', kid: kidOf(jwk) });
const contentKeyOf = (k) => ({ kty: 'oct', k });

const wrappedKeys = (typ) => ({
  seal({ key, recipient, urn: aud, sub, ver, dek, chash, dkc }) {
    const header = { ...sealedTo(recipient), typ, aud, sub, ver, dek, chash, dkc };
    return { token: encrypted(Buffer.from(key, 'base64url'), header, recipient) };
  },
  open: ({ token, recipient }) => ({ key: base64url(decrypted(token, recipient)) }),
});

const FORMATS = {
  letter: {
    seal({ content, at, name, sender, recipient }) {
      const typ = 'bulla-letter+jws';
      const [kid, aud] = [kidOf(sender), kidOf(recipient)];
      const inside = { alg: signAlgOf(sender), typ, kid, aud, iat: at, ...(name !== undefined && { name }) };
      const payload = file('content', Buffer.from(content, 'base64url'));
      const template = JSON.stringify({ protected: inside });
      const inner = jose(['jws', 'sig', '-I', payload, '-s', template, '-k', keyFile('own', sender), '-c']);
      const outside = { ...sealedTo(recipient), typ: 'bulla-letter+jwe', cty: typ };
      return { token: encrypted(inner.toString().trim(), outside, recipient) };
    },
    open({ token, recipient, sender }) {
      const inner = decrypted(token, recipient);
      const content = jose(['jws', 'ver', '-i', file('inner', inner), '-k', keyFile('sender', sender), '-O-']);
      const { aud, iat: at, name } = headerOf(inner);
      if (aud !== headerOf(token).kid) throw new Error('the letter is to somebody else');
      return { content: base64url(content), at, ...(name !== undefined && { name }) };
    },
  },
  grant: wrappedKeys('bulla-grant+jwe'),
  deposit: wrappedKeys('bulla-deposit+jwe'),
  content: {
    seal({ statement, org, sub, ver }) {
      const key = base64url(randomBytes(32));
      const kid = `dek_${randomBytes(16).toString('hex')}`;
      const cmt = createHash('sha256').update(statement).digest('base64url');
      const types = { typ: 'bulla-content+jwe', cty: 'bulla-prompt+jwt' };
      const dkc = createHash('sha256').update('bulla data key\0').update(key, 'base64url').digest('base64url');
      const header = { alg: 'dir', enc: 'A256GCM', ...types, kid, org, sub, ver, cmt, dkc };
      return { token: encrypted(statement, header, contentKeyOf(key)), key };
    },
    open: ({ token, key }) => ({ statement: decrypted(token, contentKeyOf(key)).toString() }),
  },
};

function answer({ op, format, input }) {
  const having = Object.keys(FORMATS);
  if (op === 'hello') return { ok: { name: "Debian's jose", seal: having, open: having, verify: [] } };
  const run = FORMATS[format]?.[op];
  if (run === undefined) return { unsupported: true };
  try {
    return { ok: run(input) };
  } catch (error) {
    return { failed: String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  process.stdout.write(`${JSON.stringify({ id: request.id, ...answer(request) })}\n`);
}
