import type { AdoptableLabel, RenewerAdoption } from '@bulla/client';
import { digestB64u, timestampOf, utf8 } from '@bulla/crypto';
import type { Context } from '../../context.js';
import { CheckFailed } from '../../output/exit-code.js';
import { shortName } from '../../input/names.js';
import { counted, styled } from '../../output/output.js';
import { UsageError } from '../../input/usage-error.js';
import { requireContent } from '../signing.js';

export interface AdoptOptions {
  readonly yes?: boolean;
  readonly expect?: string;
}

/**
 * Shows where everything stands by the vault's word, and makes that what this renewer remembers, if somebody who saw it
 * says so: from then on it calls these positions the newest.
 */
export async function adoptAsRenewer(context: Context, options: AdoptOptions): Promise<void> {
  const { asker, io, out } = context;
  const expected = options.expect === undefined ? undefined : requireContent(options.expect);
  const renewer = await context.renewer();
  if (renewer === undefined)
    throw new UsageError('--adopt is for a renewer, and its keys are not here', 'let one in: docs/guide/people.md');
  const adoption = await renewer.adoption();
  const isAsked = asker.isTerminal && io.stderr.isTTY === true && options.yes !== true;
  for (const line of linesOf(adoption))
    if (isAsked) out.must(line);
    else out.talk(line);
  const shown = `sha256:${await digestOf(adoption)}`;
  // guard: cli-adopt-expect
  if (expected !== undefined && expected !== shown)
    throw new CheckFailed(`what the vault shows is ${shown}, which is not what --expect names (check expect)`);
  if (isAsked) {
    const question = 'Ask the people who signed. Is this where everything stands, and nothing later was signed?';
    if (!(await asker.agrees(question))) throw new UsageError('nothing was adopted');
  } else if (expected === undefined) {
    // guard: cli-adopt-unseen
    throw new UsageError(
      `nothing was adopted: ${options.yes === true ? '--yes needs --expect' : 'there is no terminal to ask at'}`,
      `if what is shown is where everything stands: bulla trust renew --adopt --yes --expect ${shown}`,
    );
  }
  await renewer.adopt(adoption);
  const adopted = adoption.labels.filter(({ adopts }) => adopts).length;
  const document = {
    content: shown,
    directory_version: adoption.directory.version,
    adopted: adoption.labels.filter(({ adopts }) => adopts).map(placeOf),
    left: [
      ...adoption.labels.filter(({ adopts }) => !adopts).map(placeOf),
      ...adoption.left.map(({ name, label }) => ({ name, label, seq: null })),
    ],
  };
  context.result(
    document,
    styled('✔', 'good'),
    ` adopted: directory version ${adoption.directory.version} and ${counted(adopted, 'label')}`,
  );
}

function placeOf({ name, label, shown }: AdoptableLabel): object {
  return { name, label, seq: shown.seq };
}

/** Everything that a person decides by. */
function linesOf({ directory, labels, left }: RenewerAdoption): string[] {
  const { version, hash, issued, remembered } = directory;
  const before = remembered === undefined ? 'nothing is remembered' : `version ${remembered} is remembered`;
  return [
    `directory version ${version}, issued ${timestampOf(issued)}, sha256:${hash}; ${before}`,
    ...labels.flatMap(labelLines),
    ...left.map(({ name, label, why }) => `${name}@${label}  left aside: ${why}`),
  ];
}

function labelLines({ name, label, remembered, shown, others, adopts }: AdoptableLabel): string[] {
  const { seq, version, chash, signers, signed, needed } = shown;
  const target = version === 0 ? 'removed' : `v${version} sha256:${chash}`;
  const before = remembered === undefined ? '' : `; move ${remembered.seq} is remembered`;
  const rest = adopts ? '' : `; ${signed} of ${needed} people needed signed it: left aside`;
  const people = signers.map(({ urn, at }) => `${shortName(urn, '')} on ${day(at)}`).join(', ');
  return [
    `${name}@${label}  move ${seq}: ${target}${before}${rest}`,
    `  signed by ${people}`,
    ...others.map(
      ({ renewer, at, same }) =>
        `  renewer ${shortName(renewer, '')} on ${day(at)}: ${same ? 'it is the newest' : 'ANOTHER POSITION is the newest'}`,
    ),
  ];
}

function day(seconds: number): string {
  return timestampOf(seconds).slice(0, 10);
}

/** Names what is shown: the directory, and where each label stands. */
function digestOf({ directory, labels }: RenewerAdoption): Promise<string> {
  const positions = labels
    .filter(({ adopts }) => adopts)
    .map(({ name, label, shown }) => [name, label, shown.seq, shown.pos]);
  return digestB64u(utf8(JSON.stringify([directory.version, directory.hash, positions])));
}
