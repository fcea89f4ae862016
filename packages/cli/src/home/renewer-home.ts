import { Renewer, renewerIdentityOf } from '@bulla/client';
import type { HandedBack, RenewalRound } from '@bulla/client';
import type { Home, Profile } from '@bulla/client/node';
import { FileTrustStore, HomeError, readKeyFile, RENEWER_KEYS, RENEWER_MEMORY } from '@bulla/client/node';
import { handedAsJson, handedLine, refusedLines } from '../output/handed-back.js';
import { counted } from '../output/output.js';

export interface RenewerSettings extends Profile {
  readonly fetch: typeof fetch;
  readonly notice: (message: string) => void;
}

/**
 * The renewer whose keys lie in a home folder, or undefined. Its keys are read each time: newer ones may have come.
 * @throws {HomeError} if they are of another organisation
 */
export async function openRenewer(
  home: Home,
  { vaultUrl, org, pin, fetch: fetcher, notice }: RenewerSettings,
): Promise<Renewer | undefined> {
  const file = await readKeyFile(home, RENEWER_KEYS);
  if (file === undefined) return undefined;
  if (file.org !== org) throw new HomeError(`${home.path(RENEWER_KEYS)} belongs to another organisation`);
  const identity = await renewerIdentityOf(file);
  const store = new FileTrustStore(home, RENEWER_MEMORY);
  return new Renewer({ url: vaultUrl, identity, pin, store, fetch: fetcher, notice });
}

/** Whether what the renewer of a home has seen lies there too; keys alone are a copy. */
export async function hasMemory(home: Home): Promise<boolean> {
  return (await home.read(RENEWER_MEMORY)) !== undefined;
}

/** A round in one line. */
export function roundLine({ directory, labels, held }: RenewalRound): string {
  const rest = held.length === 0 ? '' : `; ${counted(held.length, 'label')} held back`;
  return `directory version ${directory} and ${counted(labels, 'label')} are the newest${rest}`;
}

/** The same for programs. */
export function roundAsJson({ directory, labels, held, handedBack }: RenewalRound): object {
  return {
    directory_version: directory,
    labels,
    held: held.map(({ name, label, seq, why }) => ({ name, label, seq, why })),
    handed_back: handedBack === undefined ? null : handedAsJson(handedBack),
  };
}

/** What a restored vault took back, and what not. */
export function handedLines(handedBack: HandedBack): string[] {
  return [handedLine(handedBack), ...refusedLines(handedBack)];
}

/** Each label for which nothing was signed, and why. */
export function heldLines({ held }: RenewalRound): string[] {
  return held.map(({ name, label, seq, why }) => `held back: move ${seq} of ${name}@${label}: ${why}`);
}
