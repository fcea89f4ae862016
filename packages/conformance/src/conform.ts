import { reportOf, tryCrossings, tryVectors } from './conformance.js';
import type { Result } from './conformance.js';
import { libraryPeer } from './library-peer.js';
import { PeerProcess } from './peer-process.js';
import { readCrossings, readVectors } from './vectors.js';

const USAGE = `Usage: bulla-conformance COMMAND [ARGUMENT...]

Starts an implementation and puts every vector to it; then it opens what @bulla/crypto seals, and the other way round.
It ends with 0 if nothing failed and something passed. README.md says what the two speak.
`;

/**
 * The command: tries an implementation and says how it went.
 * @returns the exit code: 0, 1 for an implementation that does not conform, 2 without a command.
 */
export async function conform(command: readonly string[], say: (text: string) => void): Promise<0 | 1 | 2> {
  if (command.length === 0 || command[0]?.startsWith('-') === true) {
    say(USAGE);
    return 2;
  }
  const peer = new PeerProcess(command);
  const crossings = readCrossings();
  const results: Result[] = [];
  const part = async (title: string, trying: Promise<Result[]>) => {
    const found = await trying;
    results.push(...found);
    say(`${title}\n${reportOf(found)}\n`);
  };
  try {
    await part('Vectors', tryVectors(peer, readVectors()));
    await part('Opens what @bulla/crypto seals', tryCrossings(libraryPeer, peer, crossings));
    await part('Seals what @bulla/crypto opens', tryCrossings(peer, libraryPeer, crossings));
  } finally {
    await peer.stop();
  }
  const having = (status: Result['status']) => results.some((result) => result.status === status);
  return having('passed') && !having('failed') ? 0 : 1;
}
