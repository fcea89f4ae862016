import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** The benches that keep what they found in RESULTS.md, in the order in which it stands there. */
export const SECTIONS = ['load', 'connections', 'growth', 'keys', 'chats', 'proxy', 'crypto', 'timing'] as const;
export type Section = (typeof SECTIONS)[number];

/** Every bench runs from bench/dist/bench. */
const RESULTS = resolve(import.meta.dirname, '../../RESULTS.md');

/** Keeps what one bench found in bench/RESULTS.md, in place of what it found before. */
export function keep(section: Section, body: string): void {
  writeFileSync(RESULTS, withSection(readFileSync(RESULTS, 'utf8'), section, body));
}

/**
 * A file of results with one section replaced, or put where it belongs; the others stay as they are.
 * @throws {Error} if the file has no sections where it should: what stands in it would be lost
 */
export function withSection(text: string, section: Section, body: string): string {
  const found = sectionsOf(text);
  found.set(section, body.trim());
  return SECTIONS.flatMap((name) => {
    const kept = found.get(name);
    return kept === undefined ? [] : [`${opening(name)}\n\n${kept}\n\n${closing(name)}\n`];
  }).join('\n');
}

function sectionsOf(text: string): Map<Section, string> {
  const found = new Map<Section, string>();
  let rest = text;
  for (const name of SECTIONS) {
    const start = rest.indexOf(opening(name));
    if (start < 0) continue;
    const end = rest.indexOf(closing(name), start);
    if (end < 0) throw new Error(`the section ${name} of the results does not end`);
    found.set(name, rest.slice(start + opening(name).length, end).trim());
    rest = rest.slice(0, start) + rest.slice(end + closing(name).length);
  }
  if (rest.trim() !== '') throw new Error(`the results have text in no section: ${rest.trim().slice(0, 80)}`);
  return found;
}

function opening(name: Section): string {
  return `<!-- bench:${name} -->`;
}

function closing(name: Section): string {
  return `<!-- /bench:${name} -->`;
}
