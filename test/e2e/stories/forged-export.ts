import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { keyFileSchema, loadSigner, mintId, privateJwkOf, utf8 } from '@bulla/crypto';
import { noteKeyOf, parseEntryBundle } from '@bulla/crypto/log';
import { makeTiledLog } from '@bulla/crypto/testing';

type Leaf = Record<string, unknown> & { act: string; obj: Record<string, unknown> };
interface EvidenceLine {
  readonly index: number;
  readonly base: string;
  readonly signature: string;
}

/** The first log of the vault in a folder of exported logs, for somebody who has the key that signs it. */
export class ForgedExport {
  readonly #folder: string;
  readonly #home: string;
  readonly #leaves: string[];
  readonly #evidence: EvidenceLine[];

  private constructor(parts: { folder: string; home: string; leaves: string[]; evidence: EvidenceLine[] }) {
    this.#folder = parts.folder;
    this.#home = parts.home;
    this.#leaves = parts.leaves;
    this.#evidence = parts.evidence;
  }

  /** @param home where the key of the vault is */
  static async open(exported: string, home: string): Promise<ForgedExport> {
    const folder = join(exported, 'logs/vault-1');
    const size = Number((await readFile(join(folder, 'checkpoint'), 'utf8')).split('\n')[1]);
    if (size >= 256) throw new Error('the log of this test has one tile');
    const bundle = await readFile(join(folder, `tile/entries/000.p/${size}`));
    const leaves = parseEntryBundle(new Uint8Array(bundle), size).map((bytes) => new TextDecoder().decode(bytes));
    const lines = (await readFile(join(folder, 'evidence/0.ndjson'), 'utf8')).split('\n');
    const evidence = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as EvidenceLine);
    return new ForgedExport({ folder, home, leaves, evidence });
  }

  /** The first entry of an act that was done. */
  find(act: string): { readonly index: number; readonly leaf: Leaf } {
    const index = this.#leaves.findIndex((text) => text.includes(`"act":"${act}","res":"ok"`));
    if (index < 0) throw new Error(`there is no ${act}`);
    return { index, leaf: JSON.parse(this.#leaves[index] ?? '') as Leaf };
  }

  /** Adds an entry like another. @param evidenceOf whose evidence it has, if any. @returns its index */
  add(leaf: Leaf, evidenceOf?: number): number {
    const index = this.#leaves.push(JSON.stringify({ ...leaf, id: mintId('aud') })) - 1;
    const line = this.#evidence.find((one) => one.index === evidenceOf);
    if (line !== undefined) this.#evidence.push({ ...line, index });
    return index;
  }

  /** Takes what shows who asked for an entry. */
  take(index: number): void {
    const at = this.#evidence.findIndex((line) => line.index === index);
    if (at < 0) throw new Error(`entry ${index} has no evidence`);
    this.#evidence.splice(at, 1);
  }

  /** Makes the tree anew, and signs it with the key of the vault. */
  async sign(): Promise<void> {
    const [origin = ''] = (await readFile(join(this.#folder, 'checkpoint'), 'utf8')).split('\n');
    const signer = await this.#signer();
    const key = { key: await noteKeyOf(origin, signer.publicJwk), signer };
    const { files } = await makeTiledLog(
      this.#leaves.map((leaf) => utf8(leaf)),
      key,
    );
    await rm(join(this.#folder, 'tile'), { recursive: true });
    for (const [path, bytes] of files) {
      await mkdir(dirname(join(this.#folder, path)), { recursive: true });
      await writeFile(join(this.#folder, path), bytes);
    }
    const lines = this.#evidence.map((line) => `${JSON.stringify(line)}\n`);
    await writeFile(join(this.#folder, 'evidence/0.ndjson'), lines.join(''));
  }

  async #signer() {
    const folder = join(this.#home, 'services');
    for (const name of (await readdir(folder)).filter((one) => /vault.*json$/.test(one))) {
      const file = keyFileSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')));
      const key = file.keys.find(({ pur }) => pur.includes('checkpoint'));
      if (key !== undefined) return loadSigner(privateJwkOf(key), 'Ed25519');
    }
    throw new Error('the vault has no key for checkpoints');
  }
}
