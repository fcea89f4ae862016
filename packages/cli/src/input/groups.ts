import type { PolicySettings } from '@bulla/client/node';
import type { Trust } from '@bulla/crypto';
import { closestTo } from './closest-word.js';
import type { Output } from '../output/output.js';

/** Groups that somebody is in. */
export function groupsOfPeople(trust: Trust): Set<string> {
  return new Set(trust.entitiesOf('device').flatMap((urn) => trust.groupsOf(urn)));
}

/** Groups that a policy names, each once. */
export function groupsOfPolicy({
  authors,
  labels,
  chat,
}: Pick<PolicySettings, 'authors' | 'labels' | 'chat'>): string[] {
  const rules = Object.values(labels).flatMap(({ groups }) => groups);
  return [...new Set([...Object.values(authors).flat(), ...rules, ...chat])];
}

/** Says it of groups that nobody is in and no rule names: most of them are another one, misspelt. */
export function noteUnknownGroups(out: Output, trust: Trust, groups: readonly string[]): void {
  const known = new Set([...groupsOfPeople(trust), ...groupsOfPolicy(trust.policy)]);
  for (const group of new Set(groups)) {
    if (!known.has(group)) out.talk(`note: nobody is in ${group}, and no rule names it${meant(group, known)}`);
  }
}

/** `; did you mean grp:support?` where there is one that is spelt nearly so. */
export function meant(group: string, known: Iterable<string>): string {
  const wordOf = (name: string) => name.slice('grp:'.length);
  const closest = closestTo(wordOf(group), [...known].map(wordOf));
  return closest === undefined ? '' : `; did you mean grp:${closest}?`;
}
