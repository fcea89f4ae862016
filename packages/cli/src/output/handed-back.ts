import type { HandedBack } from '@bulla/client';
import { counted } from './output.js';

/** What was handed back, in one line. */
export function handedLine({ directories, labels }: HandedBack): string {
  const moves = labels.reduce((sum, { taken }) => sum + taken, 0);
  const versions = counted(directories, 'version');
  return `handed back: ${versions} of the directory, ${counted(moves, 'move')} of ${counted(labels.length, 'label')}`;
}

/** The same for programs; nothing unless given. */
export function handedAsJson({ directories = 0, labels = [], refused = [] }: Partial<HandedBack> = {}): {
  readonly directories: number;
  readonly labels: HandedBack['labels'];
  readonly refused: HandedBack['refused'];
} {
  return { directories, labels, refused };
}

/** Each label that the vault did not take, and why. */
export function refusedLines({ refused }: HandedBack): string[] {
  return refused.map(({ name, label, seq, why }) => `not taken: move ${seq} of ${name}@${label}: ${why}`);
}
