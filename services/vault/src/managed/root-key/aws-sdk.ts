import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Beside the sources of the vault: what `npm run build:kms` installs. */
const FOLDER = new URL('../../../aws-kms/', import.meta.url);
const SDK = '@aws-sdk/client-kms';

/** What of the SDK is used; its own types are not here when the vault is compiled. */
export interface KmsClient {
  send(command: object, options: { readonly abortSignal: AbortSignal }): Promise<Readonly<Record<string, unknown>>>;
  destroy(): void;
}

type Construct<Input, Made> = new (input: Input) => Made;

interface KmsInput {
  readonly KeyId: string;
  readonly EncryptionContext: Readonly<Record<string, string>>;
}

export interface KmsSdk {
  readonly KMSClient: Construct<
    {
      readonly region: string;
      readonly endpoint?: string;
      readonly maxAttempts: number;
      readonly requestHandler: object;
    },
    KmsClient
  >;
  readonly EncryptCommand: Construct<KmsInput & { readonly Plaintext: Uint8Array }, object>;
  readonly DecryptCommand: Construct<KmsInput & { readonly CiphertextBlob: Uint8Array }, object>;
}

/** Whether the SDK was installed on this machine. */
export function isSdkInstalled(): boolean {
  return existsSync(new URL(`node_modules/${SDK}/package.json`, FOLDER));
}

/** Loads the SDK, which takes a moment: only a vault whose root key is there does it. */
export function loadKmsSdk(): KmsSdk {
  return createRequire(new URL('package.json', FOLDER))(SDK) as KmsSdk;
}
