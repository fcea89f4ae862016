import type { Secret } from '../src/encoding/secret.js';
import type { Unwrapper } from '../src/keys/signer.js';
import type { ContentPlace } from '../src/prompt/content.js';
import { parseContent } from '../src/prompt/content.js';
import { parseGrant } from '../src/prompt/grant.js';
import { openContent } from '../src/prompt/open/content.js';
import type { ExpectedGrant } from '../src/prompt/open/grant.js';
import { openGrant } from '../src/prompt/open/grant.js';
import type { AskerContext, Bundle, CheckedBundle } from '../src/run/bundle.js';
import { checkBundleForAsker, parseBundle } from '../src/run/bundle.js';
import type { EnvelopeContext, VerifiedEnvelope } from '../src/run/envelope.js';
import { parseEnvelope, verifyEnvelope } from '../src/run/envelope.js';
import { parseInvocation } from '../src/run/invocation.js';
import type { OpenedInvocation } from '../src/run/open/invocation.js';
import { openInvocation } from '../src/run/open/invocation.js';

// Tokens read, and opened or verified, in one step: for tests of what becomes of a token.

export async function checkSentBundle(sent: Bundle, context: AskerContext): Promise<CheckedBundle> {
  return checkBundleForAsker(parseBundle(sent), context);
}

export async function openGrantToken(token: string, unwrapper: Unwrapper, expect: ExpectedGrant): Promise<Secret> {
  return openGrant(parseGrant(token), unwrapper, expect);
}

export async function openContentToken(token: string, dek: Secret, expect: ContentPlace): Promise<string> {
  return openContent(parseContent(token), dek, expect);
}

export async function openQuestionToken(token: string, unwrapper: Unwrapper): Promise<OpenedInvocation> {
  return openInvocation(parseInvocation(token), unwrapper);
}

export async function verifyEnvelopeToken(token: string, context: EnvelopeContext): Promise<VerifiedEnvelope> {
  return verifyEnvelope(parseEnvelope(token), context);
}
