import type { Unsealing } from '@bulla/contract';
import type { SealingKey } from '@bulla/crypto';
import { fingerprint, keyThumbprint, sealShare } from '@bulla/crypto';
import { bullaError, checked } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import type { Service } from '../connection/transport.js';

/** How far one process of the vault is with a root key that is in shares. */
export interface UnsealingState extends Omit<Unsealing, 'key'> {
  /** Fingerprint of the key that this process made for shares at its start, as its log shows it. */
  readonly fingerprint: string;
}

/** A root key in shares (docs/spec/share.md): each process of the vault is asked, and given shares, by itself. */
export class VaultUnsealing {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * @param at address of one process; that of the vault unless given
   * @throws {BullaError} not_found where the root key is not in shares
   */
  async state(at?: URL): Promise<UnsealingState> {
    return stateOf(await this.#ask(at));
  }

  /**
   * Seals a share to the key of one process, and brings it there.
   * @param share as `bulla keys shamir create` wrote it
   * @param compared the fingerprint that a person read in the log of that process
   * @throws {BullaError} key_unknown where the process shows another key: nothing was sent; what the vault refused
   * @throws {CryptoError} token_malformed if it is no share
   */
  async give(share: string, compared: string, at?: URL): Promise<UnsealingState> {
    const { key } = await this.#ask(at);
    const { kid, jwk } = key;
    // guard: client-unseal-key
    if (fingerprint(await checked(() => keyThumbprint(jwk))) !== compared || fingerprint(kid) !== compared)
      throw bullaError('key_unknown', {
        message: 'this process shows another key than the one that was compared: nothing was sent',
        origin: 'client',
      });
    const to: SealingKey = { kid, use: 'enc', alg: 'ECDH-ES+A256KW', jwk };
    const sealed = await checked(() => sealShare(share, to));
    const trust = await this.#session.keeper.current();
    const { transport } = this.#session;
    return stateOf(await transport.call('unsealing.give', await this.#service(at), trust, { body: { share: sealed } }));
  }

  async #ask(at: URL | undefined): Promise<Unsealing> {
    const { keeper, transport } = this.#session;
    return transport.call('unsealing.get', await this.#service(at), await keeper.current(), {});
  }

  async #service(at: URL | undefined): Promise<Service> {
    const vault = vaultOf(this.#session, await this.#session.keeper.current());
    return at === undefined ? vault : { ...vault, url: at };
  }
}

function stateOf({ key, ...state }: Unsealing): UnsealingState {
  return { ...state, fingerprint: fingerprint(key.kid) };
}
