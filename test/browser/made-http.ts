import type { Vector } from '@bulla/conformance';
import { utf8 } from '@bulla/crypto';
import { requestSummary, signRequest, signResponse } from '@bulla/crypto/http';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { made } from './made.js';

/** A signed request of a device and the signed response of the vault. */
export async function makeHttpMessages({ author, vault, now }: TestOrganisation): Promise<Vector[]> {
  const body = '{"name":"claims/triage","note":"Grüß Gott"}';
  const target = { method: 'POST', authority: 'vault.acme.example', path: '/api/v1/envelopes', query: '?dry=1' };
  const sent = { 'content-type': 'application/json', 'idempotency-key': '0b9fe0c2-5a0f-4b0e-8d3c-1f6a2b7c9d10' };
  const header = (name: string) => Object.entries(sent).find(([of]) => of === name)?.[1];
  const options = { keyid: author.keyid, signer: author.signer, now, nonce: 'AAECAwQFBgcICQoLDA0ODw' };
  const fields = await signRequest({ ...target, header, body: utf8(body) }, options);
  const request = { ...target, headers: { ...sent, ...fields }, body };
  const summary = requestSummary(target, fields['signature']);
  const answer = { status: 201, contentType: 'application/json', body: utf8('{"ok":true}'), request: summary };
  const answered = await signResponse(answer, { keyid: vault.keyid, signer: vault.signer, now });
  const headers = { 'content-type': 'application/json', ...answered };
  const response = { status: 201, headers, body: '{"ok":true}' };
  const responseInput = { response, request: summary, urn: vault.urn, key: vault.sig.publicJwk, now };
  const { keyid, nonce } = options;
  const requestInput = { request, key: author.sig.publicJwk, now };
  return [
    made('verify', 'http-request', requestInput, { keyid, tag: 'bulla-req-1', nonce }),
    made('verify', 'http-response', responseInput, { keyid: vault.keyid, created: now }),
  ];
}
