import type {
  Bundle,
  ChainTuple,
  PositionRef,
  DirectoryHashes,
  DirectoryHead,
  SeenDirectory,
  StatementContext,
  Trust as TrustOf,
  TrustDocuments,
  TrustMemory,
  WantedPrompt,
} from '@bulla/crypto';
import {
  checkBundleForAsker,
  followChain,
  parseBundle,
  requireDescendant,
  Trust,
  verifyAnswer,
  verifyChain,
  verifyDirectoryFreshness,
  verifyEnvelope,
  verifyLabelFreshness,
  verifyStatement,
  verifyTags,
  parseEnvelope,
} from '@bulla/crypto';
import { readPublicKeys } from '@bulla/crypto/key-files';
import type { Fields } from './protocol.js';
import type { Format } from './format.js';

/** An organisation as its members know it: its pin, and the documents that lead from there to everybody's keys. */
export interface Organisation {
  readonly org: string;
  readonly pin: string;
  readonly documents: TrustDocuments;
}
/** What everything signed is verified with. */
export interface Signed {
  readonly organisation: Organisation;
  readonly now: number;
}

export function trustOf({ organisation: { documents, org, pin }, now }: Signed): Promise<TrustOf> {
  return Trust.establish(documents, { org, pin, now });
}

/** Claims are plain JSON. */
const asFields = (claims: object) => claims as Fields;

/** docs/spec/statement.md */
export const statements = {
  async verify({ token, chash, ...input }: Signed & StatementContext['expect'] & { token: string; chash: string }) {
    const { sub, name, ver, now } = input;
    const context = { trust: await trustOf(input), now, chash, expect: { sub, name, ver } };
    return { claims: asFields((await verifyStatement(token, context)).claims) };
  },
} satisfies Format;

/** docs/spec/envelope.md */
export const envelopes = {
  async verify(input: Signed & { token: string; audience: string; grace: number }) {
    const { token, now, audience, grace } = input;
    const context = { trust: await trustOf(input), now, audience, graceSeconds: grace };
    return { claims: asFields((await verifyEnvelope(parseEnvelope(token), context)).claims) };
  },
} satisfies Format;

/** docs/spec/envelope.md, as the asker checks it with all that came beside it. */
export const bundles = {
  async verify({ bundle, wanted, ...input }: Signed & BundleInput) {
    const { now, asker, audience, request } = input;
    const context = { trust: await trustOf(input), now, asker, audience, request, wanted };
    const { envelope } = await checkBundleForAsker(parseBundle(bundle), context);
    return { prm: asFields(envelope.claims.prm) };
  },
} satisfies Format;
interface BundleInput {
  readonly bundle: Bundle;
  readonly asker: { readonly urn: string; readonly kid: string };
  readonly audience: string;
  readonly request: string;
  readonly wanted: WantedPrompt;
}

/** docs/spec/tag.md */
export const tags = {
  async verify({ tokens, name, label, ...input }: Signed & { tokens: string[]; name: string; label: string }) {
    const context = { trust: await trustOf(input), now: input.now, name, label };
    const { sub, version, chash, seq, prev, pos } = await verifyTags(tokens, context);
    return { sub, ver: version, chash, seq, prev, pos };
  },
} satisfies Format;

/** docs/spec/freshness.md: what a renewer says of a position. */
export const labelFreshness = {
  async verify({ token, name, label, seq, pos, ...input }: RenewedInput & LabelPlace) {
    const place = { name, label, seq, pos };
    const { until } = await verifyLabelFreshness(token, place, await renewedTrust(input), input.now);
    return { until };
  },
} satisfies Format;

/** docs/spec/freshness.md: what a renewer says of the newest directory. */
export const directoryFreshness = {
  async verify({ token, ...input }: RenewedInput) {
    const { until } = await verifyDirectoryFreshness(token, await renewedTrust(input), input.now);
    return { until };
  },
} satisfies Format;
interface RenewedInput extends Signed {
  readonly token: string;
  readonly hashes?: DirectoryHashes;
}
type LabelPlace = PositionRef & { readonly name: string; readonly label: string };

/** Whether the directory is fresh is what the token is about. */
function renewedTrust({ organisation: { documents, org, pin }, now, hashes }: Omit<RenewedInput, 'token'>) {
  return Trust.establish(documents, { org, pin, now, hashes, acceptStale: true });
}

/** docs/spec/tag.md: a position that comes after the one that is remembered. */
export const labelChains = {
  async verify({ name, label, head, next, tuples }: LabelChainInput) {
    const of = { name, tag: label };
    await requireDescendant(of, head, next, tuples);
    const path = await followChain(of, head, tuples.slice(0, next.seq - head.seq));
    return { path: path.map(({ pos }) => pos) };
  },
} satisfies Format;
interface LabelChainInput {
  readonly name: string;
  readonly label: string;
  readonly head: PositionRef;
  readonly next: PositionRef;
  readonly tuples: readonly ChainTuple[];
}

/** docs/spec/root.md, policy.md and directory.md: the three are verified as one chain. */
export const documents = {
  async verify({
    org,
    pin,
    now,
    memory,
    hashes,
    ...chain
  }: TrustDocuments & Omit<Organisation, 'documents'> & DocumentsInput) {
    const { root, policy, directory } = await Trust.establish(chain, { org, pin, now, previous: memory, hashes });
    return { root: root.version, policy: policy.version, directory: directory.version };
  },
} satisfies Format;
interface DocumentsInput {
  readonly now: number;
  readonly memory?: TrustMemory;
  readonly hashes?: DirectoryHashes;
}

/** docs/spec/directory.md: the way over directories of which only the hashes are at hand. */
export const chains = {
  async verify({ seen, next, hashes }: { seen?: SeenDirectory; next: ChainEnd; hashes?: DirectoryHashes }) {
    const between = await verifyChain(seen, next, hashes);
    return { between: between.length };
  },
} satisfies Format;
type ChainEnd = Pick<DirectoryHead, 'version' | 'prev' | 'chain'>;

/** docs/spec/evidence.md */
export const answers = {
  async verify({ file, pin, now }: AnswerInput) {
    const { failure } = await verifyAnswer(file, { pin, now });
    if (failure !== undefined) throw failure;
    return {};
  },
} satisfies Format;

/** docs/spec/evidence.md: the verdict beside newer documents, and what could not be looked for. */
export const verdicts = {
  async verify({ file, pin, now, newer }: AnswerInput) {
    const context = { pin, now, newer: newer && (await rememberedTrust(newer, pin, now)) };
    const { verdict, checks, failure, answer } = await verifyAnswer(file, context);
    if (failure !== undefined) throw failure;
    const notLookedFor = checks.flatMap(({ name, state }) => (state === 'not_looked_for' ? [name] : []));
    return { verdict, profile: answer?.profile ?? '', not_looked_for: notLookedFor };
  },
} satisfies Format;

interface AnswerInput {
  readonly file: string;
  readonly pin: string;
  readonly now: number;
  /** Newer documents, with the hashes of the directories before. */
  readonly newer?: { readonly org: string; readonly documents: TrustDocuments; readonly hashes?: DirectoryHashes };
}

/** What is trusted, however long ago that was fetched. */
function rememberedTrust(newer: NonNullable<AnswerInput['newer']>, pin: string, now: number) {
  const { org, hashes } = newer;
  return Trust.establish(newer.documents, { org, pin, now, hashes, acceptExpired: true });
}

/** docs/spec/public-keys.md */
export const publicKeys = {
  async verify({ token }: { token: string }) {
    const { urn, kid, keys } = await readPublicKeys(token);
    return { urn, kid, uses: keys.map(({ use }) => use) };
  },
} satisfies Format;
