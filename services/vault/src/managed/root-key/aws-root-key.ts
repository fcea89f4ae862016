import type { KmsClient, KmsSdk } from './aws-sdk.js';
import { isSdkInstalled, loadKmsSdk } from './aws-sdk.js';
import { keyOf, RemoteRootKey } from './remote-root-key.js';
import type { KekContext } from './root-key-provider.js';
import { RootKeyFault, RootKeyRefused, WRAPPED_KEK_CHARS_MAX } from './root-key-provider.js';

/** Of one request with its retry. */
const TIMEOUT_MS = 8_000;
/** Of one try. */
const TRY_MS = 4_000;
const TRIES = 2;
const EXPECTED = 'expected aws:arn:aws:kms:REGION:ACCOUNT:key/ID';
/** A key and no alias: an alias can be moved to another key. */
const ARN = /^arn:aws[a-z-]{0,16}:kms:([a-z0-9-]{1,32}):([0-9]{12}):key\/((?:mrk-)?[a-f0-9-]{32,36})$/;
/** What KMS says of a ciphertext that is of another key, or was made for another context. */
const WRONG = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);
const BASE64 = /^[A-Za-z0-9+/]{1,4000}={0,2}$/;

export interface KmsPlace {
  readonly arn: string;
  readonly region: string;
  readonly account: string;
  readonly id: string;
  /** Asked instead of AWS. */
  readonly endpoint: string | undefined;
}

/**
 * Reads what stands behind `aws:`.
 * @throws {RootKeyRefused}
 */
export function kmsPlace(text: string): KmsPlace {
  const [arn = '', query = ''] = text.split('?');
  const [, region, account, id] = ARN.exec(arn) ?? [];
  if (region === undefined || account === undefined || id === undefined) return refuse();
  const options = new URLSearchParams(query);
  const unknown = [...options.keys()].find((name) => name !== 'endpoint');
  if (unknown !== undefined) return refuse(`; ?${unknown} means nothing here`);
  const endpoint = options.get('endpoint') ?? undefined;
  if (endpoint !== undefined && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ''))
    return refuse('; endpoint is a URL');
  return { arn, region, account, id, endpoint };
}

function refuse(why = ''): never {
  throw new RootKeyRefused(`BULLA_ROOT_KEY: ${EXPECTED}${why}`);
}

/** A root key of AWS KMS, asked by its own SDK, which finds the credentials as it always does. */
export class AwsRootKey extends RemoteRootKey {
  readonly name = 'aws';
  readonly kid: string;
  readonly standIn: string | undefined;
  readonly #place: KmsPlace;
  readonly #sdk: KmsSdk;
  readonly #client: KmsClient;
  readonly #timeoutMs: number;

  constructor(place: KmsPlace, sdk: KmsSdk, timeoutMs: number = TIMEOUT_MS) {
    super();
    const { region, account, id, endpoint } = place;
    this.#place = place;
    this.#sdk = sdk;
    this.#timeoutMs = timeoutMs;
    this.kid = `root:aws:${region}.${account}.${id}`;
    this.standIn = endpoint === undefined ? undefined : `${new URL(endpoint).host.replace(/[[\]]/g, '')}, and not AWS`;
    this.#client = new sdk.KMSClient({
      region,
      ...(endpoint !== undefined && { endpoint }),
      maxAttempts: TRIES,
      requestHandler: { connectionTimeout: TRY_MS, requestTimeout: TRY_MS, throwOnRequestTimeout: true },
    });
  }

  async wrap(kek: Uint8Array, context: KekContext): Promise<string> {
    const command = new this.#sdk.EncryptCommand({ ...this.#with(context), Plaintext: kek });
    const { CiphertextBlob: blob } = await this.#send(command);
    const wrapped = blob instanceof Uint8Array ? Buffer.from(blob).toString('base64') : '';
    if (BASE64.test(wrapped) && wrapped.length <= WRAPPED_KEK_CHARS_MAX) return wrapped;
    throw this.#unavailable('answered something else than its interface says');
  }

  async unwrap(wrapped: string, context: KekContext): Promise<Uint8Array> {
    if (!BASE64.test(wrapped)) throw this.#wrong();
    const CiphertextBlob = new Uint8Array(Buffer.from(wrapped, 'base64'));
    const { Plaintext: plaintext } = await this.#send(
      new this.#sdk.DecryptCommand({ ...this.#with(context), CiphertextBlob }),
    );
    if (plaintext instanceof Uint8Array) return keyOf(plaintext, this.kid);
    throw this.#unavailable('answered something else than its interface says');
  }

  close(): Promise<void> {
    this.#client.destroy();
    return Promise.resolve();
  }

  /** The context is authenticated, and stands in the logs of AWS: it names an organisation and nothing secret. */
  #with({ org, kek, kver }: KekContext) {
    return {
      KeyId: this.#place.arn,
      EncryptionContext: { typ: 'bulla-kek', kid: this.kid, org, kek, kver: String(kver) },
    };
  }

  async #send(command: object): Promise<Readonly<Record<string, unknown>>> {
    try {
      return await this.#client.send(command, { abortSignal: AbortSignal.timeout(this.#timeoutMs) });
    } catch (error) {
      const { name = '' } = error as { name?: string };
      // guard: aws-wrong-key
      if (WRONG.has(name)) throw this.#wrong();
      throw this.#unavailable(/^[A-Za-z]{1,64}$/.test(name) ? `refused or did not answer (${name})` : 'did not answer');
    }
  }

  #unavailable(what: string): RootKeyFault {
    return new RootKeyFault('unavailable', `AWS KMS (${this.#place.id}) ${what}`);
  }

  #wrong(): RootKeyFault {
    return new RootKeyFault('wrong_key', `a wrapped key is not one of ${this.kid}, or not one of this row`);
  }
}

/**
 * Opens a key of KMS; it is asked for nothing yet.
 * @throws {RootKeyRefused}
 */
export function openAwsRootKey(text: string): AwsRootKey {
  const place = kmsPlace(text);
  if (!isSdkInstalled())
    throw new RootKeyRefused(
      'BULLA_ROOT_KEY: the SDK of AWS KMS is not installed here; install it with: npm run build:kms',
    );
  return new AwsRootKey(place, loadKmsSdk());
}
