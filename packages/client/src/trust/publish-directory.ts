import type { Signer, Trust } from '@bulla/crypto';
import { fingerprint, signDocument, Trust as Documents } from '@bulla/crypto';
import { BullaError, bullaError, checked } from '../connection/errors.js';
import { requireNobodyLockedOut } from './locked-out.js';
import type { DirectoryChange } from './next-directory.js';
import { nextDirectory } from './next-directory.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** Brings a signed directory to the vault; publication alone, or with what it settles. */
export type SendDirectory = (trust: Trust, token: string) => Promise<unknown>;

/**
 * Signs the next directory and publishes it. Its base is the newest directory that the vault shows, expired or not, and that
 * continues all this party has ever trusted: a vault that shows an older one, to have a revocation signed away, is refused. If
 * somebody else published meanwhile, the change is made once more on theirs.
 * @param signer a key that root lists for the directory.
 * @returns what is trusted afterwards.
 * @throws {TrustError} trust_rollback; {BullaError} forbidden if another key, or more than one, must sign;
 *   {ConflictError} version_conflict
 */
export async function publishNextDirectory(
  session: Session,
  signer: Signer,
  change: DirectoryChange,
  send: SendDirectory = publicationBy(session),
): Promise<Trust> {
  const publish = async () => {
    // guard: next-base without: const trust = await session.keeper.current();
    const trust = await session.keeper.catchUp();
    await send(trust, await sign(session, trust, signer, change));
  };
  try {
    await publish();
  } catch (error) {
    if (!(error instanceof BullaError) || error.code !== 'version_conflict' || error.origin === 'client') throw error;
    await publish();
  }
  return session.keeper.refresh();
}

function publicationBy(session: Session): SendDirectory {
  return (trust, directory) =>
    session.transport.call('directory.publish', vaultOf(session, trust), trust, {
      params: { org: trust.org },
      body: { directory },
      ifMatch: trust.directory.version,
    });
}

/** What is signed must stand up to what everybody else will check. */
async function sign(session: Session, trust: Trust, signer: Signer, change: DirectoryChange): Promise<string> {
  requireSignatory(trust, signer);
  const now = session.now();
  const draft = await nextDirectory(trust, now, change);
  requireNobodyLockedOut(trust, { policy: trust.policy, directory: draft }, now);
  const directory = await signDocument(draft, [signer]);
  const { org, pin, documents } = trust;
  await checked(() => Documents.establish({ ...documents, directory }, { org, pin, now, previous: trust }));
  return directory;
}

/** @throws {BullaError} forbidden, saying whose signature it takes */
export function requireSignatory(trust: Trust, signer: Signer): void {
  const { kids, threshold } = trust.root.roles.directory;
  // guard: next-signatory without: return;
  if (kids.includes(signer.kid) && threshold === 1) return;
  const listed = kids.map((kid) => fingerprint(kid)).join(', ');
  const message =
    threshold === 1
      ? `the directory is signed with key ${listed}, not with ${fingerprint(signer.kid)}`
      : `the directory takes ${threshold} signatures (of ${listed}), which one command cannot give`;
  throw bullaError('forbidden', { message, origin: 'client', status: 403 });
}
