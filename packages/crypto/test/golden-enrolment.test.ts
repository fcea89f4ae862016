import { readFileSync } from 'node:fs';
import {
  areEnrolmentWords,
  encodeInvitationCode,
  enrolmentFingerprint,
  enrolmentMac,
  enrolmentTicket,
  enrolmentWords,
  isEnrolmentMac,
  parseInvitationCode,
  ticketHash,
} from '@bulla/crypto';
import { describe, expect, it } from '@jest/globals';
import { readVectors } from './vectors.js';

interface Case {
  readonly name: string;
  readonly code: string;
  readonly url: string;
  readonly org: string;
  readonly pin: string;
  readonly id: string;
  readonly secret: string;
  readonly sig_kid: string;
  readonly enc_kid: string;
  readonly ticket: string;
  readonly ticket_sha256: string;
  readonly mac: string;
  readonly words: string;
  readonly fingerprint: string;
}

const { cases } = readVectors('golden/enrolment.json') as {
  cases: [Case, ...Case[]];
};

describe.each(cases)('golden enrolment of $name', (vector) => {
  const { code, url, org, pin, id, secret } = vector;
  const keys = { org, invitation: id, sigKid: vector.sig_kid, encKid: vector.enc_kid };

  it('has this code', () => {
    expect(encodeInvitationCode({ url, org, pin, id, secret })).toBe(code);
    expect(parseInvitationCode(code)).toEqual({ url, org, pin, id, secret });
  });

  it('has this ticket, and the vault this hash of it', async () => {
    expect(await enrolmentTicket(secret)).toBe(vector.ticket);
    expect(await ticketHash(vector.ticket)).toBe(vector.ticket_sha256);
  });

  it('has this mac', async () => {
    expect(await enrolmentMac(secret, keys)).toBe(vector.mac);
    expect(await isEnrolmentMac(vector.mac, secret, keys)).toBe(true);
  });

  it('has these words and this fingerprint', async () => {
    expect((await enrolmentWords(keys)).join(' ')).toBe(vector.words);
    expect(await areEnrolmentWords(vector.words, keys)).toBe(true);
    expect(await enrolmentFingerprint(keys)).toBe(vector.fingerprint);
  });
});

describe('docs/spec/enrolment.md', () => {
  const page = readFileSync(new URL('../../../docs/spec/enrolment.md', import.meta.url), 'utf8');
  const [shown] = cases;

  it('shows the code and what is in it as they are', () => {
    expect(page).toContain(`\`\`\`\n${shown.code}\n\`\`\``);
    const [, json = ''] = /```json\n([^`]+)\n```/.exec(page) ?? [];
    expect(JSON.parse(json)).toEqual(parseInvitationCode(shown.code));
  });

  it.each(['ticket', 'ticket_sha256', 'sig_kid', 'enc_kid', 'mac', 'words', 'fingerprint'] as const)(
    'shows the %s of it',
    (member) => {
      expect(page).toContain(`| \`${member}\` | \`${shown[member]}\` |`);
    },
  );
});
