import type { TestOrganisation } from '@bulla/crypto/testing';
import type { Asked, OpenedReply, TestMember } from '../../services/responder/test/asking.js';
import { openReply } from '../../services/responder/test/asking.js';
import { openDatabase, serveDocuments, startResponder } from '../../services/responder/test/responder-fixture.js';

/** What became of a question: the code of a refusal or how the answer ended, and whether that was sealed to the asker. */
export interface Outcome {
  readonly code: string;
  readonly sealed: boolean;
}

/** A real responder with a database of its own, which has the organisation's documents from an honest vault. */
export interface HonestResponder {
  /** Sends a question, however it was made. */
  send(asked: Asked, as: TestMember): Promise<Outcome>;
  stop(): Promise<void>;
}

export async function startHonestResponder(organisation: TestOrganisation): Promise<HonestResponder> {
  const vault = await serveDocuments(organisation);
  const opened = await openDatabase('server');
  const responder = await startResponder({ organisation, vault, database: opened.database });
  return {
    async send(asked, as) {
      const { body } = await responder.client(as).post('/api/v1/invocations', asked.body);
      const { code } = body as { code?: string };
      if (code !== undefined) return { code, sealed: false };
      const { fin }: OpenedReply = await openReply(organisation, asked, body as Parameters<typeof openReply>[2]);
      return { code: fin.err?.code ?? fin.finish, sealed: true };
    },
    async stop() {
      await responder.service.close();
      await opened.drop();
      await vault.close();
    },
  };
}
