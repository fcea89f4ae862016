import type { Finding } from '../finding.js';

/** Longest parts of an address (RFC 5321 §4.5.3.1). */
const LOCAL_MAX = 64;
const DOMAIN_MAX = 253;
const LOCAL = /[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]/u;
const DOMAIN = /[\p{L}\p{N}.-]/u;
const DOMAIN_NAME =
  /^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}(?:\p{L}{2,24}|xn--[A-Za-z0-9-]{2,59})$/u;

/** `icon@2x.png` names a picture for finer screens. */
const PICTURE = /^[1-9]x\.(?:png|jpe?g|gif|webp|svg|avif)$/i;

/** E-mail addresses: a local part, and a domain name whose last label has no digit. */
export function* findEmails(text: string): Generator<Finding> {
  let last = 0;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    const start = localStart(text, at, last);
    const end = domainEnd(text, at + 1);
    if (start === at || end === undefined) continue;
    last = end;
    yield { type: 'EMAIL', start, end };
  }
}

function localStart(text: string, at: number, from: number): number {
  const least = Math.max(from, at - LOCAL_MAX);
  let start = at;
  while (start > least && LOCAL.test(text[start - 1] ?? '')) start--;
  // What quotes an address, or ends a sentence before it, is no part of it.
  while (start < at && /[.'`{|/=?&]/.test(text[start] ?? '')) start++;
  const name = text.slice(start, at);
  const cut = Math.max(...['=', '|', '{', '/', '?', '&'].map((sign) => name.lastIndexOf(sign)));
  return text[at - 1] === '.' ? at : start + cut + 1;
}

function domainEnd(text: string, start: number): number | undefined {
  let end = start;
  while (end - start < DOMAIN_MAX && DOMAIN.test(text[end] ?? '')) end++;
  while (end > start && /[.-]/.test(text[end - 1] ?? '')) end--;
  const domain = text.slice(start, end);
  return DOMAIN_NAME.test(domain) && !PICTURE.test(domain) ? end : undefined;
}
