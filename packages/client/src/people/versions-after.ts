import type { Kid } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { lastsAsLong, parseContent, urnOf } from '@bulla/crypto';
import { BullaError, checked } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { serviceAt, vaultOf } from '../connection/session.js';
import { custodyUnder } from '../prompts/custody.js';
import { grantsOf } from '../prompts/grants-of.js';
import type { Prompts } from '../prompts/prompts.js';
import type { NamedVersion, OlderKey, RetirementPlan } from './retirement-plan.js';

const PAGE = 200;
/** How far apart a responder is asked that has something to try still. */
const TRY_AGAIN_MS = 1_500;

interface Looking {
  readonly service: string;
  readonly sealedTo: readonly OlderKey[];
  readonly patienceMs: number;
}

/** What runs by the older keys, held against what the newest opens: by the vault's list, and by what the responder tried. */
export async function versionsAfter(
  session: Session,
  trust: Trust,
  prompts: Prompts,
  { service, sealedTo, patienceMs }: Looking,
): Promise<Pick<RetirementPlan, 'lacking' | 'untried' | 'heard'>> {
  const [newest] = sealedTo.map((key) => key.newest);
  if (newest === undefined) return { lacking: [], untried: [], heard: true };
  for (let waitedMs = 0; ; waitedMs += TRY_AGAIN_MS) {
    const fit = await fitGrants(session, trust, service, newest);
    const found = await versionsWithout(session, trust, prompts, sealedTo, fit);
    // What came a moment ago is tried within seconds.
    if (fit === undefined || found.untried.length === 0 || waitedMs >= patienceMs)
      return { ...found, heard: fit !== undefined };
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
  }
}

/** Hashes of the grants of a key that its responder found fit; undefined where it does not answer. */
async function fitGrants(
  session: Session,
  trust: Trust,
  service: string,
  kid: string,
): Promise<ReadonlySet<string> | undefined> {
  const fit = new Set<string>();
  let cursor: string | undefined;
  try {
    do {
      const call = { query: { kid: kid as Kid, limit: PAGE, cursor } };
      const page = await session.transport.call('grant.tried', serviceAt(session, trust, service), trust, call);
      for (const one of page.data) if (one.fit) fit.add(one.whash);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
    return fit;
  } catch (error) {
    // One of before does not know the question.
    if (error instanceof BullaError && error.code !== 'forbidden') return undefined;
    throw error;
  }
}

async function versionsWithout(
  session: Session,
  trust: Trust,
  prompts: Prompts,
  older: readonly OlderKey[],
  fit: ReadonlySet<string> | undefined,
): Promise<Pick<RetirementPlan, 'lacking' | 'untried'>> {
  const [lacking, untried]: [NamedVersion[], NamedVersion[]] = [[], []];
  for await (const { id, name } of prompts.list()) {
    if (sealsItself(trust, name, older)) continue;
    const granted = await grantsOf(session, trust, { id });
    for (const [version, grants] of Map.groupBy(granted, (one) => one.version)) {
      const byKey = new Map(grants.map((one) => [one.kid, one.whash]));
      const replaced = older.filter(({ kid }) => byKey.has(kid));
      if (replaced.length === 0 || trust.isWithdrawn(urnOf(trust.org, 'prompt', id), version)) continue;
      const isLacking = replaced.some(({ newest }) => !byKey.has(newest));
      // guard: retire-tried without: const isUntried = false;
      const isUntried = replaced.some(({ newest }) => fit?.has(byKey.get(newest) ?? '') !== true);
      if (!isLacking && !isUntried) continue;
      if (await isUncommitted(session, trust, id, version)) continue;
      (isLacking ? lacking : untried).push({ name, version });
    }
  }
  return { lacking, untried };
}

/** Whether a version was sealed before contents committed to their key: nothing runs by it, whatever key opens it. */
async function isUncommitted(session: Session, trust: Trust, id: string, version: number): Promise<boolean> {
  const call = { params: { id, n: version } };
  const { content } = await session.transport.call('version.get', vaultOf(session, trust), trust, call);
  return checked(() => parseContent(content).header.dkc === undefined);
}

/** Whether the vault, which keeps the data keys of a managed name, seals its versions to the newest key when they are run. */
function sealsItself(trust: Trust, name: string, older: readonly OlderKey[]): boolean {
  const suiteOf = (kid: string) => trust.holder(kid)?.record.suite;
  return (
    custodyUnder(name, trust) === 'managed' &&
    older.every(({ kid, newest }) => {
      const [next, before] = [suiteOf(newest), suiteOf(kid)];
      return next !== undefined && before !== undefined && lastsAsLong(next, before);
    })
  );
}
