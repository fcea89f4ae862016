import { Problem } from '@bulla/contract';
import type { Bytes, FinRest, InvocationClaims, Signer } from '@bulla/crypto';
import {
  checkAsker,
  checkBundleHashes,
  encodeBase64url,
  loadSigner,
  parseBundle,
  privateJwkOf,
  ReplySealer,
  Secret,
  decodeBase64url,
  tokenHash,
  utf8,
  verifyEnvelope,
  verifyInnerSignatureAndBinding,
  parseInvocation,
} from '@bulla/crypto';
import { emptyRoot, noteKeyOf, originOf, pinInOrigin, signCheckpoint } from '@bulla/crypto/log';
import { openInvocation } from '@bulla/crypto/open';
import type { TestOrganisation } from '@bulla/crypto/testing';
import type { Handler, Outgoing } from './signed-service.js';
import { SignedService } from './signed-service.js';

/** A sealed reply, part by part. */
export interface SealedReply {
  readonly head: Bytes;
  readonly frames: Bytes[];
  readonly final: Bytes;
}

/** What a reply says, and how it is said. */
export interface Script {
  /** Deltas, given the variables. */
  deltas: (vars: Readonly<Record<string, string>>) => readonly Bytes[];
  /** The head of its log that it tells; one of an empty log unless given. */
  head: () => Promise<string | undefined> | string | null | undefined;
  /** Members of the fin that differ. */
  fin: Partial<FinRest>;
  /** Who signs the fin. */
  signer: Signer;
  /** Changes a sealed reply before it is sent. */
  change: (reply: SealedReply) => SealedReply;
}

/** Lines of a model's answer as NDJSON, cut into deltas of `size` bytes. */
export function deltasOf(words: readonly string[], size = 50): Bytes[] {
  const chunk = (content: string) => ({ object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content } }] });
  const bytes = utf8(words.map((word) => `${JSON.stringify(chunk(word))}\n`).join(''));
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.slice(index * size, (index + 1) * size),
  );
}

/** A responder that repeats the variables it was given, honest until its script says otherwise. */
export class TestResponder {
  readonly service: SignedService;
  readonly script: Script;
  /** How many questions were run; a repeated one is answered again and not run again. */
  runs = 0;
  /** What it does with a question. */
  readonly run: Handler;
  /** How a reply is sent. */
  send: (reply: SealedReply, stream: boolean) => Outgoing = sendReply;
  /** What was asked, in its order. */
  readonly questions: InvocationClaims[] = [];
  readonly #stored = new Map<string, SealedReply>();
  readonly #uses = new Map<string, number>();

  constructor(organisation: TestOrganisation, member: TestOrganisation['owner'], now: () => number) {
    this.script = {
      deltas: (vars) => deltasOf(Object.values(vars)),
      head: () => emptyHead(member, organisation.pin),
      fin: {},
      signer: member.signer,
      change: (reply) => reply,
    };
    const handler = async ({ body }: { body: { bundle: unknown; inv: string } }) => {
      const { trust } = organisation;
      const bundle = parseBundle(body.bundle);
      const envelope = await verifyEnvelope(bundle.envelope, { trust, now: now(), audience: member.urn });
      await checkBundleHashes(bundle, envelope);
      const kind = envelope.kind;
      const { inner } = await openInvocation(parseInvocation(body.inv, kind), await member.unwrapper(), kind);
      const context = {
        trust,
        now: now(),
        envelope: envelope.claims,
        envelopeHash: envelope.hash,
        audience: member.urn,
      };
      await verifyInnerSignatureAndBinding(inner, context);
      checkAsker(inner, context);
      const { claims } = inner;
      const stored = this.#stored.get(body.inv);
      if (stored !== undefined) return this.send(stored, claims.opt.stream);
      this.#use(envelope.claims);
      this.runs += 1;
      const rsp = new Secret(decodeBase64url(claims.rsp));
      const irt = { jti: claims.jti, rh: await tokenHash(body.inv) };
      const sealer = await ReplySealer.start({ rsp, iss: member.urn, irt });
      const frames: Bytes[] = [];
      this.questions.push(claims);
      for (const delta of this.script.deltas(claims.vars ?? {})) frames.push(await sealer.sealDelta(delta));
      const checkpoint = await this.script.head();
      const rest = {
        ...(typeof checkpoint === 'string' && { checkpoint }),
        aud: claims.iss,
        iat: now(),
        ih: await tokenHash(inner.token),
        env: envelope.hash,
        dir: trust.directoryRef,
        ...(envelope.kind === 'prompt'
          ? { purpose: 'prompt.reply', prm: envelope.claims.prm }
          : { purpose: 'chat.reply' }),
        finish: 'stop',
        model: 'echo',
        usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
        ...this.script.fin,
      } as FinRest;
      const { final } = await sealer.finish(rest, this.script.signer);
      const reply = this.script.change({ head: sealer.head, frames, final });
      this.#stored.set(body.inv, reply);
      return this.send(reply, claims.opt.stream);
    };
    this.run = handler;
    this.service = new SignedService({
      handlers: { 'invocation.run': handler },
      trust: () => organisation.trust,
      member,
      now,
    });
  }

  /** As if somebody else had used an envelope as often as it may be. */
  useUp(jti: string): void {
    this.#uses.set(jti, Infinity);
  }

  /** One use of an envelope. */
  #use({ jti, pol }: { readonly jti: string; readonly pol: { readonly uses: number } }): void {
    const used = (this.#uses.get(jti) ?? 0) + 1;
    if (used > pol.uses) throw new Problem('envelope_replayed');
    this.#uses.set(jti, used);
  }
}

/** One event of a stream. */
export function eventOf(name: string, bytes: Bytes, id?: number | string): string {
  return `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${encodeBase64url(bytes)}\n\n`;
}

/** The events of a reply. */
export function eventsOf({ head, frames, final }: SealedReply): string[] {
  return [
    eventOf('bulla.head', head),
    ': \n\n',
    ...frames.map((frame, id) => eventOf('bulla.frame', frame, id)),
    eventOf('bulla.final', final),
  ];
}

export function sendReply(reply: SealedReply, stream: boolean): Outgoing {
  if (!stream)
    return {
      body: {
        head: encodeBase64url(reply.head),
        frames: reply.frames.map(encodeBase64url),
        final: encodeBase64url(reply.final),
      },
    };
  return sendEvents(eventsOf(reply));
}

/** Sends pieces of a stream as they are; `cut` breaks the connection after them. */
export function sendEvents(events: readonly string[], { cut = false } = {}): Outgoing {
  return {
    async write(response) {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      for (const event of events) await new Promise<void>((resolve) => response.write(event, () => resolve()));
      if (cut) response.destroy();
      else response.end();
    },
  };
}

/** The signed head of the empty log of a service, by its own key. */
async function emptyHead({ urn, keyFile }: TestOrganisation['owner'], pin: string): Promise<string | undefined> {
  const own = keyFile.keys.find(({ pur }) => pur.includes('checkpoint'));
  if (own === undefined) return undefined;
  const signer = await loadSigner(privateJwkOf(own), 'Ed25519');
  const number = 'log' in own ? own.log : undefined;
  const origin = originOf({ urn, number: number ?? 1, ...(number !== undefined && { pin: pinInOrigin(pin) }) });
  const head = { size: 0, root: await emptyRoot() };
  return signCheckpoint(origin, head, [{ key: await noteKeyOf(origin, signer.publicJwk), signer }]);
}
