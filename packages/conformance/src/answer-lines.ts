import { createInterface } from 'node:readline';
import type { Peer, Request } from './protocol.js';

/** Answers requests from a stream of lines, one after the other, until it ends: the other side of a PeerProcess. */
export async function answerLines(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  peer: Peer,
): Promise<void> {
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    const { id, op, format, input: fields } = JSON.parse(line) as Request;
    output.write(`${JSON.stringify({ id, ...(await peer.ask(op, format, fields)) })}\n`);
  }
}
