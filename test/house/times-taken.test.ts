import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as client from '@bulla/client';
import * as node from '@bulla/client/node';
import * as crypto from '@bulla/crypto';
import * as http from '@bulla/crypto/http';
import * as keyFiles from '@bulla/crypto/key-files';
import * as letters from '@bulla/crypto/letters';
import * as log from '@bulla/crypto/log';
import * as open from '@bulla/crypto/open';
import { describe, expect, it } from '@jest/globals';
import { repository } from '../../scripts/workspaces.mjs';
import type { TakesTime } from './times-taken.js';
import { timesTaken } from './times-taken.js';

// [red] A caller without a time (undefined, NaN, text) could use documents that had expired a year before:
// no number is less or more than a value that is not a number.

/** What a caller in JavaScript may pass by mistake. */
const NO_TIMES = [undefined, Number.NaN, '1800000000', 1.5, Number.POSITIVE_INFINITY, null];
/** Those that may be left out. */
const OPTIONAL = new Set(['clock', 'graceSeconds']);

/** Stands for every other argument: the time is checked before all others. */
function anything(known: Record<string, unknown> = {}): unknown {
  return new Proxy(() => undefined, {
    get: (_target, name) => {
      if (typeof name === 'string' && name in known) return known[name];
      // Code that awaits it gets it at once, and code that iterates over it sees nothing.
      return name === 'then' || typeof name === 'symbol' ? undefined : anything();
    },
    apply: () => anything(),
  });
}

/** What it says when it is given no time; undefined where it goes on. */
async function refusalOf(module: object, { name, ...taken }: TakesTime, noTime: unknown): Promise<unknown> {
  const [owner = '', method] = name.split(/[.#]/);
  const exported = new Map(Object.entries(module)).get(owner) as { prototype: object };
  const self = name.includes('#') ? exported.prototype : exported;
  const called = method === undefined ? exported : (self as Record<string, unknown>)[method];
  const given = Array.from({ length: taken.parameters }, (_, index) => {
    if (index !== taken.parameter) return anything({ now: 1_800_000_000, at: 1_800_000_000 });
    return taken.member === undefined ? noTime : anything({ now: 1_800_000_000, [taken.member]: noTime });
  });
  try {
    const result: unknown = Reflect.apply(called as () => unknown, self, given);
    if (typeof result === 'object' && result !== null && 'next' in result) await (result as AsyncGenerator).next();
    else await result;
    return undefined;
  } catch (error) {
    return error instanceof TypeError ? error.message : error;
  }
}

/** Those of a module that go on without a time, with what they were given. */
async function fallingOpen(module: object, taken: readonly TakesTime[]): Promise<string[]> {
  const found: string[] = [];
  for (const one of taken) {
    for (const noTime of NO_TIMES) {
      if (noTime === undefined && (OPTIONAL.has(one.member ?? '') || hasDefault(one))) continue;
      const refusal = await refusalOf(module, one, noTime);
      if (refusal !== 'a time is a whole number of seconds since 1970')
        found.push(`${one.name} with ${String(noTime)}: ${String(refusal)}`);
    }
  }
  return found;
}

/** The platform's clock counts where these are given none. */
const hasDefault = ({ name }: TakesTime) => ['mintId', 'verifyAnswerFile'].includes(name);

const MODULES: readonly [string, object, string, readonly string[]][] = [
  ['@bulla/crypto', crypto, 'packages/crypto/src/index.ts', ['Trust.establish', 'Trust#requireFresh', 'verifyTags']],
  ['@bulla/crypto/letters', letters, 'packages/crypto/src/letters.ts', ['sealLetter']],
  ['@bulla/crypto/http', http, 'packages/crypto/src/http.ts', ['signRequest', 'checkSignatureTimes']],
  ['@bulla/crypto/key-files', keyFiles, 'packages/crypto/src/key-files.ts', []],
  ['@bulla/crypto/log', log, 'packages/crypto/src/log.ts', []],
  ['@bulla/crypto/open', open, 'packages/crypto/src/open.ts', []],
  ['@bulla/client', client, 'packages/client/src/index.ts', ['verifyAnswerFile', 'firstMemory']],
  ['@bulla/client/node', node, 'packages/client/src/node/index.ts', ['signNextPolicy', 'renewOrganisation']],
];

describe('whoever takes a time refuses what is none', () => {
  it.each(MODULES)('in %s', async (_name, module, path, among) => {
    const taken = timesTaken(`${repository}/${path}`);
    expect(taken.map(({ name }) => name)).toEqual(expect.arrayContaining([...among]));
    expect(await fallingOpen(module, taken)).toEqual([]);
  });

  it('and one that does not is found', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bulla-times-'));
    try {
      const path = join(folder, 'planted.ts');
      writeFileSync(
        path,
        `export function isOver(end: number, now: number): boolean { return now > end; }
         export interface Wanted { readonly now: number; readonly name: string }
         export class Judge { judge(wanted: Wanted): boolean { return wanted.now > 1; } }`,
      );
      const taken = timesTaken(path);
      expect(taken.map(({ name, member }) => [name, member])).toEqual([
        ['isOver', undefined],
        ['Judge#judge', 'now'],
      ]);
      class Judge {
        judge(wanted: { readonly now: number }): boolean {
          return wanted.now > 1;
        }
      }
      const planted = { isOver: (end: number, now: number) => now > end, Judge };
      expect(await fallingOpen(planted, taken)).toHaveLength(2 * NO_TIMES.length);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
