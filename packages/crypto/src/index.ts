export type { Bytes } from './encoding/bytes.js';
export {
  concatBytes,
  decodeBase64url,
  decodeUtf8,
  digestB64u,
  encodeBase64url,
  encodeHex,
  equalBytes,
  randomBytes,
  sha256,
  tokenHash,
  utf8,
} from './encoding/bytes.js';
export type { DeviceKey, EnrolmentKeys, InvitationCode } from './organisation/enrolment.js';
export {
  areEnrolmentWords,
  deviceKeyOf,
  renewerKeyOf,
  encodeInvitationCode,
  enrolmentFingerprint,
  enrolmentMac,
  enrolmentTicket,
  enrolmentWords,
  isEnrolmentMac,
  newInvitationSecret,
  parseInvitationCode,
  ticketHash,
} from './organisation/enrolment.js';
export type { CryptoErrorCode } from './names/errors.js';
export { CryptoError } from './names/errors.js';
export { fingerprint } from './keys/fingerprint.js';
export type { ParsedUrn, UrnKind } from './names/ids.js';
export type { IdPrefix } from './names/patterns.js';
export { mintId, organisationUrn, parseUrn, recoveryUrn, urnOf } from './names/ids.js';
export { idPattern, LABEL_PATTERN, NAME_PATTERN, ORG_PATTERN } from './names/patterns.js';
export type {
  KeyFile,
  KeyPurpose,
  KeyRecord,
  KeyState,
  KeyUsage,
  TokenKey,
  VerifyingKey,
} from './keys/keys.js';
export {
  CHECKPOINT_SUITE,
  checkKeyRecord,
  isCheckpointKey,
  isSignatureOf,
  isUsable,
  keyFileSchema,
  keyRecordSchema,
  keyState,
  keyThumbprint,
  mightSignAt,
  privateJwkOf,
  suiteOfKey,
} from './keys/keys.js';
export type { RowSecret } from './keys/row-secret.js';
export { newRowSecret, withNewRowSecret } from './keys/row-secret.js';
export type { KeyMaterial, KeyNames, SealingKey } from './keys/key-material.js';
export { keyFor, namesOf, sealingKeyOf, verifyingKeyOf } from './keys/key-material.js';
export type { DocumentPair, LockOut, Needed } from './organisation/lock-out.js';
export { findLockOut } from './organisation/lock-out.js';
export { requireSeconds } from './names/seconds.js';
export { isVisibleName } from './names/visible-name.js';
export { Secret } from './encoding/secret.js';
export type { KeyPair, Signer, Unwrapper } from './keys/signer.js';
export { generateKeyPair, loadSigner } from './keys/signer.js';
export { strictParse, strictParseBody } from './encoding/strict-parse.js';
export type { PrivateJwk, PublicJwk, SealAlg, SignAlg, Suite, SuiteId } from './keys/suites.js';
export {
  ALL_SUITES,
  isSealAlg,
  lastsAsLong,
  privateJwkSchema,
  publicJwkOf,
  publicJwkSchema,
  SUITES,
  suite,
} from './keys/suites.js';
export type { WrappedKey } from './keys/suite-kind.js';
export type { Answer, AnswerParts, Evidence } from './evidence/evidence.js';
export { ANSWER_MAX_BYTES, answerText, composeAnswer, parseAnswer } from './evidence/evidence.js';
export type { CompletionChunk, CompletionDelta, CompletionUsage, ToolCallDelta } from './chat/chunks.js';
export { chunkText, LINE_VALUES_MAX, LineReader, linesOf, parseChunk } from './chat/chunks.js';
export type { CompletedCall, Completion, CompletionChoice } from './chat/completion.js';
export { completionOf } from './chat/completion.js';
export type { Embedding, EmbeddingList } from './chat/embeddings.js';
export { embeddingsOf } from './chat/embeddings.js';
export type { AskerMessage, ChatMessage, ToolCall } from './chat/messages.js';
export { askerMessagesSchema, chatMessagesSchema, messageText, requireDataSize } from './chat/messages.js';
export type { ModelParameters, TokenParameters } from './chat/parameters.js';
export { modelParameters, parametersOf, parametersSchema, tokenParameters } from './chat/parameters.js';
export type { ParameterName } from './names/chat.js';
export { PARAMETER_NAMES } from './names/chat.js';
export type { FrameHead, InReplyTo } from './run/frames.js';
export { DELTA_MAX_BYTES, FRAME_MAX_BYTES, parseHead } from './run/frames.js';
export type { EmbeddingsQuestion, InvocationClaims, InvocationKind } from './run/question.js';
export { kindAsked } from './run/question.js';
export type { InvocationContext, InvocationHeader, SealedInvocation } from './run/invocation.js';
export {
  checkAsker,
  INVOCATION_MAX_BYTES,
  INVOCATION_TTL_MAX_SECONDS,
  parseInnerInvocation,
  parseInvocation,
  sealInvocation,
  verifyInnerSignatureAndBinding,
} from './run/invocation.js';
export type { FinClaims, FinContext, FinRest, ReplyError, ReplyStart, ReplyUsage } from './run/reply.js';
export type { ReplyCheckpointContext } from './run/reply-checkpoint.js';
export { requireReplyHead, tellsHeads, verifyReplyCheckpoint } from './run/reply-checkpoint.js';
export { parseFin, ReplySealer, verifyFin } from './run/reply.js';
export { MetBundles } from './run/met-bundles.js';
export { MetStatements } from './prompt/met-statements.js';
export { MetTags } from './prompt/met-tags.js';
export type { TranscriptSummary } from './tokens/transcript.js';
export { FRAMES_MAX } from './names/limits.js';
export { TRANSCRIPT_MAX_BYTES } from './tokens/transcript.js';
export type { AnswerCheck, Check, ProvedAnswer, Verdict, VerifyAnswerOptions } from './evidence/verify-answer.js';
export { ANSWER_CHECKS, verifyAnswer } from './evidence/verify-answer.js';
export type {
  AskerContext,
  Bundle,
  ChatAskerContext,
  ChatBundle,
  CheckedBundle,
  PromptBundle,
  WantedPrompt,
} from './run/bundle.js';
export { checkBundleForAsker, checkBundleHashes, checkChatBundleForAsker, parseBundle } from './run/bundle.js';
export type { Attachment, AttachmentPlace, SealingAttachment } from './prompt/attachment.js';
export { ATTACHMENTS_MAX, sealAttachment } from './prompt/attachment.js';
export type { ContentHeader, ContentPlace, SealedContent } from './prompt/content.js';
export { CONTENT_MAX_BYTES, parseContent, readContentHeader, sealContent } from './prompt/content.js';
export type {
  ChatEnvelopeClaims,
  EnvelopeClaims,
  EnvelopeContext,
  ParsedEnvelope,
  VerifiedChatEnvelope,
  VerifiedEnvelope,
  VerifiedPromptEnvelope,
} from './run/envelope.js';
export {
  ENVELOPE_MAX_BYTES,
  ENVELOPE_TTL_MAX_SECONDS,
  parseEnvelope,
  signChatEnvelope,
  signEnvelope,
  verifyEnvelope,
} from './run/envelope.js';
export { dataKeyCommitment, requireCommitment } from './prompt/data-key.js';
export type { DepositHeader } from './prompt/deposit.js';
export { parseDeposit, sealDeposit } from './prompt/deposit.js';
export type { GrantHeader, GrantPlace } from './prompt/grant.js';
export { parseGrant, sealGrant } from './prompt/grant.js';
export type {
  PromptContent,
  Statement,
  StatementContext,
  VariableDeclaration,
  VerifiedStatement,
} from './prompt/statement.js';
export { parseStatement, signStatement, STATEMENT_MAX_BYTES, verifyStatement } from './prompt/statement.js';
export type { DirectoryDocument, DirectoryEntity, DirectoryHead, EntityKind, Role } from './organisation/directory.js';
export { FIRST_CHAIN, parseDirectory, readDirectoryHead } from './organisation/directory.js';
export type { DirectoryHashes } from './organisation/directory-chain.js';
export type { DocumentName, DocumentsSource } from './organisation/fetched-documents.js';
export {
  documentPath,
  fetchDocuments,
  fetchHashesBetween,
  readHashPage,
} from './organisation/fetched-documents.js';
export { foldChain, nextChain, readHashes, verifyChain } from './organisation/directory-chain.js';
export type {
  DocumentKey,
  DocumentPayload,
  DocumentRole,
  DocumentSignature,
  DocumentType,
  ParsedDocument,
} from './tokens/document.js';
export {
  cosignDocument,
  countSignatures,
  DOCUMENT_MAX_BYTES,
  requireSignatures,
  requireSignedToken,
  signDocument,
} from './tokens/document.js';
export { DOCUMENT_TAKEN_SECONDS, ROOT_AHEAD_SECONDS, ROOT_TAKEN_SECONDS, SKEW_SECONDS } from './names/limits.js';
export { secondsOf, timestampOf } from './tokens/document-times.js';
export type { Custody, CustodyTrust, LabelRule, PolicyDocument } from './organisation/policy.js';
export { authorsOf, custodyOf, parsePolicy } from './organisation/policy.js';
export type { PolicyWitnesses } from './organisation/witnesses.js';
export { requireWitnessName, witnessesOf } from './organisation/witnesses.js';
export type { RootDocument } from './organisation/root.js';
export { parseRoot, pinOf, verifyRootChain } from './organisation/root.js';
export type { ChainTuple, Position } from './prompt/position.js';
export { followChain, positionHash, requireDescendant } from './prompt/position.js';
export type { EarlierTagClaims, TagClaims } from './prompt/tag.js';
export { isEarlierTag, parseEarlierTag, parseTag, positionOf, signTag } from './prompt/tag.js';
export type { GatheredTags, ResolvedTag, TagExpectation, TagSet } from './prompt/tag-set.js';
export { verifyEarlierTag } from './prompt/earlier-tag.js';
export { gatherTags, readTags, verifyPosition, verifyTags } from './prompt/tag-set.js';
export type { KeyDemand, KeyHolder, Recipient } from './organisation/directory-keys.js';
export type { EstablishOptions } from './organisation/trust.js';
export { Trust } from './organisation/trust.js';
export type { DirectoryFreshness } from './organisation/fresh-directory.js';
export type { FreshPosition } from './prompt/fresh-position.js';
export { requireFreshPosition } from './prompt/fresh-position.js';
export type { DirectoryFreshClaims, FreshClaims, LabelFreshClaims, PositionRef } from './organisation/freshness.js';
export {
  parseDirectoryFreshness,
  parseLabelFreshness,
  signDirectoryFreshness,
  signLabelFreshness,
  verifyDirectoryFreshness,
  verifyLabelFreshness,
} from './organisation/freshness.js';
export type { NextDocuments, Proposal, ProposalParts } from './organisation/proposal.js';
export { composeProposal, mergeProposals, parseProposal, PROPOSAL_MAX_BYTES } from './organisation/proposal.js';
export type {
  AddedSignature,
  JudgedProposal,
  ProposalExpectation,
  ProposedKind,
  SignatureDemand,
} from './organisation/judged-proposal.js';
export {
  demandsOf,
  documentsAfter,
  isComplete,
  judgeProposal,
  signaturesBy,
  signProposal,
} from './organisation/judged-proposal.js';
export type { TrustDocuments } from './organisation/trust-documents.js';
export { ROOT_AHEAD_CHECK } from './organisation/trust-documents.js';
export type { SeenDirectory, SeenDocument, SeenRevocation, TrustMemory } from './organisation/trust-memory.js';
export type { ChunkedOptions } from './streams/chunked.js';
export { CHUNK_BYTES, newStreamKey, sealChunks, sealedLength, sealStream } from './streams/chunked.js';
export type { ParsedJwe, ParsedJws } from './tokens/compact.js';
export { wrapKey } from './tokens/compact.js';
export type { Derivation } from './keys/hkdf.js';
export { deriveSecret, HKDF_MAX_BYTES } from './keys/hkdf.js';
export { SEALED_BYTES_OVERHEAD, sealBytes } from './streams/sealed-bytes.js';
export type { ByteTransform } from './streams/stream-transform.js';
export type { SealedShareHeader, ShareClaims } from './shares/share.js';
export { parseSealedShare, parseShare, sealShare, verifyShare } from './shares/share.js';
export type { ShareSet } from './shares/share-set.js';
export { composeShareSet, parseShareSet, SHARES_MAX, SHARES_MIN } from './shares/share-set.js';
