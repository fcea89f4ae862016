import { Problem } from '@bulla/contract';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { PromptsRepository } from './prompts.repository.js';

/** A prompt that a move names. */
export interface NamedPrompt {
  readonly org: string;
  readonly id: string;
  readonly name: string;
  /** 0 where the move deletes the label. */
  readonly version: number;
}

/** Prompts that positions name and the vault has lost: their ids and numbers are taken, their contents are gone. */
@Injectable()
export class LostPrompts {
  constructor(private readonly prompts: PromptsRepository) {}

  /**
   * Makes a prompt again if it is not here, so that labels can point to it, and has its versions continue above the one
   * that is named.
   * @throws {Problem} envelope_tampered if its id is of another name; name_taken if it is of another organisation
   */
  async require(trx: VaultTransaction, { org, id, name, version }: NamedPrompt): Promise<void> {
    const known = await this.prompts.find(org, id, trx);
    // guard: handback-name
    if (known !== undefined && known.name !== name)
      throw new Problem('envelope_tampered', { detail: 'a move names a prompt that bears another name' });
    if (known !== undefined) return this.prompts.raiseVersion(trx, org, id, version);
    // Two bore the name one after the other: the one that was made first was deleted.
    const bearer = await this.prompts.findByName(org, name, trx);
    const isLater = bearer === undefined || id > bearer.id;
    if (bearer !== undefined && isLater) await this.prompts.markDeleted(trx, org, bearer.id);
    const row = { id, org, name, latest_version: version };
    // guard: handback-foreign
    if (!(await this.prompts.insertLost(trx, row, isLater))) throw new Problem('name_taken');
  }
}
