export type { Bytes } from './bytes.js';
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
} from './bytes.js';
export type { DeviceKey, EnrolmentKeys, InvitationCode } from './enrolment.js';
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
} from './enrolment.js';
export type { CryptoErrorCode } from './errors.js';
export { CryptoError } from './errors.js';
export { fingerprint } from './fingerprint.js';
export type { RequestSignature, RequestTag, SignRequestOptions } from './http-signature.js';
export {
  checkContentDigest,
  checkSignatureTimes,
  parseRequestSignature,
  signRequest,
  verifyRequestSignature,
} from './http-signature.js';
export type { HttpRequestParts, RequestSummary, RequestTarget } from './http-signature-components.js';
export { normalizeAuthority, requestSummary, requestTargetOf } from './http-signature-components.js';
export type {
  HttpResponseParts,
  ResponseToSign,
  ResponseTrust,
  VerifiedResponse,
  VerifyResponseOptions,
} from './http-signature-response.js';
export { signResponse, verifyResponse } from './http-signature-response.js';
export type { IdPrefix, ParsedUrn, UrnKind } from './ids.js';
export {
  idPattern,
  LABEL_PATTERN,
  mintId,
  NAME_PATTERN,
  ORG_PATTERN,
  organisationUrn,
  parseUrn,
  recoveryUrn,
  urnOf,
} from './ids.js';
export type {
  KeyFile,
  KeyPurpose,
  KeyRecord,
  KeyState,
  KeyUsage,
  VerifyingKey,
} from './keys.js';
export {
  checkKeyRecord,
  isSignatureOf,
  isUsable,
  keyFileSchema,
  keyRecordSchema,
  keyState,
  keyThumbprint,
  mightSignAt,
  suiteOfKey,
} from './keys.js';
export type { ExportOptions, KeyFormat } from './key-export.js';
export { exportKeys } from './key-export.js';
export type { ImportOptions, PrivateKeyMaterial } from './key-import.js';
export { importKeys, importPrivateKeys, importPublicKeys } from './key-import.js';
export type { KeyMaterial, KeyNames, SealingKey } from './key-material.js';
export { keyFor, keyMaterialOf, namesOf, sealingKeyOf, verifyingKeyOf } from './key-material.js';
export type { Letter, LetterInside, LetterOutside } from './letter.js';
export { isLetterName, LETTER_MAX_BYTES, parseLetter, sealLetter } from './letter.js';
export type { DocumentPair, LockOut, Needed } from './lock-out.js';
export { findLockOut } from './lock-out.js';
export { requireSeconds } from './seconds.js';
export { sealStreamedLetter } from './streamed-letter.js';
export { isVisibleName } from './visible-name.js';
export type { LockedHeader, Stretching } from './locked.js';
export { parseLocked, sealLocked } from './locked.js';
export type { PublicKey, PublicKeys } from './public-keys.js';
export { readPublicKeys, signPublicKeys } from './public-keys.js';
export { Secret } from './secret.js';
export type { KeyPair, Signer, Unwrapper } from './signer.js';
export { generateKeyPair, loadSigner } from './signer.js';
export { strictParse, strictParseBody } from './strict-parse.js';
export type { PrivateJwk, PublicJwk, SealAlg, SignAlg, Suite, SuiteId } from './suites.js';
export { ALL_SUITES, isSealAlg, privateJwkSchema, publicJwkOf, publicJwkSchema, SUITES, suite } from './suites.js';
export type { WrappedKey } from './suite-kind.js';
export type { Answer, AnswerParts, Evidence } from './evidence.js';
export { ANSWER_MAX_BYTES, answerText, composeAnswer, parseAnswer } from './evidence.js';
export type { FrameHead, InReplyTo } from './frames.js';
export { DELTA_MAX_BYTES, FRAME_MAX_BYTES, parseHead } from './frames.js';
export type {
  InvocationClaims,
  InvocationContext,
  InvocationHeader,
  InvocationMessage,
  SealedInvocation,
} from './invocation.js';
export {
  checkAsker,
  INVOCATION_MAX_BYTES,
  INVOCATION_TTL_MAX_SECONDS,
  parseInnerInvocation,
  parseInvocation,
  sealInvocation,
  verifyInnerSignatureAndBinding,
} from './invocation.js';
export type { FinClaims, FinContext, FinRest, ReplyError, ReplyStart, ReplyUsage } from './reply.js';
export { parseFin, ReplySealer, verifyFin } from './reply.js';
export type { TranscriptSummary } from './transcript.js';
export { FRAMES_MAX, TRANSCRIPT_MAX_BYTES } from './transcript.js';
export type { AnswerCheck, Check, ProvedAnswer, Verdict, VerifyAnswerOptions } from './verify-answer.js';
export { ANSWER_CHECKS, verifyAnswer } from './verify-answer.js';
export type { AskerContext, Bundle, CheckedBundle, WantedPrompt } from './bundle.js';
export { checkBundleForAsker, checkBundleHashes, parseBundle } from './bundle.js';
export type { Attachment, AttachmentPlace, SealingAttachment } from './attachment.js';
export { ATTACHMENTS_MAX, sealAttachment } from './attachment.js';
export type { ContentHeader, ContentPlace, SealedContent } from './content.js';
export { CONTENT_MAX_BYTES, parseContent, sealContent } from './content.js';
export type {
  ChatEnvelopeClaims,
  EnvelopeClaims,
  EnvelopeContext,
  ParsedEnvelope,
  VerifiedChatEnvelope,
  VerifiedEnvelope,
  VerifiedPromptEnvelope,
} from './envelope.js';
export {
  ENVELOPE_MAX_BYTES,
  ENVELOPE_TTL_MAX_SECONDS,
  parseEnvelope,
  signChatEnvelope,
  signEnvelope,
  verifyEnvelope,
} from './envelope.js';
export type { GrantHeader, GrantPlace } from './grant.js';
export { parseGrant, sealGrant } from './grant.js';
export type {
  PromptContent,
  Statement,
  StatementContext,
  VariableDeclaration,
  VerifiedStatement,
} from './statement.js';
export { parseStatement, signStatement, STATEMENT_MAX_BYTES, verifyStatement } from './statement.js';
export type { DirectoryDocument, DirectoryEntity, DirectoryHead, EntityKind, Role } from './directory.js';
export { FIRST_CHAIN, parseDirectory, readDirectoryHead } from './directory.js';
export type { DirectoryHashes } from './directory-chain.js';
export { fetchHashes, foldChain, nextChain, readHashes, verifyChain } from './directory-chain.js';
export type {
  DocumentKey,
  DocumentPayload,
  DocumentRole,
  DocumentSignature,
  DocumentType,
  ParsedDocument,
} from './document.js';
export {
  cosignDocument,
  countSignatures,
  DOCUMENT_MAX_BYTES,
  requireSignatures,
  requireSignedToken,
  signDocument,
} from './document.js';
export { secondsOf, SKEW_SECONDS, timestampOf } from './document-times.js';
export type { Custody, LabelRule, PolicyDocument } from './policy.js';
export { authorsOf, parsePolicy } from './policy.js';
export type { RootDocument } from './root.js';
export { parseRoot, pinOf, verifyRootChain } from './root.js';
export type { ChainTuple, Position, PositionRef } from './position.js';
export { followChain, positionHash, requireDescendant } from './position.js';
export type { EarlierTagClaims, TagClaims } from './tag.js';
export { isEarlierTag, parseEarlierTag, parseTag, positionOf, signTag } from './tag.js';
export type { GatheredTags, ResolvedTag, TagExpectation, TagSet } from './tag-set.js';
export { verifyEarlierTag } from './earlier-tag.js';
export { gatherTags, readTags, verifyPosition, verifyTags } from './tag-set.js';
export type { KeyDemand, KeyHolder, Recipient } from './directory-keys.js';
export type { EstablishOptions } from './trust.js';
export { Trust } from './trust.js';
export type { DirectoryFreshness } from './fresh-directory.js';
export type { FreshPosition } from './fresh-position.js';
export { requireFreshPosition } from './fresh-position.js';
export type { DirectoryFreshClaims, FreshClaims, LabelFreshClaims } from './freshness.js';
export {
  parseDirectoryFreshness,
  parseLabelFreshness,
  signDirectoryFreshness,
  signLabelFreshness,
  verifyDirectoryFreshness,
  verifyLabelFreshness,
} from './freshness.js';
export type { TrustDocuments } from './trust-documents.js';
export type { SeenDirectory, SeenDocument, SeenRevocation, TrustMemory } from './trust-memory.js';
export type { Checkpoint, CheckpointTrust, VerifiedCheckpoint } from './checkpoint.js';
export {
  CHECKPOINT_MAX_LENGTH,
  encodeCheckpoint,
  parseCheckpoint,
  signCheckpoint,
  verifyCheckpoint,
} from './checkpoint.js';
export type { LogProof, VerifiedLogProof } from './log-proof.js';
export { encodeLogProof, LOG_PROOF_MAX_BYTES, parseLogProof, verifyLogProof } from './log-proof.js';
export type { Appended, Frontier, TreeHead } from './merkle.js';
export {
  appendLeaf,
  EMPTY_FRONTIER,
  emptyRoot,
  encodeFrontier,
  leafHash,
  LOG_ENTRY_MAX_BYTES,
  nodeHash,
  parseFrontier,
  TREE_HASH_BYTES,
  TREE_SIZE_MAX,
  treeHeadOf,
} from './merkle.js';
export type { ConsistencyClaim, InclusionClaim, ReadTreeHash } from './merkle-proof.js';
export { makeConsistencyProof, makeInclusionProof, verifyConsistency, verifyInclusion } from './merkle-proof.js';
export type { NoteKey, NoteSignature, NoteSigner, ParsedNote, VerifiedNote } from './note.js';
export {
  encodeNoteKey,
  NOTE_MAX_BYTES,
  NOTE_SIGNATURES_MAX,
  noteKeyOf,
  parseNote,
  parseNoteKey,
  signNote,
  verifyNote,
} from './note.js';
export type { ChunkedOptions } from './chunked.js';
export { CHUNK_BYTES, newStreamKey, sealChunks, sealedLength, sealStream } from './chunked.js';
export { wrapKey } from './compact.js';
export type { Derivation } from './hkdf.js';
export { deriveSecret, HKDF_MAX_BYTES } from './hkdf.js';
export { SEALED_BYTES_OVERHEAD, sealBytes } from './sealed-bytes.js';
export type { ByteTransform } from './stream-transform.js';
