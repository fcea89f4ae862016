import type { PolicyDocument } from '@bulla/crypto';
import { CryptoError } from '@bulla/crypto';
import { bullaError } from '../../connection/errors.js';

/** What an organisation decides in its policy; the rest of the document follows from where it stands in the chain. */
const MEMBERS = ['suites', 'custody', 'authors', 'labels', 'chat', 'auth', 'max_skew'] as const;
/** Left out where what goes without saying is meant. */
const OPTIONAL = ['fresh_days', 'witnesses'] as const;
export type PolicySettings = Pick<PolicyDocument, (typeof MEMBERS)[number] | (typeof OPTIONAL)[number]>;

/** What a policy decides. */
export function policySettings(policy: PolicyDocument): PolicySettings {
  const { suites, custody, authors, labels, chat, auth, max_skew, fresh_days, witnesses } = policy;
  return {
    suites,
    custody,
    authors,
    labels,
    chat,
    auth,
    max_skew,
    ...(fresh_days !== undefined && { fresh_days }),
    ...(witnesses !== undefined && { witnesses }),
  };
}

/**
 * Checks that a value has the members of settings, in the order in which a policy is written. What they hold is checked
 * with the policy that they make.
 * @throws {CryptoError} token_malformed
 */
export function requirePolicySettings(value: unknown): PolicySettings {
  const given = new Map(Object.entries(Object(value) as object));
  const known: readonly string[] = [...MEMBERS, ...OPTIONAL];
  const extra = [...given.keys()].filter((name) => !known.includes(name));
  const missing = MEMBERS.filter((name) => !given.has(name));
  if (extra.length > 0 || missing.length > 0) {
    const members = `${MEMBERS.join(', ')} and, if need be, ${OPTIONAL.join(', ')}`;
    throw new CryptoError('token_malformed', `a policy has the members ${members}`);
  }
  const names = [...MEMBERS, ...OPTIONAL].filter((name) => given.has(name));
  return Object.fromEntries(names.map((name) => [name, given.get(name)])) as unknown as PolicySettings;
}

/**
 * Refuses what the format has and nothing answers to yet: it would be signed without a word and do nothing. A policy of somebody else that says it is read like any other.
 * @throws {BullaError} validation_failed, check policy-switches
 */
export function requireWorkingSwitches({ auth }: PolicySettings): void {
  const switches = [
    ...(auth.bearer ? ['auth.bearer (leave it at false)'] : []),
    ...(auth.oidc === 'off' ? [] : [`auth.oidc "${auth.oidc}" (leave it at "off")`]),
  ];
  // guard: policy-switches
  if (switches.length > 0)
    throw bullaError('validation_failed', {
      message: `nothing was signed: this version of bulla has nothing behind ${switches.join(', ')}`,
      check: 'policy-switches',
      origin: 'client',
    });
}
