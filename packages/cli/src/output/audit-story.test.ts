import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ListedEntry } from '@bulla/client';
import type { AuditLeaf } from '@bulla/contract';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import { csvLine } from './audit-csv.js';
import { storyOf } from './audit-story.js';
import { entryRow } from './audit-words.js';

const PROMPT = 'prm_01kb2w6r7hf0fvc1m1x3q8p0z5';
const ENVELOPE = 'env_01kb2w6r7hf0fvc1m1x3q8p0z5';
const INVOCATION = 'inv_01kb2w6r7hf0fvc1m1x3q8p0z5';
const APPROVAL = 'apr_01kb2w6r7hf0fvc1m1x3q8p0z5';
const UNKNOWN = 'A'.repeat(43);
const HASH = 'h'.repeat(43);
const AT = '2026-11-25T08:00:00.123Z';

let organisation: TestOrganisation;
let owner: string;
let responder: string;
beforeAll(async () => {
  organisation = await makeOrganisation({ suite: 'p256', readyKeyPair: committedKeyPair });
  owner = organisation.owner.sig.kid;
  responder = organisation.responders[0].enc?.kid ?? '';
});

const beholder = () => ({ trust: organisation.trust, by: organisation.owner.urn });
const listed = (entry: object | undefined, index = 7): ListedEntry => {
  const who = { type: 'device', kid: owner };
  const leaf = { v: 1, id: 'aud_01kb2w6r7hf0fvc1m1x3q8p0z5', t: AT, org: 'acme', res: 'ok', who, ...entry };
  const said = entry === undefined ? undefined : (leaf as unknown as AuditLeaf);
  return { service: organisation.vault.urn, log: 1, index, at: AT, leaf: JSON.stringify(leaf), entry: said };
};
const linesOf = (entries: readonly ListedEntry[]) =>
  storyOf('thing', entries, beholder()).map((parts) =>
    parts.map((part) => (typeof part === 'string' ? part : part.text)).join(''),
  );
/** What a story says of one entry, after its time and place. */
const told = (entry: object | undefined) => linesOf([listed(entry)])[1]?.replace('2026-11-25 08:00:00  vault #7  ', '');

describe('the story of a thing', () => {
  const version = { prompt: PROMPT, version: 3, chash: HASH };
  it.each([
    ['prompt.create', { prompt: PROMPT }, `made the prompt ${PROMPT}`],
    ['prompt.delete', { prompt: PROMPT }, `deleted the prompt ${PROMPT}`],
    ['label.move', { prompt: PROMPT, label: 'latest', seq: 1, version: 3 }, `moved latest of ${PROMPT} to version 3`],
    ['label.move', { prompt: PROMPT, label: 'latest', seq: 1, version: 0 }, `moved latest of ${PROMPT} to nothing`],
    [
      'label.move',
      { prompt: PROMPT, label: 'latest', seq: 1, version: 3, approval: APPROVAL, given: 1 },
      `signed that latest of ${PROMPT} moves to version 3 (${APPROVAL}, 1 signature)`,
    ],
    [
      'label.move',
      { prompt: PROMPT, label: 'latest', seq: 1, version: 3, approval: APPROVAL },
      `signed that latest of ${PROMPT} moves to version 3 (${APPROVAL}, 0 signatures)`,
    ],
    ['version.create', { ...version, grants: 1 }, `stored version 3 of ${PROMPT}, sealed to 1 key`],
    [
      'version.create',
      { ...version, grants: 2, to: [UNKNOWN] },
      `stored version 3 of ${PROMPT}, sealed to 2 keys: key `,
    ],
    ['version.entrust', { ...version, grants: 1 }, `had the vault sign and seal version 3 of ${PROMPT}, to 1 key`],
    [
      'grant.make',
      { prompt: PROMPT, version: 3, kid: UNKNOWN },
      `opened version 3 of ${PROMPT} and sealed it to a further key: key `,
    ],
    ['wrap.delete', { prompt: PROMPT, items: 2 }, 'the vault forgot how to read 2 versions'],
    ['grant.add', { prompt: PROMPT, added: 1 }, `sealed versions of ${PROMPT} to 1 key more`],
    ['grant.move', { added: 1, refused: 0, to: [] }, 'gave 1 grant to further keys of their own'],
    ['grant.delete', { prompt: PROMPT, whash: HASH }, `took a grant of ${PROMPT} away`],
    ['version.get', { ...version, granted: true }, `was given version 3 of ${PROMPT}, sealed to them`],
    ['version.get', { ...version, granted: false }, `was given version 3 of ${PROMPT}, which they cannot open`],
    [
      'envelope.issue',
      { ...version, envelope: ENVELOPE, whash: HASH, responder: 'urn:bulla:acme:svc:responder:eu1', uses: 1 },
      `was allowed to run version 3 of ${PROMPT} on responder eu1, 1 time: ${ENVELOPE}`,
    ],
    [
      'invocation.run',
      { invocation: INVOCATION, envelope: ENVELOPE, replayed: true },
      `asked the same again, and got the same answer: ${INVOCATION}`,
    ],
    [
      'invocation.run',
      { ...version, invocation: INVOCATION, envelope: ENVELOPE, replayed: false },
      `asked ${INVOCATION} by ${ENVELOPE}; the responder opened the prompt`,
    ],
    [
      'envelope.issue',
      { envelope: ENVELOPE, models: 2, responder: 'urn:bulla:acme:svc:responder:eu1', uses: 100 },
      `was allowed to ask 2 models without a stored prompt on responder eu1, 100 times: ${ENVELOPE}`,
    ],
    [
      'invocation.run',
      { invocation: INVOCATION, envelope: ENVELOPE, replayed: false },
      `asked ${INVOCATION} by ${ENVELOPE}; the responder ran the chat`,
    ],
    ['policy.publish', { version: 2 }, 'policy.publish v2'],
  ])('says of %s with %j what was done', (act, obj, said) => {
    expect(told({ act, obj })).toContain(`this device`);
    expect(told({ act, obj })).toContain(said);
  });

  it('names the holder of a key once, and not the key', () => {
    const to = [
      { version: 1, kid: responder },
      { version: 2, kid: responder },
    ];
    const said = told({ act: 'grant.add', obj: { prompt: PROMPT, added: 2, to } });
    expect(said).toMatch(/ to 2 keys more: responder [a-z0-9-]+$/);
  });

  it('says what the receipt of an answer is good for', () => {
    const answered = listed({
      act: 'invocation.finish',
      obj: { invocation: INVOCATION, frames: 2, finish: 'stop', fin: HASH },
    });
    const lines = linesOf([listed({ act: 'prompt.create', obj: { prompt: PROMPT } }), answered]);
    expect(lines).toHaveLength(4);
    expect(lines[2]).toContain(`answered ${INVOCATION} to this device: stop, 2 pieces, receipt ${HASH}`);
    expect(lines[3]).toContain('bulla verify answer.json --audit FOLDER');
  });

  it('says of what was refused by which code, and of what it cannot read that it cannot', () => {
    expect(told({ act: 'label.move', res: 'denied', why: 'forbidden', obj: { prompt: PROMPT, label: 'latest' } })).toBe(
      `this device: label.move refused: forbidden ${PROMPT} @latest`,
    );
    expect(told(undefined)).toBe('an entry of a newer version of Bulla');
    expect(entryRow(listed(undefined), beholder())).toContain('of a newer version of Bulla');
    expect(csvLine(listed(undefined))).toContain('""res""');
  });

  it.each([
    ['the bootstrap secret', { who: { type: 'bootstrap' } }],
    ['signed documents', { who: { type: 'documents' } }],
    ['the service', { who: { type: 'service' } }],
    ['newcomer ', { who: { type: 'enrolment', kid: UNKNOWN } }],
    ['device of key ', { who: { type: 'device', kid: UNKNOWN } }],
  ])('says that it was %s', (name, who) => {
    expect(told({ act: 'policy.publish', obj: { version: 2 }, ...who })?.startsWith(name)).toBe(true);
  });

  it('counts strangers, and shows hashes by their beginning', () => {
    const { who: _, ...strangers } = { who: 0, v: 1, act: 'request.refuse', res: 'denied', why: 'signature_invalid' };
    const entry = { ...listed({}), entry: { ...strangers, obj: { count: 3 } } as unknown as AuditLeaf };
    expect(entryRow(entry, beholder()).slice(3)).toEqual([
      'request.refuse',
      '3 strangers',
      'denied signature_invalid',
      'count=3',
    ]);
    expect(csvLine({ ...entry, entry: { ...entry.entry, id: 'aud_1', t: AT } })).toContain('"strangers"');
    expect(entryRow(listed({ act: 'grant.delete', obj: { prompt: PROMPT, whash: HASH } }), beholder()).at(-1)).toBe(
      `${PROMPT} whash=${HASH.slice(0, 12)}…`,
    );
  });
});
