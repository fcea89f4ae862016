export { answerLines } from './answer-lines.js';
export { conform } from './conform.js';
export type { Result } from './conformance.js';
export { reportOf, tryCrossings, tryVectors } from './conformance.js';
export { libraryPeer } from './library-peer.js';
export { PeerProcess } from './peer-process.js';
export type { Fields, Hello, Operation, Outcome, Peer, Request } from './protocol.js';
export type { Crossing, Expected, Vector } from './vectors.js';
export { readCrossings, readVectors } from './vectors.js';
