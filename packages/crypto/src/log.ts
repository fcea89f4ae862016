export type { MarkFolder } from './keys/mark-folder.js';
export { MARK_FOLDER_FILE, markFolderText, parseMarkFolder } from './keys/mark-folder.js';
export type { Checkpoint, CheckpointTrust, VerifiedCheckpoint } from './log/checkpoint.js';
export {
  CHECKPOINT_MAX_LENGTH,
  cosignCheckpoint,
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
export type { Cosignature, WitnessSigner } from './log/cosignature.js';
export type { LogName } from './log/log-name.js';
export { originOf, parseOrigin, pinInOrigin } from './log/log-name.js';
export type { NoteKey, WitnessKey } from './log/note-key.js';
export { encodeNoteKey, noteKeyOf, parseNoteKey, parseWitnessKey, witnessKeyOf } from './log/note-key.js';
export type { NoteSignature, NoteSigner, ParsedNote, VerifiedNote } from './log/note.js';
export { NOTE_MAX_BYTES, NOTE_SIGNATURES_MAX, parseNote, signNote, verifyNote } from './log/note.js';
export type { LogCheck, OnAbsent, OnEntry } from './log/log-walk.js';
export type { ReadLogFile } from './log/tile-hashes.js';
export { treeHashesFrom } from './log/tile-hashes.js';
export type { Tile } from './log/tiles.js';
export {
  encodeEntryBundle,
  encodeHashTile,
  parseEntryBundle,
  parseHashTile,
  parseTilePath,
  TILE_WIDTH,
  tileIn,
  tilePath,
  tilesOf,
} from './log/tiles.js';
export type { LogToVerify } from './log/verify-log.js';
export { verifyLog } from './log/verify-log.js';
