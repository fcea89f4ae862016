import type { DirectoryDocument } from '@bulla/crypto';
import { isCheckpointKey } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { requireNobodyLockedOut } from './locked-out.js';

let acme: TestOrganisation;
beforeAll(async () => {
  acme = await makeOrganisation({ readyKeyPair: committedKeyPair });
});

function sign(change: (draft: DirectoryDocument) => unknown, before: (draft: DirectoryDocument) => unknown = () => {}) {
  const { policy, directory: listed } = acme.trust;
  const directory = structuredClone(listed);
  before(directory);
  const after = structuredClone(directory);
  change(after);
  requireNobodyLockedOut({ policy, directory }, { policy, directory: after }, acme.now);
}

/** Takes the keys of the vault's logs out. */
function withoutLogKeys({ entities }: DirectoryDocument): void {
  const vault = entities[acme.vault.urn];
  if (vault !== undefined) vault.keys = vault.keys.filter((key) => !isCheckpointKey(key));
}

describe('the next directory', () => {
  it('lists the key of every audit log that the one before listed [guard: client-log-key-left-out]', () => {
    expect(() => sign(withoutLogKeys)).toThrow(
      expect.objectContaining({
        code: 'validation_failed',
        check: 'log-key-left-out',
        message: `nothing was signed: the directory would leave out the key of audit log 1 of ${acme.vault.urn}, which nobody could verify then`,
      }),
    );
    const [, responder] = acme.responders;
    expect(() => sign(({ entities }) => delete entities[responder.urn])).toThrow(
      expect.objectContaining({ check: 'log-key-left-out' }),
    );
  });

  it('lists those from before keys had numbers, too', () => {
    const old = ({ entities }: DirectoryDocument) => {
      for (const key of entities[acme.vault.urn]?.keys ?? []) delete key.log;
    };
    expect(() => sign(withoutLogKeys, old)).toThrow('would leave out the key of an audit log of');
  });

  it('may leave out what signs no log, and revoke what does', () => {
    expect(() => sign(({ entities }) => delete entities[acme.author.urn])).not.toThrow();
    const revokes = ({ entities, revoked }: DirectoryDocument) => {
      const key = entities[acme.vault.urn]?.keys.find(isCheckpointKey);
      if (key !== undefined) revoked.push({ kid: key.kid, reason: 'keyCompromise', at: acme.now });
    };
    expect(() => sign(revokes)).not.toThrow();
  });
});
