import type { Approval } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { mintId, parseTag } from '@bulla/crypto';

const TIME = '2026-11-25T00:00:00.000Z';

/** The moves of labels that wait in a test vault. It counts devices as people and checks nothing: clients must. */
export class HeldApprovals {
  readonly all = new Map<string, Approval>();

  /** Adds tags to the open approval that says the same, or to a new one. Undefined once they are enough. */
  gather(prompt: string, tags: readonly string[], trust: Trust): Approval | undefined {
    const { name, tag: label, seq, ver: version, chash } = claimsOf(tags[0]);
    const needed = trust.labelRule(name, label).threshold;
    const equal = [...this.all.values()].find(
      (one) =>
        one.state === 'open' && one.name === name && one.label === label && one.chash === chash && one.seq === seq,
    );
    const approval: Approval = equal ?? {
      id: mintId('apr'),
      prompt,
      name,
      label,
      seq,
      version,
      chash,
      tags: [],
      signers: [],
      needed,
      state: 'open',
      created_at: TIME,
      expires_at: TIME,
    };
    approval.tags = [...approval.tags, ...tags];
    approval.signers = approval.tags.map((token) => claimsOf(token).iss);
    if (approval.tags.length >= needed) {
      approval.state = 'done';
      return undefined;
    }
    this.all.set(approval.id, approval);
    return approval;
  }

  /** @throws {Problem} not_found */
  get(id: string | undefined): Approval {
    const approval = this.all.get(id ?? '');
    if (approval === undefined) throw new Problem('not_found');
    return approval;
  }
}

function claimsOf(token = '') {
  return parseTag(token).claims;
}
