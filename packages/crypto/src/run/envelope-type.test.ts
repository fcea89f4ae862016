import { beforeAll, describe, expect, it } from '@jest/globals';
import { example, exampleChatEnvelope, exampleEnvelope, exampleStatement } from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation } from '../../test/organisation.js';
import { headerFor, rawJws } from '../../test/raw-token.js';
import { encodeBase64url, tokenHash, utf8 } from '../encoding/bytes.js';
import type { ChatEnvelopeClaims, EnvelopeClaims } from './envelope.js';
import { parseEnvelope, signChatEnvelope, signEnvelope } from './envelope.js';
import { signStatement } from '../prompt/statement.js';
import type { Signer } from '../keys/signer.js';

const TYP = 'bulla-envelope+jwt';
const CHAT_TYP = 'bulla-chat-envelope+jwt';
let acme: TestOrganisation;
let vault: Signer;
let prompt: EnvelopeClaims;
let chat: ChatEnvelopeClaims;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
  vault = await acme.signer('vault');
  prompt = exampleEnvelope(acme, { chash: await tokenHash('content'), whash: await tokenHash('grant') });
  chat = exampleChatEnvelope(acme);
});

describe('the type of an envelope', () => {
  it('stands in its header and tells its kind', async () => {
    const tokens = [await signEnvelope(prompt, vault), await signChatEnvelope(chat, vault)];
    expect(tokens.map(parseEnvelope)).toMatchObject([
      { kind: 'prompt', header: headerFor(TYP, vault) },
      { kind: 'chat', header: headerFor(CHAT_TYP, vault) },
    ]);
  });

  it('of another token is refused', async () => {
    const { statement, grant, sealed } = await example(acme);
    const tokens = [
      statement,
      grant,
      sealed.content,
      await signStatement(exampleStatement(acme, { iss: acme.urn('vault') }), vault),
      await rawJws(headerFor('JWT', vault), prompt, vault),
      await rawJws({ ...headerFor(TYP, vault), crit: [] }, prompt, vault),
      // The claims of one type under the name of the other.
      await rawJws(headerFor(CHAT_TYP, vault), prompt, vault),
      await rawJws(headerFor(TYP, vault), chat, vault),
    ];
    for (const token of tokens) {
      expect(() => parseEnvelope(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
    }
  });

  it.each(['[]', 'null', '1', 'true', '"typ"'])('in a header that is %s is refused', async (header) => {
    const token = await rawJws(header, prompt, vault);
    expect(() => parseEnvelope(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it.each(['', '.', 'e30.e30.e30'])('in "%s" is refused', (token) => {
    expect(() => parseEnvelope(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('is looked for in a header of at most 2 KiB; a longer one is not decoded to its end', () => {
    const header = (length: number) => encodeBase64url(utf8('x'.repeat(length)));
    const refused = (token: string, code: string) =>
      expect(() => parseEnvelope(token)).toThrow(expect.objectContaining({ code }));
    refused(header(2048), 'token_malformed');
    refused(header(2049), 'payload_too_large');
    refused(`${header(3072)} `, 'payload_too_large');
  });
});
