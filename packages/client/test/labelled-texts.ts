import { ibanOf, nationalIdOf, withLuhn } from './labelled-numbers.js';
import type { Draw } from './labelled-numbers.js';

// Texts with personal data in them, and texts with what only looks like it, made anew from a seed. Nothing here uses the
// detectors: check digits are computed in another way, in labelled-numbers.ts.

/** A text, and what of it is personal data. */
export interface Labelled {
  readonly text: string;
  /** Absent of a text that has none. */
  readonly label?: { readonly type: string; readonly start: number; readonly end: number };
}

type Make = (draw: Draw) => string;

const FIRST = ['ada', 'grace.h', 'j_von_n', "o'brien", 'zoë', 'user+tag', 'x', 'info', 'first.last'];
const DOMAINS = ['example.org', 'mail.example.co.uk', 'firma-nord.de', 'xn--bcher-kva.example', 'uni.edu', 'a.io'];
const HEX = '0123456789abcdef';
const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZ';
const KEY = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const grouped =
  (digits: string, ...lengths: readonly number[]) =>
  (separator: string) => {
    let at = 0;
    return lengths.map((length) => digits.slice(at, (at += length))).join(separator);
  };
/** Not in one piece, so that nobody who looks for keys in this file finds one. */
const pem = (draw: Draw, name: string) => {
  const lines = Array.from({ length: 4 }, () => draw.from(`${KEY}+/`, 64));
  return [`-----BEGIN ${name}-----`, ...lines, `-----END ${name}-----`].join('\n');
};
const octet = (draw: Draw) => String(draw.below(256));

/** By type: what is one, and what is none. */
export const KINDS: Readonly<Record<string, { readonly is: readonly Make[]; readonly isNot: readonly Make[] }>> = {
  EMAIL: {
    is: [(draw) => `${draw.one(FIRST)}${draw.below(100)}@${draw.one(DOMAINS)}`],
    isNot: [
      (draw) => `@${draw.from(HEX, 8)}`,
      (draw) => `react@${draw.below(20)}.${draw.below(9)}.${draw.below(9)}`,
      (draw) => `icon${draw.below(9)}@2x.png`,
      (draw) => `root@host${draw.below(9)}`,
      (draw) => `${draw.below(90)} @ 3.50`,
      () => '@Injectable()',
    ],
  },
  CARD: {
    is: [
      (draw) => withLuhn(draw.digits(15, '4')),
      (draw) => grouped(withLuhn(draw.digits(15, '4')), 4, 4, 4, 4)(draw.one([' ', '-'])),
      (draw) => grouped(withLuhn(draw.digits(15, `5${1 + draw.below(5)}`)), 4, 4, 4, 4)(' '),
      (draw) => grouped(withLuhn(draw.digits(14, draw.one(['34', '37']))), 4, 6, 5)(' '),
      (draw) => withLuhn(draw.digits(15, '6011')),
      (draw) => withLuhn(draw.digits(13, '36')),
    ],
    isNot: [
      // A number of an order: one in ten has a Luhn sum that fits.
      (draw) => draw.digits(16),
      (draw) => `${withLuhn(draw.digits(15, '4')).slice(0, -1)}x`,
      (draw) => draw.digits(24),
      (draw) => grouped(draw.digits(16, '9'), 4, 4, 4, 4)(' '),
      (draw) => String(1_700_000_000_000 + draw.below(99_999_999)),
    ],
  },
  IBAN: {
    is: [
      (draw) => ibanOf('DE', draw.digits(18)),
      (draw) => ibanOf('GB', draw.from(LETTERS, 4) + draw.digits(14)),
      (draw) => (ibanOf('FR', draw.digits(23)).match(/.{1,4}/g) ?? []).join(' '),
      (draw) => (ibanOf('NO', draw.digits(11)).match(/.{1,4}/g) ?? []).join(' '),
    ],
    isNot: [
      (draw) => `DE${draw.digits(20)}`,
      (draw) => `XX${draw.digits(20)}`,
      (draw) => ibanOf('DE', draw.digits(18)).slice(0, 20),
      (draw) => `AB${draw.digits(2)}-${draw.digits(4)}-${draw.digits(4)}`,
    ],
  },
  PHONE: {
    is: [
      (draw) => `+1 415 555 ${draw.digits(4)}`,
      (draw) => `+49 30 ${draw.digits(7, String(2 + draw.below(7)))}`,
      (draw) => `+44 20 7946 0${draw.digits(3)}`,
      (draw) => `0033 6 ${draw.digits(2)} ${draw.digits(2)} ${draw.digits(2)} ${draw.digits(2)}`,
      (draw) => `+81-3-${draw.digits(4, '5')}-${draw.digits(4)}`,
      (draw) => `(415) 555-${draw.digits(4)}`,
      (draw) => `212-555-${draw.digits(4)}`,
    ],
    isNot: [
      (draw) => `2026-${String(10 + draw.below(3))}-${String(10 + draw.below(18))}`,
      (draw) => `+1 1${draw.digits(2)} ${draw.digits(3)} ${draw.digits(4)}`,
      (draw) => `+999 ${draw.digits(7)}`,
      (draw) => `order ${draw.digits(6)}`,
      (draw) => `${draw.digits(1, '3')}.${draw.digits(8)}`,
      (draw) => `a+${draw.digits(3)}`,
    ],
  },
  NATIONAL_ID: {
    is: ['DE', 'FR', 'PL', 'BE', 'SE', 'CH', 'BR', 'IN', 'ES', 'IT', 'FI', 'CN'].map(
      (country) => (draw) => nationalIdOf(country, draw),
    ),
    isNot: [
      // Numbers of orders and parts: some pass one of the checks by chance.
      (draw) => draw.digits(11, '0'),
      (draw) => draw.digits(13, '40'),
      (draw) => `${draw.digits(3, '9')}.${draw.digits(3)}.${draw.digits(3)}`,
      (draw) => `000-${draw.digits(2)}-${draw.digits(4)}`,
      (draw) => `PART${draw.digits(8)}A`,
      (draw) => draw.digits(8),
    ],
  },
  IP_ADDRESS: {
    is: [
      (draw) => `${draw.one(['8', '52', '93', '203'])}.${octet(draw)}.${octet(draw)}.${octet(draw)}`,
      (draw) => `2a0${draw.below(9)}:${draw.from(HEX, 4)}:${draw.from(HEX, 4)}::${1 + draw.below(99)}`,
    ],
    isNot: [
      (draw) => `192.168.${octet(draw)}.${octet(draw)}`,
      (draw) => `version ${draw.below(20)}.${draw.below(9)}.${draw.below(9)}.${draw.below(9)}`,
      (draw) => `v${draw.below(20)}.${draw.below(9)}.${draw.below(9)}.${draw.below(9)}`,
      (draw) => `§ ${1 + draw.below(9)}.${draw.below(9)}.${draw.below(9)}.${draw.below(9)}.${draw.below(9)}`,
      (draw) => `8.8.8.${256 + draw.below(99)}`,
      () => 'std::vector::iterator',
    ],
  },
  API_KEY: {
    is: [
      (draw) => `sk-proj-${draw.from(KEY, 47)}1`,
      (draw) => `sk-ant-api03-${draw.from(KEY, 40)}1`,
      (draw) => `AKIA${draw.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 15)}7`,
      (draw) => `ghp_${draw.from(KEY, 35)}1`,
      (draw) => `AIza${draw.from(KEY, 34)}1`,
      (draw) => `xoxb-${draw.digits(12)}-${draw.from(KEY, 24)}`,
    ],
    isNot: [
      (draw) => draw.from(HEX, 40),
      (draw) =>
        `${draw.from(HEX, 8)}-${draw.from(HEX, 4)}-4${draw.from(HEX, 3)}-8${draw.from(HEX, 3)}-${draw.from(HEX, 12)}`,
      () => 'sk-learn-is-a-library-for-learning',
      (draw) => `task-${draw.digits(24)}`,
      (draw) => `ghp_${draw.from(KEY, 12)}`,
      (draw) => `sha256:${draw.from(HEX, 64)}`,
    ],
  },
  PRIVATE_KEY: {
    is: ['', 'RSA ', 'EC ', 'OPENSSH ', 'ENCRYPTED '].map((kind) => (draw) => pem(draw, `${kind}PRIVATE KEY`)),
    isNot: ['PUBLIC KEY', 'CERTIFICATE', 'RSA PUBLIC KEY'].map((name) => (draw) => pem(draw, name)),
  },
  TOKEN: {
    is: [
      (draw) => {
        const header = { alg: draw.one(['HS256', 'RS256', 'EdDSA']), typ: 'JWT' };
        return `${base64url(header)}.${base64url({ sub: draw.digits(9) })}.${draw.from(KEY, 43)}`;
      },
    ],
    isNot: [
      (draw) => `${base64url({ page: draw.below(99) })}.${draw.from(KEY, 20)}.${draw.from(KEY, 20)}`,
      (draw) => `${draw.from(KEY, 12)}.${draw.from(KEY, 12)}.${draw.from(KEY, 12)}`,
      (draw) => `module.exports.${draw.from(KEY, 9)}`,
    ],
  },
};

const BEFORE = ['', 'Please see ', 'Her number is: ', 'value=', '("', '- ', 'Kontakt:\n', '| '];
const AFTER = ['', '.', ', thank you', ' and more', '")', '\n', ';', ' |'];

/** As many texts of each type, with and without. */
export function labelledTexts(draw: Draw, count: number): Labelled[] {
  return Object.entries(KINDS).flatMap(([type, { is, isNot }]) =>
    Array.from({ length: count }, (_, index): Labelled[] => {
      const [before, after] = [draw.one(BEFORE), draw.one(AFTER)];
      const value = is[index % is.length]?.(draw) ?? '';
      const label = { type, start: before.length, end: before.length + value.length };
      const other = isNot[index % isNot.length]?.(draw) ?? '';
      return [{ text: before + value + after, label }, { text: `${draw.one(BEFORE)}${other}${draw.one(AFTER)}` }];
    }).flat(),
  );
}
