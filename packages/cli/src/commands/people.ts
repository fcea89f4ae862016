import type { Command } from 'commander';
import type { Context } from '../context.js';
import { idOf, requireUser } from '../output/device-names.js';
import { styled } from '../output/output.js';
import { namePerson, readPeopleNames, requirePersonName } from '../output/people-names.js';
import { UsageError } from '../input/usage-error.js';

/** `bulla people …` */
export function addPeopleCommands(program: Command, context: Context): void {
  const people = program
    .command('people')
    .description('what people are called on this machine')
    .addHelpText(
      'after',
      `
A person is usr_… in everything that is signed. What you call them is kept in people.json in BULLA_HOME. It is shown
beside usr_…, and is never sent.

Examples:
  $ bulla people list
  $ bulla people name usr_01m8846qn3ew2sbps4hd8t4589 "Alice Moser"`,
    );
  people
    .command('list')
    .description('everybody whom the directory lists, what they are called here, and their devices')
    .option('--json', 'print them as JSON')
    .action((options: { json?: boolean }) => list(context, options.json === true));
  people
    .command('name <person> [name]')
    .description('call a person something on this machine')
    .option('--forget', 'call them nothing any more')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ bulla people name usr_01m8846qn3ew2sbps4hd8t4589 "Alice Moser"
  $ bulla people name "Alice Moser" --forget`,
    )
    .action((person: string, name: string | undefined, options: { forget?: boolean }) =>
      setName(context, person, name, options.forget === true),
    );
}

async function list(context: Context, asJson: boolean): Promise<void> {
  const { out, home } = context;
  // A renewer is the device of no person.
  const devices = (await (await context.connect()).people.devices()).filter(({ roles }) => !roles.includes('renewer'));
  const names = await readPeopleNames(home);
  const users = [...new Set(devices.map(({ user }) => user))];
  const people = users.map((urn) => ({
    urn,
    name: names.get(urn) ?? null,
    devices: devices.filter(({ user }) => user === urn).map((device) => device.urn),
  }));
  if (asJson) return out.json(people);
  out.table([
    ['PERSON', 'NAME', 'DEVICES'],
    ...people.map(({ urn, name, devices: own }) => [idOf(urn), name ?? '', own.map(idOf).join(', ')]),
  ]);
}

async function setName(context: Context, person: string, name: string | undefined, forget: boolean): Promise<void> {
  const { home } = context;
  if ((name !== undefined) === forget)
    throw new UsageError(
      forget ? '--forget takes no name' : 'a name is missing',
      'bulla people name usr_… "Alice Moser"',
    );
  const { org } = await context.profile();
  const urn = requireUser(org, person, await readPeopleNames(home));
  await namePerson(home, urn, name === undefined ? undefined : requirePersonName(name));
  context.result(
    { urn, name: name ?? null },
    styled('✔', 'good'),
    name === undefined ? ` ${idOf(urn)} has no name here` : ` ${idOf(urn)} is ${name} here`,
  );
}
