export type { Checkpoint, CheckpointTrust, VerifiedCheckpoint } from './log/checkpoint.js';
export {
  CHECKPOINT_MAX_LENGTH,
  encodeCheckpoint,
  parseCheckpoint,
  signCheckpoint,
  verifyCheckpoint,
} from './log/checkpoint.js';
export type { LogProof, VerifiedLogProof } from './log/log-proof.js';
export { encodeLogProof, LOG_PROOF_MAX_BYTES, parseLogProof, verifyLogProof } from './log/log-proof.js';
export type { Appended, Frontier, TreeHead } from './log/merkle.js';
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
} from './log/merkle.js';
export type { ConsistencyClaim, InclusionClaim, ReadTreeHash } from './log/merkle-proof.js';
export { makeConsistencyProof, makeInclusionProof, verifyConsistency, verifyInclusion } from './log/merkle-proof.js';
export type { NoteKey, NoteSignature, NoteSigner, ParsedNote, VerifiedNote } from './log/note.js';
export {
  encodeNoteKey,
  NOTE_MAX_BYTES,
  NOTE_SIGNATURES_MAX,
  noteKeyOf,
  parseNote,
  parseNoteKey,
  signNote,
  verifyNote,
} from './log/note.js';
