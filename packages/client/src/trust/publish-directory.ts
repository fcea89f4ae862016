import type { Signer, Trust } from '@bulla/crypto';
import { DOCUMENT_TAKEN_SECONDS, fingerprint, signDocument, Trust as Documents } from '@bulla/crypto';
import { BullaError, bullaError, checked } from '../connection/errors.js';
import { requireNobodyLockedOut } from './locked-out.js';
import type { DirectoryChange } from './next-directory.js';
import { nextDirectory } from './next-directory.js';
import { propose } from './proposing.js';
import { keepRefusal, refusalIn } from './publish-proposal.js';
import { SeveralSign } from './several-sign.js';
import { openSigned, rememberSigned } from './signed-payloads.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';

/** What a directory is for, beside its change. */
export interface DirectoryPurpose {
  /** For those who are asked to sign, where it takes several. */
  readonly why: string;
  /** The request to come in that it answers. */
  readonly enrolment?: string;
}

/**
 * Signs the next directory and publishes it. Its base is the newest directory that the vault shows, expired or not, and that
 * continues all this party has ever trusted: a vault that shows an older one, to have a revocation signed away, is refused. If
 * somebody else published meanwhile, the change is made once more on theirs. One that was signed here before, and that
 * nobody knows the fate of, is sent again first: another content of its version is not signed while it can be taken.
 * @param signer a key that root lists for the directory.
 * @returns what is trusted afterwards.
 * @throws {TrustError} trust_rollback; {BullaError} forbidden if another key must sign; {SeveralSign} with the proposal where
 *   it takes more than one; {ConflictError} version_conflict
 */
export async function publishNextDirectory(
  session: Session,
  signer: Signer,
  change: DirectoryChange,
  purpose: DirectoryPurpose,
): Promise<Trust> {
  const publish = async () => {
    // guard: next-base without: const shown = await session.keeper.current();
    const shown = await session.keeper.catchUp();
    requireSignatory(shown, signer);
    if (shown.root.roles.directory.threshold > 1) throw await proposed(session, shown, change, purpose);
    const { trust, enrolment } = await finishSigned(session, shown);
    // It is what this was to do.
    if (enrolment !== undefined && enrolment === purpose.enrolment) return;
    const signed = await sign(session, trust, signer, change);
    await send(session, trust, { ...signed, enrolment: purpose.enrolment });
  };
  try {
    await publish();
  } catch (error) {
    if (!(error instanceof BullaError) || error.code !== 'version_conflict' || error.origin === 'client') throw error;
    await publish();
  }
  return session.keeper.refresh();
}

async function proposed(
  session: Session,
  trust: Trust,
  directory: DirectoryChange,
  { why, enrolment }: DirectoryPurpose,
): Promise<SeveralSign> {
  const by = session.identity.urn;
  const { kids, threshold } = trust.root.roles.directory;
  const text = await propose(trust, { directory, by, why, enrolment }, session.now());
  return new SeveralSign(
    text,
    `the directory takes ${threshold} signatures, of ${listed(kids)}: nothing was published`,
  );
}

interface SignedDirectory {
  readonly token: string;
  readonly hash: string;
  /** Seconds: until then a vault takes it. */
  readonly until: number;
  readonly enrolment: string | undefined;
}

/** Remembers a directory, then brings it to the vault: alone, or with the request to come in that it answers. */
async function send(session: Session, trust: Trust, { token, hash, until, enrolment }: SignedDirectory): Promise<void> {
  const version = trust.directory.version + 1;
  const signed = {
    kind: 'directory',
    version,
    hash,
    until,
    token,
    ...(enrolment !== undefined && { enrolment }),
  } as const;
  await session.keeper.note((state) => rememberSigned(state, [signed], session.now()));
  const vault = vaultOf(session, trust);
  const body = { directory: token };
  try {
    if (enrolment !== undefined)
      await session.transport.call('enrolment.approve', vault, trust, { params: { id: enrolment }, body });
    else
      await session.transport.call('directory.publish', vault, trust, {
        params: { org: trust.org },
        body,
        ifMatch: version - 1,
      });
  } catch (error) {
    await keepRefusal(session, [hash], error);
    throw error;
  }
}

interface Finished {
  readonly trust: Trust;
  /** The request to come in that is answered by what was sent again. */
  readonly enrolment?: string | undefined;
}

/** Sends what was signed on this base and may have reached the vault or not. @returns what is trusted then */
async function finishSigned(session: Session, trust: Trust): Promise<Finished> {
  const state = await session.keeper.state();
  const open = state === undefined ? [] : openSigned(state, session.now());
  const next = open.find(({ kind, version }) => kind === 'directory' && version === trust.directory.version + 1);
  // guard: signed-sent-again
  if (next?.token === undefined) return { trust };
  const { token, hash, until, enrolment } = next;
  try {
    await send(session, trust, { token, hash, until, enrolment });
    return { trust: await session.keeper.catchUp(), enrolment };
  } catch (error) {
    // The vault has said what became of it.
    if (refusalIn(error) === undefined) throw error;
    return { trust: await session.keeper.catchUp() };
  }
}

/** What is signed must stand up to what everybody else will check. */
async function sign(
  session: Session,
  trust: Trust,
  signer: Signer,
  change: DirectoryChange,
): Promise<Omit<SignedDirectory, 'enrolment'>> {
  const now = session.now();
  const draft = await nextDirectory(trust, now, change);
  requireNobodyLockedOut(trust, { policy: trust.policy, directory: draft }, now);
  const token = await signDocument(draft, [signer]);
  const { org, pin, documents } = trust;
  const after = await checked(() =>
    Documents.establish({ ...documents, directory: token }, { org, pin, now, previous: trust }),
  );
  return { token, hash: after.directoryRef.hash, until: now + DOCUMENT_TAKEN_SECONDS };
}

/** @throws {BullaError} forbidden, saying whose signature it takes */
export function requireSignatory(trust: Trust, signer: Signer): void {
  const { kids } = trust.root.roles.directory;
  // guard: next-signatory without: return;
  if (kids.includes(signer.kid)) return;
  const message = `the directory is signed with key ${listed(kids)}, not with ${fingerprint(signer.kid)}`;
  throw bullaError('forbidden', { message, origin: 'client', status: 403 });
}

function listed(kids: readonly string[]): string {
  return kids.map((kid) => fingerprint(kid)).join(', ');
}
