import { BullaError } from '@bulla/client';
import { adoptSeenDocuments, findDocumentSigner, findDocumentSigners } from '@bulla/client/node';
import type { Signer, Trust } from '@bulla/crypto';
import { fingerprint } from '@bulla/crypto';
import { Option } from 'commander';
import type { Context } from '../context.js';
import { personShown, readPeopleNames } from '../output/people-names.js';

/** For every command that signs the next directory. */
export function directoryKeyOption(): Option {
  return new Option(
    '--directory-key <file>',
    'the key that signs the directory (default: org/ORGANISATION/directory.key in BULLA_HOME)',
  );
}

/**
 * The key that signs the directory.
 * @throws {BullaError} forbidden, saying who has it, if it is not here
 */
export async function directorySigner(context: Context, trust: Trust, file: string | undefined): Promise<Signer> {
  const place =
    file === undefined ? { home: context.home, name: `org/${trust.org}/directory.key` } : context.placeOf(file);
  const signer = await findDocumentSigner(place.home, place.name);
  if (signer !== undefined) return signer;
  const { kids: listed } = trust.root.roles.directory;
  const held = file === undefined ? await findDocumentSigners(place.home, `org/${trust.org}`, 'directory') : [];
  const other = held.find(({ kid }) => listed.includes(kid));
  if (other !== undefined) return other;
  const kids = trust.root.roles.directory.kids.map((kid) => fingerprint(kid)).join(' or ');
  const owners = trust.entitiesOf('device').filter((urn) => trust.hasRole(urn, 'owner'));
  const names = await readPeopleNames(context.home);
  const users = new Set(owners.map((urn) => trust.userOf(urn)).filter((urn) => urn !== undefined));
  const people = [...users].map((urn) => personShown(urn, names)).join(', ');
  throw new BullaError('forbidden', {
    message: `this takes the key that signs the directory (${kids}), and ${place.home.path(place.name)} is not there; the person who keeps it can do this, most likely an owner: ${people}`,
    origin: 'client',
    status: 403,
  });
}

/** After a directory was published: what is signed next in this folder stands on it. */
export function adoptPublished(context: Context, trust: Trust): Promise<void> {
  return adoptSeenDocuments(context.home, trust.org);
}
