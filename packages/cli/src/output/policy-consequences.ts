import type { Bulla, ListedDevice } from '@bulla/client';
import type { PolicySettings } from '@bulla/client/node';
import type { Trust } from '@bulla/crypto';
import { groupsOfPeople, groupsOfPolicy, meant } from '../input/groups.js';

/**
 * What a policy would do that its author may not want, one line for each: rules that nobody can meet, groups that nobody is
 * in, labels that are not run any more, and who could read what. Asks the vault where labels stand.
 */
export async function consequencesOf(bulla: Bulla, settings: PolicySettings): Promise<string[]> {
  const devices = (await bulla.people.devices()).filter(({ state }) => state === 'active');
  return [
    ...unknownGroups(groupsOfPeople(await bulla.trust()), settings),
    ...unmetRules(devices, settings),
    ...(await endingLabels(bulla, settings)),
    ...(await custodyLines(bulla, settings)),
    ...chatLines(await bulla.trust(), settings),
  ];
}

/** Who could ask models without a stored prompt from then on, and could not before. */
function chatLines({ policy }: Trust, { chat }: PolicySettings): string[] {
  const added = chat.filter((group) => !policy.chat.includes(group));
  return added.map(
    (group) => `members of ${group} could ask every model of every responder what they like, without a stored prompt`,
  );
}

/**
 * Who can read what from then on, where that changes.
 * @throws {BullaError} custody_not_allowed for names with sealed versions that would become managed
 */
async function custodyLines(bulla: Bulla, { custody }: PolicySettings): Promise<string[]> {
  const { custody: before } = (await bulla.trust()).policy;
  const { remembered, ended } = await bulla.grants.custodyChange({ custody });
  const managed = Object.keys(custody).filter(
    (prefix) => custody[prefix] === 'managed' && before[prefix] !== 'managed',
  );
  return [
    ...managed.map((prefix) => {
      const names = prefix === '*' ? 'names that no other rule is for' : `names under ${prefix}`;
      return `the operator of the vault could read what is pushed to ${names}, beside its readers and responders`;
    }),
    ...remembered.map(
      (name) =>
        `${name} was sealed, as this machine remembers it, and would become managed; the vault does not show it`,
    ),
    ...ended.map(
      (name) =>
        `${name} would be sealed: the vault forgets how to read its versions, and nobody can run them until it is pushed again`,
    ),
  ];
}

function unknownGroups(known: ReadonlySet<string>, settings: PolicySettings): string[] {
  return groupsOfPolicy(settings)
    .filter((group) => !known.has(group))
    .map((group) => `nobody is in ${group}${meant(group, known)}`);
}

/** Rules that no number of signatures of the people who are here now meets. */
function unmetRules(devices: readonly ListedDevice[], { labels, authors }: PolicySettings): string[] {
  const peopleOf = (groups: readonly string[], role?: string) =>
    new Set(
      devices
        .filter((device) => role === undefined || device.roles.includes(role))
        .filter((device) => device.groups.some((group) => groups.includes(group)))
        .map(({ user }) => user),
    ).size;
  const unwritten = Object.entries(authors)
    .filter(([, groups]) => peopleOf(groups, 'author') === 0)
    .map(
      ([prefix, groups]) =>
        `nobody could write ${prefix === '*' ? 'the names that no other rule is for' : `names under ${prefix}`}: no author is in ${listed(groups)}`,
    );
  const unmoved = Object.entries(labels)
    .map(([label, { groups, threshold = 1 }]) => ({ label, groups, threshold, people: peopleOf(groups) }))
    .filter(({ threshold, people }) => people < threshold)
    .map(
      ({ label, groups, threshold, people }) =>
        `nobody could move or confirm the label ${label}: its rule asks for ${threshold} of ${listed(groups)}, where ${people === 1 ? '1 person is' : `${people} people are`}`,
    );
  return [...unwritten, ...unmoved];
}

async function endingLabels(bulla: Bulla, settings: PolicySettings): Promise<string[]> {
  const lines: string[] = [];
  for await (const { name } of bulla.prompts.list())
    for (const { label, given, needed } of await bulla.labels.belowRules(name, settings))
      lines.push(
        `${name}@${label} has the signatures of ${given} of ${needed} people that its rule would ask for: until others confirm it, it is not run`,
      );
  return lines;
}

function listed(groups: readonly string[]): string {
  return groups.length === 0 ? 'no group' : groups.join(' or ');
}
