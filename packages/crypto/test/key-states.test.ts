import type { KeyPurpose, KeyRecord, KeyState, KeyUsage, PublicJwk, Trust } from '@bulla/crypto';
import { generateKeyPair } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { makeOrganisation } from '@bulla/crypto/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NOW } from './organisation.js';

/**
 * The states of keys, played through real directories: keys come, are followed by others, end and are revoked, while
 * time goes on. After every step the directory says of every key and every use what the table of docs/spec/directory.md
 * says, written down here once more and in another way.
 */

const PURPOSE: KeyPurpose = 'invoke';
const GRACE_SECONDS = 300;

/** Which uses a state allows; envelopes and questions are let through for some minutes more. */
const TABLE: Readonly<Record<KeyState, readonly KeyUsage[]>> = {
  pending: [],
  active: ['http', 'encrypt', 'envelope', 'invocation', 'durable'],
  deactivated: ['durable'],
  ended: [],
  revoked: [],
};
const USAGES = TABLE.active;

interface ModelKey {
  readonly kid: string;
  readonly from: number;
  until: number;
  readonly end: number;
  isRevoked: boolean;
}
interface Model {
  now: number;
  readonly keys: ModelKey[];
}
interface Real {
  readonly organisation: TestOrganisation;
  readonly pool: PublicKeyOf[];
}
type PublicKeyOf = { readonly kid: string; readonly jwk: PublicJwk };

function stateOf({ from, until, end, isRevoked }: ModelKey, now: number): KeyState {
  if (isRevoked) return 'revoked';
  const passed = [from, until, end].filter((moment) => moment <= now).length;
  return (['pending', 'active', 'deactivated', 'ended'] as const)[passed] ?? 'ended';
}

function usesOf(key: ModelKey, now: number): KeyUsage[] {
  const state = stateOf(key, now);
  const isJustPast = state === 'deactivated' && now - key.until <= GRACE_SECONDS;
  const lateUses: KeyUsage[] = ['envelope', 'invocation'];
  return [...TABLE[state], ...(isJustPast ? lateUses : [])];
}

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'usable';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

/** Compares a directory with the model: every key, every use, and the list of those that are active. */
function expectTable(trust: Trust, urn: string, { now, keys }: Model): void {
  for (const key of keys)
    for (const usage of USAGES) {
      const code = codeOf(() => trust.requireKey(key.kid, { usage, purpose: PURPOSE, now, check: 'key' }));
      const expected = usesOf(key, now).includes(usage) ? 'usable' : 'key_revoked';
      expect([usage, stateOf(key, now), code]).toEqual([usage, stateOf(key, now), expected]);
    }
  const active = keys.filter((key) => stateOf(key, now) === 'active').map(({ kid }) => kid);
  const listed = trust.activeKeys(urn, PURPOSE, now).map(({ record }) => record.kid);
  const known = listed.filter((kid) => keys.some((key) => key.kid === kid));
  expect(known.toSorted()).toEqual(active.toSorted());
}

type Command = fc.AsyncCommand<Model, Real>;

abstract class Step implements Command {
  check(_model: Readonly<Model>): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    await this.play(model, real);
    expectTable(real.organisation.trust, real.organisation.invoker.urn, model);
  }

  protected abstract play(model: Model, real: Real): Promise<void>;
  abstract toString(): string;
}

class Wait extends Step {
  constructor(private readonly seconds: number) {
    super();
  }

  protected async play(model: Model): Promise<void> {
    model.now += this.seconds;
  }

  toString(): string {
    return `wait ${this.seconds} s`;
  }
}

/** A new key is listed, and the one before it signs no longer than until then. */
class Follow extends Step {
  constructor(
    private readonly delay: number,
    private readonly life: number,
    private readonly rest: number,
  ) {
    super();
  }

  override check({ keys }: Readonly<Model>): boolean {
    return keys.length < 6;
  }

  protected async play(model: Model, { organisation, pool }: Real): Promise<void> {
    const made = pool[model.keys.length];
    if (made === undefined) throw new Error('there are not enough keys');
    const from = model.now + this.delay;
    const previous = model.keys.at(-1);
    if (previous !== undefined) previous.until = Math.max(previous.from, Math.min(previous.until, from));
    model.keys.push({
      kid: made.kid,
      from,
      until: from + this.life,
      end: from + this.life + this.rest,
      isRevoked: false,
    });
    await publishKeys(organisation, pool, model);
  }

  toString(): string {
    return `follow after ${this.delay} s, for ${this.life} s and ${this.rest} s`;
  }
}

class Revoke extends Step {
  constructor(private readonly which: number) {
    super();
  }

  override check({ keys }: Readonly<Model>): boolean {
    return keys.some(({ isRevoked }) => !isRevoked);
  }

  protected async play(model: Model, { organisation }: Real): Promise<void> {
    const left = model.keys.filter(({ isRevoked }) => !isRevoked);
    const key = left[this.which % left.length];
    if (key === undefined) throw new Error('there is one at least');
    key.isRevoked = true;
    await organisation.publish((draft) => {
      draft.revoked = [...draft.revoked, { kid: key.kid, reason: 'keyCompromise', at: model.now }];
    }, NOW);
  }

  toString(): string {
    return `revoke ${this.which}`;
  }
}

/** Lists the keys of the model beside the one that the device was made with, which stays as it is. */
async function publishKeys(organisation: TestOrganisation, pool: readonly PublicKeyOf[], model: Model): Promise<void> {
  const records = model.keys.map(({ kid, from, until, end }, at): KeyRecord => {
    const jwk = pool[at]?.jwk;
    if (jwk === undefined) throw new Error('every key of the model is one of the pool');
    return { kid, use: 'sig', alg: 'Ed25519', suite: 'ed25519', pur: [PURPOSE], nbf: from, use_until: until, end, jwk };
  });
  await organisation.publish((draft) => {
    const entity = draft.entities[organisation.invoker.urn];
    if (entity !== undefined) entity.keys = [...organisation.invoker.entity.keys, ...records];
  }, NOW);
}

describe('the states of keys', () => {
  let pool: PublicKeyOf[];

  beforeAll(async () => {
    const pairs = await Promise.all(Array.from({ length: 6 }, () => generateKeyPair('ed25519', 'sig')));
    pool = pairs.map(({ kid, publicJwk }) => ({ kid, jwk: publicJwk }));
  });

  it('are those of the table, whatever happens to keys and in whichever order', async () => {
    const seconds = fc.oneof(fc.constantFrom(0, 1, 299, 300, 301), fc.nat({ max: 900 }));
    const steps = fc.commands(
      [
        seconds.map((wait) => new Wait(wait)),
        fc.tuple(seconds, seconds, seconds).map(([delay, life, rest]) => new Follow(delay, life, rest)),
        fc.nat({ max: 5 }).map((which) => new Revoke(which)),
      ],
      { maxCommands: 20 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (commands) => {
        const organisation = await makeOrganisation({ now: NOW });
        const setup = async () => ({ model: { now: NOW, keys: [] }, real: { organisation, pool } });
        await fc.asyncModelRun(setup, commands);
      }),
      { numRuns: 60 },
    );
  });

  it('would be told apart by the comparison', async () => {
    const organisation = await makeOrganisation({ now: NOW });
    const [made] = pool;
    if (made === undefined) throw new Error('there is a key');
    const key = { kid: made.kid, from: NOW, until: NOW + 10, end: NOW + 400, isRevoked: false };
    const model = { now: NOW, keys: [key] };
    await publishKeys(organisation, pool, model);
    const { trust, invoker } = organisation;
    expectTable(trust, invoker.urn, model);
    for (const wrong of [{ from: NOW + 1 }, { until: NOW }, { isRevoked: true }])
      expect(() => expectTable(trust, invoker.urn, { now: NOW, keys: [{ ...key, ...wrong }] })).toThrow('toEqual');
    expect(() => expectTable(trust, invoker.urn, { now: NOW + 310, keys: [{ ...key, until: NOW + 9 }] })).toThrow(
      'toEqual',
    );
  });
});
