// A reader of audit logs in a process of its own, whose memory is looked at: exports the logs into a folder, or verifies
// such a folder. Its one argument is a file with its orders; it prints what came out of it.
import { readFileSync } from 'node:fs';
import { Bulla, identityOf, verifyBundle } from '@bulla/client';
import { AuditFolder } from '@bulla/client/node';

const { what, url, pin, keyFile, path } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const folder = new AuditFolder(path);
const found = what === 'export' ? await exported() : await verified();
const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
process.stdout.write(`${JSON.stringify({ ...found, megabytes: Math.round(Number(peak) / 1024) })}\n`);

async function exported() {
  const bulla = Bulla.offline({ url, pin, identity: await identityOf(keyFile) });
  const { logs } = await bulla.audit.export(folder);
  await bulla.close();
  return { sizes: logs.map(({ size }) => size) };
}

async function verified() {
  const { valid, logs } = await verifyBundle(folder, { pin, now: Math.floor(Date.now() / 1000) });
  return { valid, sizes: logs.map(({ head }) => head?.size), failures: logs.map(({ failure }) => failure?.message) };
}
