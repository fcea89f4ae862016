import type { Enrolment as EnrolmentAnswer, NewEnrolment } from '@bulla/contract';
import type { InvitationCode, KeyFile, SuiteId, Trust } from '@bulla/crypto';
import {
  CryptoError,
  enrolmentFingerprint,
  enrolmentMac,
  enrolmentTicket,
  enrolmentWords,
  generateKeyPair,
  isSealAlg,
  loadSigner,
  privateJwkOf,
  mintId,
  publicJwkOf,
  suite,
  urnOf,
} from '@bulla/crypto';
import { clockOf } from '../connection/clock.js';
import { AuthError, BullaError, bullaError, checked } from '../connection/errors.js';
import type { Identity } from '../connection/identity.js';
import type { KeyKind } from '../trust/next-directory.js';
import { DEVICE_KEY_KINDS, RENEWER_KEY_KINDS } from '../trust/next-directory.js';
import { PublicReader } from '../connection/public-reader.js';
import { suiteForNewKeys } from './suite-for-new-keys.js';
import type { Service } from '../connection/transport.js';
import { Transport } from '../connection/transport.js';
import { TrustKeeper } from '../trust/trust-keeper.js';
import type { TrustStore } from '../trust/trust-store.js';

/**
 * A device that asks to come in, as it is kept until it is. The secret of the invitation is not: what was made with it
 * is in the request.
 */
export interface PendingEnrolment {
  readonly vaultUrl: string;
  readonly pin: string;
  readonly request: NewEnrolment;
  /** Its private keys, under the name of the request: the device's own it learns when it is let in. */
  readonly keys: KeyFile;
}

export interface EnrolmentOptions {
  readonly store: TrustStore;
  readonly fetch?: typeof fetch | undefined;
  /** Seconds; the platform's clock unless given. */
  readonly now?: (() => number) | undefined;
}

/** How a request stands: in, with the key file of the device; waiting; or refused, as the vault says. */
export type EnrolmentOutcome =
  | { readonly state: 'approved'; readonly keys: KeyFile; readonly trust: Trust }
  | { readonly state: 'pending' }
  | { readonly state: 'refused' };

/** What a machine comes in as: the device of a person, or a renewer, whose second key says what is the newest. */
export type EnrolmentKind = 'device' | 'renewer';

/**
 * Makes the keys of a device, after the vault's root was found to be the one that the code names.
 * @param label what people call the device.
 * @throws {TrustError} pin_mismatch, …; {BullaError} transport_failed, suite_unknown
 */
export async function prepareEnrolment(
  code: InvitationCode,
  label: string,
  { as = 'device', ...options }: EnrolmentOptions & { readonly as?: EnrolmentKind },
): Promise<PendingEnrolment> {
  const { url: vaultUrl, org, pin, id: invitation, secret } = code;
  const trust = await keeperOf({ vaultUrl, org, pin }, options).refresh();
  const chosen = suiteForNewKeys(trust.policy);
  if (chosen === undefined)
    throw bullaError('suite_unknown', {
      message: 'the policy names no suite that devices here have',
      origin: 'client',
    });
  const id = mintId('enr');
  const [first, second] = as === 'renewer' ? RENEWER_KEY_KINDS : DEVICE_KEY_KINDS;
  const [sig, enc] = [await makeKey(chosen, first), await makeKey(chosen, second)];
  const mac = await enrolmentMac(secret, { org, invitation, sigKid: sig.kid, encKid: enc.kid });
  const [sent, sealed] = [sig, enc].map(({ alg, jwk }) => ({ alg, jwk: publicJwkOf(jwk) }));
  const request = { id, invitation, ticket: await enrolmentTicket(secret), label, sig: sent, enc: sealed, mac };
  return {
    vaultUrl,
    pin,
    request: request as NewEnrolment,
    keys: { v: 1, org, urn: urnOf(org, 'enr', id), keys: [sig, enc] },
  };
}

async function makeKey(id: SuiteId, { use, pur }: KeyKind): Promise<KeyFile['keys'][number]> {
  const { kid, alg, privateJwk: jwk } = await generateKeyPair(suite(id).id, use);
  return { kid, use, alg, suite: id, pur: [...pur], jwk };
}

/** Who signs the requests of a device that is not in yet: its first key. */
async function requesterOf({ org, urn, keys }: KeyFile): Promise<Identity> {
  const [first] = keys;
  if (first === undefined || isSealAlg(first.alg))
    throw new CryptoError('key_invalid', 'a request to come in has no key that signs');
  const signer = await loadSigner(privateJwkOf(first), first.alg);
  return { org, urn, signer, olderSigners: [], unwrappers: new Map() };
}

/** The request of a device on its way: the same bytes as often as it takes. */
export class Enrolment {
  readonly #pending: PendingEnrolment;
  readonly #options: EnrolmentOptions;
  readonly #keeper: TrustKeeper;
  readonly #kids: { readonly sigKid: string; readonly encKid: string };

  constructor(pending: PendingEnrolment, options: EnrolmentOptions) {
    this.#pending = pending;
    this.#options = options;
    const { vaultUrl, pin, keys } = pending;
    this.#keeper = keeperOf({ vaultUrl, pin, org: keys.org }, options);
    const [sigKid = '', encKid = ''] = keys.keys.map(({ kid }) => kid);
    this.#kids = { sigKid, encKid };
  }

  /** What an approver who did not invite compares with what their own machine shows. */
  words(): Promise<readonly string[]> {
    return enrolmentWords(this.#kids);
  }

  fingerprint(): Promise<string> {
    return enrolmentFingerprint(this.#kids);
  }

  /**
   * Takes the invitation where the vault does not have this request yet, and looks how it stands.
   * @throws {AuthError} unauthenticated, saying why, if the invitation is not to be had; and as check
   */
  async proceed(): Promise<EnrolmentOutcome> {
    try {
      return await this.check();
    } catch (error) {
      if (!(error instanceof BullaError) || error.status !== 404) throw error;
    }
    const { request } = this.#pending;
    try {
      // The same bytes as often as it takes: sent again, they are answered as before.
      await this.#call((transport, service, trust) =>
        transport.call('enrolment.create', service, trust, { body: request, idempotencyKey: request.id }),
      );
    } catch (error) {
      throw explained(error);
    }
    return this.check();
  }

  /**
   * Looks whether the device is in. Only the signed directory says so, and it must list exactly the keys that were made
   * here; that it was refused is the vault's word.
   * @throws {VerifyError} key_unknown if the directory lists further keys under this device
   */
  async check(): Promise<EnrolmentOutcome> {
    const trust = await this.#keeper.refresh();
    const { sigKid, encKid } = this.#kids;
    const urn = trust.holder(sigKid)?.urn;
    if (urn !== undefined) {
      const kids = trust.entity(urn)?.keys.map(({ kid }) => kid) ?? [];
      // guard: enrol-listed-keys
      if (kids.length !== 2 || !kids.includes(sigKid) || !kids.includes(encKid)) {
        const message = 'the directory lists other keys under this device than it made';
        throw bullaError('key_unknown', { message, check: 'enrolment-keys', origin: 'client' });
      }
      return { state: 'approved', keys: { ...this.#pending.keys, urn }, trust };
    }
    const { state } = await this.#call((transport, service, known) =>
      transport.call('enrolment.get', service, known, { params: { id: this.#pending.request.id } }),
    );
    // Approved by the vault's word and not in the directory yet: a moment later it is.
    return { state: state === 'refused' ? 'refused' : 'pending' };
  }

  async #call(
    call: (transport: Transport, service: Service, trust: Trust) => Promise<EnrolmentAnswer>,
  ): Promise<EnrolmentAnswer> {
    const { keys, vaultUrl } = this.#pending;
    const { fetch: fetcher = fetch } = this.#options;
    const now = clockOf(this.#options.now);
    const trust = await this.#keeper.current();
    const transport = new Transport({ identity: await checked(() => requesterOf(keys)), fetch: fetcher, now });
    const [urn = ''] = trust.entitiesOf('vault');
    return call(transport, { url: new URL(vaultUrl), urn }, trust);
  }
}

/** What a vault says to a stranger is not always signed; here it decides nothing, so it may be told in our words. */
function explained(error: unknown): unknown {
  const { status } = error instanceof BullaError ? error : {};
  const message = status === undefined ? undefined : REFUSALS[status];
  return message === undefined ? error : bullaError('unauthenticated', { message, origin: 'client', status: 401 });
}

/** Whether `Enrolment.proceed` found that its invitation is not to be had: the request it belongs to comes to nothing. */
export function isInvitationGone(error: unknown): boolean {
  return error instanceof AuthError && error.origin === 'client' && error.code === 'unauthenticated';
}

const REFUSALS: Readonly<Record<number, string>> = {
  404: 'the vault knows no open invitation for this code: it was taken back, or ran out',
  409: 'this invitation is spent: another device has taken it, or it was refused',
};

function keeperOf(
  { vaultUrl, org, pin }: { readonly vaultUrl: string; readonly org: string; readonly pin: string },
  { store, now, fetch: fetcher = fetch }: EnrolmentOptions,
): TrustKeeper {
  return new TrustKeeper({
    org,
    pin,
    vaultUrl: new URL(vaultUrl),
    reader: new PublicReader(fetcher),
    store,
    now: clockOf(now),
  });
}
