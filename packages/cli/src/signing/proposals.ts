import { dirname } from 'node:path';
import { SeveralSign } from '@bulla/client';
import { parseProposal, ROOT_TAKEN_SECONDS, timestampOf } from '@bulla/crypto';
import type { Context } from '../context.js';
import { styled } from '../output/output.js';
import { writeNew } from '../input/key-files.js';

/**
 * Does what publishes a document. Where that takes several signatures it is written into a file, for those who must sign.
 * @returns undefined where it was written
 */
export async function orProposal<Value>(context: Context, work: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SeveralSign)) throw error;
    await writeProposal(context, error.proposal);
    return undefined;
  }
}

/** Writes a proposal into the file that is named, else into the home folder, and says what is next. */
export async function writeProposal(context: Context, text: string, file?: string): Promise<void> {
  const { next, hash } = await parseProposal(text);
  const { root, directory } = next;
  const what = root === undefined ? `directory-${directory.payload.version}` : `root-${root.payload.version}`;
  const path = file ?? context.home.path(`proposals/${what}-${hash.slice(0, 8)}.proposal`);
  if (file === undefined) await context.home.makeFolder(dirname(path));
  await writeNew(path, Buffer.from(text), 0o644);
  const document = {
    proposal: path,
    hash: `sha256:${hash}`,
    root_version: root?.payload.version ?? null,
    policy_version: next.policy?.payload.version ?? null,
    directory_version: directory.payload.version,
    at: directory.payload.issued,
  };
  context.result(document, styled('✔', 'good'), ` proposed in ${path}: nothing is signed yet`);
  if (root !== undefined) {
    const at = Date.parse(root.payload.issued) / 1000;
    context.out.talk(`a vault takes it from ${timestampOf(at)} until ${timestampOf(at + ROOT_TAKEN_SECONDS)}`);
  }
  context.out.talk(`next, each who must sign: bulla trust cosign ${path}`);
  context.out.talk(`then: bulla trust publish ${path}`);
}
