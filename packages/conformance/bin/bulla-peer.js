#!/usr/bin/env node
// `@bulla/crypto` as an implementation that the runner can start.
import { answerLines, libraryPeer } from '@bulla/conformance';

await answerLines(process.stdin, process.stdout, libraryPeer);
