import { createServer } from 'node:net';
import type { Bulla, LabelDates } from '@bulla/client';
import { tlsFaultInWords } from '@bulla/client';
import { isDue } from '@bulla/client/node';
import { Health, tlsFaultOf } from '@bulla/contract';
import { secondsOf, timestampOf } from '@bulla/crypto';
import { tlsHint } from '../output/hints.js';
import { datesAsJson, datesInWords } from '../output/label-dates.js';
import type { Beholder } from '../input/names.js';
import { shortName } from '../input/names.js';
import { counted } from '../output/output.js';

/** One thing that was looked at, with what mends it where it is wrong. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly fix?: string;
  /** What was found, for programs: numbers, times and addresses instead of a sentence. */
  readonly data?: Readonly<Record<string, unknown>>;
}

const DAY = 86_400;
/** What ends within them is signed anew, so that nothing ends while nobody is there for 60 days. */
const RENEWED_DAYS = 61;
const CLOCK_DIFFERENCE_MAX_SECONDS = 60;
const TIMEOUT_MS = 5_000;
const UNSEAL = 'holders of shares bring them: bulla unseal FILE (without FILE it says how many are missing)';

export function inspectNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const ok = major > 22 || (major === 22 && minor >= 12);
  return {
    name: 'node',
    ok,
    detail: version,
    data: { version },
    fix: 'use Node 22.12 or newer; the project brings its own with `npm ci`',
  };
}

/**
 * A service by its own word, and its clock by the Date of its answer.
 * @param isOwn whether it is started from this folder.
 */
export async function inspectService(
  name: string,
  url: string,
  fetcher: typeof fetch,
  nowMs: () => number,
  isOwn = true,
): Promise<Finding[]> {
  const address = url.replace(/\/$/, '');
  let response: Response;
  let health: Health;
  try {
    response = await fetcher(new URL('/health/ready', url), {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'error',
    });
    health = Health.parse(await response.json());
  } catch (error) {
    const fault = tlsFaultOf(error);
    return [
      {
        name,
        ok: false,
        detail:
          fault === undefined
            ? `${address} does not answer as a Bulla service`
            : `${address} is not asked: ${tlsFaultInWords(fault)}`,
        data: { url: address, answers: false },
        fix:
          fault !== undefined
            ? tlsHint(fault, {})
            : isOwn
              ? 'start it: bulla up (or npm start)'
              : 'it runs elsewhere: ask who operates it, or mend the address (--url, BULLA_URL)',
      },
    ];
  }
  const ready = response.status === 200;
  const failed = health.checks.filter(({ ok }) => !ok).map((check) => check.name);
  const all = health.checks.map((check) => check.name);
  const isSealed = health.status === 'sealed';
  const why = isSealed ? 'waits for shares of its root key; sealed names work' : `is not ready: ${failed.join(', ')}`;
  const detail = `${address} ${ready ? `is ready (${all.join(', ')})` : why}`;
  const data = { url: address, answers: true, ready, checks: health.checks };
  const findings: Finding[] = [{ name, ok: ready, detail, data, fix: isSealed ? UNSEAL : fixOf(failed) }];
  const date = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(date)) return findings;
  const difference = Math.round(Math.abs(nowMs() - date) / 1000);
  const clock = {
    name: `${name} clock`,
    ok: difference <= CLOCK_DIFFERENCE_MAX_SECONDS,
    detail: `${difference} s from this machine's`,
    data: { difference_seconds: difference },
    fix: 'set both clocks by NTP: signatures are good for one minute',
  };
  return [...findings, clock];
}

function fixOf(failed: readonly string[]): string {
  const why = 'the log of the service says why';
  return failed.includes('database') ? `${why}: its database does not answer, or their clocks differ` : why;
}

/** The pinned root, the documents under it, and how long they last. */
export async function inspectTrust(bulla: Bulla, now: number): Promise<Finding[]> {
  const trust = await bulla.refreshTrust();
  const age = (
    name: string,
    { version, issued, expires }: { version: number; issued: string; expires: string },
  ): Finding => {
    const left = secondsOf(expires) - now;
    return {
      name,
      ok: !isDue(left, secondsOf(expires) - secondsOf(issued)),
      detail: `version ${version}, ${Math.floor(left / DAY)} days left`,
      data: { version, issued, expires },
      fix: 'bulla trust renew',
    };
  };
  return [
    {
      name: 'pin',
      ok: true,
      detail: `${trust.pin} (${trust.org}, ${trust.profile})`,
      data: { pin: trust.pin, org: trust.org, profile: trust.profile },
    },
    age('root', trust.root),
    age('policy', trust.policy),
    age('directory', trust.directory),
  ];
}

/** Whether this device may act: its key stands in the directory and is in its time. */
export async function inspectIdentity(bulla: Bulla, urn: string, kid: string, now: number): Promise<Finding> {
  const trust = await bulla.trust();
  const holder = trust.activeKeys(urn, 'http', now).find(({ record }) => record.kid === kid);
  if (holder === undefined)
    return {
      name: 'identity',
      ok: false,
      detail: `${urn} has no active key in the directory`,
      fix: 'ask the person who keeps the directory key to list it again',
    };
  const days = Math.floor((holder.record.use_until - now) / DAY);
  return {
    name: 'identity',
    ok: days > RENEWED_DAYS,
    detail: `${urn}, its key signs for ${days} more days`,
    data: { urn, kid, signs_until: timestampOf(holder.record.use_until) },
    fix: 'bulla device renew',
  };
}

/** Labels whose vault contradicted what this machine had seen. */
export async function inspectForks(bulla: Bulla): Promise<Finding[]> {
  const forks = await bulla.labels.forks();
  const places = [...new Set(forks.map(({ name, label }) => `${name}@${label}`))];
  if (places.length === 0) return [];
  return [
    {
      name: 'labels',
      ok: false,
      detail: `the vault contradicted what was seen of ${places.join(', ')}; the signed tags of both are in trust.json`,
      fix: `compare, and choose: bulla prompt adopt ${places.at(-1)}`,
    },
  ];
}

/** Labels that must be signed again soon, or whose position nobody calls the newest, or that can be run no longer. */
export async function inspectLabels(bulla: Bulla): Promise<Finding[]> {
  const [due, stale, ends]: [string[], string[], LabelDates[]] = [[], [], []];
  let prompts = 0;
  for await (const { name } of bulla.prompts.list()) {
    prompts += 1;
    for (const { label } of await bulla.prompts.dueLabels(name)) due.push(`${name}@${label}`);
    for (const label of await bulla.labels.stale(name)) stale.push(`${name}@${label}`);
    ends.push(...(await bulla.labels.dates(name)));
  }
  const findings: Finding[] = [];
  if (due.length > 0)
    findings.push({
      name: 'labels',
      ok: false,
      detail: `about to expire, or good no longer: ${due.join(', ')}`,
      data: { prompts, due },
      fix: 'a person who may sign reads it and runs: bulla prompt confirm NAME@LABEL',
    });
  if (stale.length > 0)
    findings.push({
      name: 'labels',
      ok: false,
      detail: `no renewer has called them the newest lately: ${stale.join(', ')}`,
      data: { prompts, stale },
      fix: 'see what the renewer says (bulla trust renew, where its keys are), or look: bulla prompt adopt NAME@LABEL',
    });
  if (findings.length > 0) return findings;
  const detail = `${counted(prompts, 'prompt')}, no label is about to expire`;
  const earliest = ends.length === 0 ? undefined : first(ends);
  return [
    {
      name: 'labels',
      ok: true,
      detail: earliest === undefined ? detail : `${detail}: ${datesInWords(earliest)}`,
      data: { prompts, ...(earliest !== undefined && datesAsJson(earliest)) },
    },
  ];
}

/** The earliest of both dates of all labels. */
function first(ends: readonly LabelDates[]): LabelDates {
  const earliest = (dates: readonly (number | undefined)[]) =>
    dates.includes(undefined) ? undefined : Math.min(...dates.map((date = 0) => date));
  return {
    label: '',
    version: 0,
    signedUntil: earliest(ends.map(({ signedUntil }) => signedUntil)),
    newestUntil: earliest(ends.map(({ newestUntil }) => newestUntil)),
  };
}

/**
 * Versions that others can read than those who write the name or sign its labels: named by an author, or sealed to them
 * when running was reading. A fact and no fault, since an author may have wanted it.
 */
export async function inspectReaders(bulla: Bulla, self: string | Beholder): Promise<Finding> {
  const found: string[] = [];
  for await (const { name } of bulla.prompts.list()) {
    for (const { version, readers } of await bulla.prompts.otherReaders(name))
      found.push(`${name} v${version} by ${readers.map((urn) => shortName(urn, self)).join(', ')}`);
  }
  if (found.length === 0)
    return { name: 'readers', ok: true, detail: 'nobody reads a prompt but who writes it or signs its labels' };
  const detail = `others can still read ${found.join('; ')} (what was read stays read; a new version is sealed to fewer)`;
  return { name: 'readers', ok: true, detail };
}

/** Whether a port can be listened on. */
export function inspectPort(name: string, setting: string, port: number): Promise<Finding> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () =>
      resolve({
        name,
        ok: false,
        detail: `port ${port} is in use`,
        fix: `stop what listens there, or set ${setting} to another port`,
      }),
    );
    server.listen(port, '127.0.0.1', () =>
      server.close(() => resolve({ name, ok: true, detail: `port ${port} is free` })),
    );
  });
}
