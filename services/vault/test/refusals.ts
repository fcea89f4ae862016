import type { Server } from 'node:http';
import { expect } from '@jest/globals';
import type { ProblemCode } from '@bulla/contract';
import type { TestVault } from './running-vault.js';

/** Planted into requests that are refused: no answer may repeat it. */
export const PLANTED = 'kestrel-planted-value';

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly body: unknown;
}

type Effects = Awaited<ReturnType<TestVault['countEffects']>>;

/** What vaults had at the last count, until something is asked of them. */
const counted = new WeakMap<TestVault, { effects: Effects | undefined }>();

/**
 * From now on the effects of a vault are counted once for each refusal that follows another: what was there after the one
 * must be there after the next. For vaults whose every change is brought about by a request.
 */
export function countOnce(vault: TestVault): void {
  const last: { effects: Effects | undefined } = { effects: undefined };
  counted.set(vault, last);
  const server: Server = vault.service.app.getHttpServer();
  server.on('request', () => (last.effects = undefined));
}

const effectsBefore = async (vault: TestVault) => counted.get(vault)?.effects ?? vault.countEffects();

async function effectsAfter(vault: TestVault): Promise<Effects> {
  const effects = await vault.countEffects();
  const last = counted.get(vault);
  if (last !== undefined) last.effects = effects;
  return effects;
}

/** Sends a request that must be refused so, say nothing of what was sent, and change nothing. */
export async function expectRefusal(
  vault: TestVault,
  send: () => PromiseLike<Answered>,
  status: number,
  code: ProblemCode,
): Promise<Answered> {
  const before = await effectsBefore(vault);
  const response = await answerOf(send);
  const said = response.text.slice(0, 400);
  const { code: given } = (response.body ?? {}) as { code?: string };
  expect([response.status, given, said]).toEqual([status, code, said]);
  expect(response.text).not.toContain(PLANTED);
  expect(await effectsAfter(vault)).toEqual(before);
  return response;
}

/** What came back; of what does not fit the contract, the words that say so. */
async function answerOf(send: () => PromiseLike<Answered>): Promise<Answered> {
  try {
    return await send();
  } catch (error) {
    return { status: 0, text: String(error), body: undefined };
  }
}

/** Sends a request that must be refused, for whatever reason that is the sender's fault. */
export async function expectAnyRefusal(vault: TestVault, send: () => PromiseLike<Answered>): Promise<Answered> {
  const before = await effectsBefore(vault);
  const response = await send();
  const said = response.text.slice(0, 400);
  expect([response.status >= 400 && response.status < 500, said]).toEqual([true, said]);
  expect(response.text).not.toContain(PLANTED);
  expect(await effectsAfter(vault)).toEqual(before);
  return response;
}

/** How many answers had each status. */
export function countStatuses(responses: readonly { readonly status: number }[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of responses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/**
 * Sends until the answer says how it ended, as clients do: on a busy machine a request may wait for a lock or a
 * connection longer than the service lets it.
 */
export async function untilSettled<Response extends Answered>(send: () => PromiseLike<Response>): Promise<Response> {
  for (;;) {
    const response = await send();
    const { code } = (response.body ?? {}) as { code?: string };
    if (code !== 'indeterminate' && code !== 'overloaded') return response;
  }
}
