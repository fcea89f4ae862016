import type { KeyFile } from '@bulla/crypto';

/** Names inside the home folder. */
export const VAULT_KEYS = 'services/vault.keys.json';
export const RESPONDER_KEYS = 'services/responder.keys.json';
export const IDENTITY = 'identity.json';
export const RENEWER_KEYS = 'services/renewer.keys.json';

/** The private keys of everybody in an organisation that lies in one folder. */
export interface OrganisationKeys {
  readonly vault: KeyFile;
  readonly responder: KeyFile;
  readonly device: KeyFile;
  /** Who says what is the newest; undefined in an organisation from before renewers, and where it lies elsewhere. */
  readonly renewer: KeyFile | undefined;
}

export type KeyHolder = keyof OrganisationKeys;

/** The file of each, inside the home folder. */
export const KEY_FILES = {
  vault: VAULT_KEYS,
  responder: RESPONDER_KEYS,
  device: IDENTITY,
  renewer: RENEWER_KEYS,
} as const satisfies Record<KeyHolder, string>;
