import type { TestOrganisation } from '@bulla/crypto/testing';
import { pinInOrigin } from '@bulla/crypto/log';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { requireLogName } from './log-checkpoint.js';

let acme: TestOrganisation;
beforeAll(async () => {
  acme = await makeOrganisation({ readyKeyPair: committedKeyPair });
});

const under = (pin: string | undefined) => requireLogName({ urn: acme.vault.urn, number: 1, pin }, [acme.trust]);

describe('the name of a log', () => {
  it('bears the pin of its organisation and no other one [guard: audit-log-pin]', async () => {
    await expect(under(pinInOrigin(acme.pin))).resolves.toBeUndefined();
    await expect(under('0123456789abcdef')).rejects.toMatchObject({ code: 'log_inconsistent', check: 'origin' });
  });

  it('bears one once the keys of its service have numbers', async () => {
    await expect(under(undefined)).rejects.toMatchObject({ code: 'log_inconsistent', check: 'log-key' });
  });
});
