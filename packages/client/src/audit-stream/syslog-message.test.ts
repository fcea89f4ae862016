import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ndjsonLine } from './http-batch.js';
import { headerField, octetCounted, structuredData, syslogMessage } from './syslog-message.js';
import type { StreamedEntry } from './streamed-entry.js';

const LEAF = {
  v: 1,
  id: 'aud_01k9z3q8e4fxq9m3y7t5w6v8na',
  t: '2026-11-28T09:30:00.125Z',
  org: 'acme',
  act: 'prompt.list',
  res: 'ok',
  who: { type: 'service' },
  obj: { items: 3 },
} as const;

function entryOf(members: object = {}, origin = 'urn:bulla:acme:svc:vault/audit/1'): StreamedEntry {
  const entry = { ...LEAF, ...members } as unknown as StreamedEntry['entry'];
  return { origin, index: 17, leaf: JSON.stringify(entry), entry };
}

const textOf = (entry: StreamedEntry, hostname: string | undefined = 'stream.example', enterprise = 32_473) =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(syslogMessage(entry, { hostname, enterprise }));

describe('an entry as a message of RFC 5424', () => {
  it('has priority, version, time, machine, service, act, where the entry is, and its text', () => {
    expect(textOf(entryOf())).toBe(
      `<110>1 2026-11-28T09:30:00.125Z stream.example bulla-vault - prompt.list [bulla@32473 origin="urn:bulla:acme:svc:vault/audit/1" index="17" id="${LEAF.id}" act="prompt.list" result="ok"] ${JSON.stringify(LEAF)}`,
    );
  });

  it.each([
    ['ok', 'informational', '<110>1 '],
    ['denied', 'warning', '<108>1 '],
    ['error', 'error', '<107>1 '],
  ])('of result %s is of facility 13 and severity %s', (res, _severity, begin) => {
    expect(textOf(entryOf({ res }))).toMatch(new RegExp(`^${begin}`));
  });

  it('names the responder that wrote it, and NILVALUE for a machine without a name', () => {
    const text = textOf(entryOf({}, 'urn:bulla:acme:svc:responder:eu1/audit/2'), '');
    expect(text).toMatch(/^<110>1 2026-11-28T09:30:00\.125Z - bulla-responder-eu1 - prompt\.list \[/);
    expect(textOf(entryOf({}, 'elsewhere'))).toContain(' bulla - prompt.list ');
  });

  it('bears the number of an enterprise that has one', () => {
    expect(textOf(entryOf(), 'h', 4_294_967_295)).toContain(' [bulla@4294967295 origin=');
  });

  it('has a byte order mark before text that is not all ASCII, and no other', () => {
    const text = textOf(entryOf({ rid: 'ä😀' }));
    expect(text).toContain(`] \u{feff}${entryOf({ rid: 'ä😀' }).leaf}`);
    expect(textOf(entryOf())).not.toContain('\u{feff}');
  });

  it('says of an entry that does not fit why it does not', () => {
    expect(textOf({ ...entryOf(), misfit: 'no "service" can' })).toContain(
      String.raw` result="ok" misfit="no \"service\" can"] {`,
    );
  });

  it('is the same each time', () => {
    expect(syslogMessage(entryOf(), { enterprise: 1 })).toEqual(syslogMessage(entryOf(), { enterprise: 1 }));
  });

  it('is framed by its length in bytes', () => {
    const message = syslogMessage(entryOf({ rid: 'ä' }), { enterprise: 1 });
    expect(new TextDecoder().decode(octetCounted(message))).toMatch(new RegExp(`^${message.length} <110>1 `));
  });
});

describe('a parameter of structured data', () => {
  it.each([
    ['a quotation mark', 'a"b', String.raw`a\"b`],
    ['a backslash', String.raw`a\b`, String.raw`a\\b`],
    ['a closing bracket', 'a]b', String.raw`a\]b`],
    ['all of them, one after another', String.raw`"\]`, String.raw`\"\\\]`],
    ['nothing else', "a[b='ä\n", "a[b='ä\n"],
  ])('is escaped where it has %s [guard: syslog-escape]', (_name, value, escaped) => {
    expect(structuredData('x@1', { p: value })).toBe(`[x@1 p="${escaped}"]`);
  });
});

describe('a field of the header', () => {
  it.each([
    ['undefined', undefined, 5, '-'],
    ['nothing', '', 5, '-'],
    ['what fits', 'abcde', 5, 'abcde'],
    ['too much', 'abcdef', 5, 'abcde'],
    ['a space', 'a b', 5, 'a?b'],
    ['control characters', 'a\n\u{7f}b', 5, 'a??b'],
    ['letters beyond ASCII', 'bülla', 5, 'b?lla'],
    ['one of two code units', '😀x', 5, '?x'],
  ])('is printable for %s', (_name, text, max, field) => {
    expect(headerField(text, max)).toBe(field);
  });
});

interface Vector {
  readonly name: string;
  readonly origin: string;
  readonly index: number;
  readonly leaf: string;
  readonly hostname: string;
  readonly enterprise: number;
  readonly syslog: string;
  readonly frame: string;
  readonly line: string;
}
const vectors = new URL('../../../conformance/vectors/golden/audit-stream.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(vectors, 'utf8')) as { cases: readonly Vector[] };

describe('the vectors of a stream', () => {
  it.each(cases)('$name', ({ origin, index, leaf, hostname, enterprise, syslog, frame, line }) => {
    const entry: StreamedEntry = { origin, index, leaf, entry: JSON.parse(leaf) as StreamedEntry['entry'] };
    const message = syslogMessage(entry, { hostname, enterprise });
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    expect(decoder.decode(message)).toBe(syslog);
    expect(decoder.decode(octetCounted(message))).toBe(frame);
    expect(ndjsonLine(entry)).toBe(line);
  });
});
