import { setTimeout as pause } from 'node:timers/promises';
import type { Bulla } from '@bulla/client';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { jobLine } from '../output/key-screen.js';
import { styled } from '../output/output.js';

const LOOK_EVERY_MS = 1_000;

/** `bulla jobs …` */
export function addJobsCommands(program: Command, context: Context): void {
  const jobs = program
    .command('jobs')
    .description('work on keys that goes on by itself')
    .addHelpText(
      'after',
      `
A job is done in small steps by the processes of the vault, and goes on after the end of any of them. What it did stays
when it is canceled.

Examples:
  $ bulla jobs list
  $ bulla jobs watch job_01m88dr1v8fjqtnqt85xm5qwg7
  $ bulla jobs cancel job_01m88dr1v8fjqtnqt85xm5qwg7`,
    );
  jobs
    .command('list')
    .description('list jobs, the newest first')
    .option('--json', 'print the list as JSON')
    .action(() => list(context));
  jobs
    .command('watch <id>')
    .description('stay with a job until it ends')
    .option('--json', 'print how it ended as JSON')
    .action(async (id: string) => watchJob(context, await context.connect(), id));
  jobs
    .command('cancel <id>')
    .description('stop a job where it is')
    .option('--json', 'print the result as JSON')
    .action((id: string) => cancel(context, id));
}

async function list(context: Context): Promise<void> {
  const all = [];
  for await (const job of (await context.connect()).keys.jobs()) all.push(job);
  if (context.asJson) return context.out.json(all);
  if (all.length === 0) return context.out.talk('there was no job yet');
  for (const job of all) context.out.line(`${job.created_at.slice(0, 16)}  ${jobLine(job)}`);
}

/** Looks at a job until it ends, and says how it did. */
export async function watchJob(context: Context, bulla: Bulla, id: string): Promise<void> {
  let job = await bulla.keys.job(id);
  const end = async () => {
    for (; job.ended_at === null; job = await bulla.keys.job(id)) await pause(LOOK_EVERY_MS);
  };
  await context.out.during(() => jobLine(job), end());
  const isDone = job.state === 'done';
  context.result(job, styled(isDone ? '✔' : '–', isDone ? 'good' : 'faint'), ` ${jobLine(job)}`);
}

async function cancel(context: Context, id: string): Promise<void> {
  const bulla = await context.connect();
  await bulla.keys.cancel(id);
  const job = await bulla.keys.job(id);
  context.result(job, styled('✔', 'good'), ` ${jobLine(job)}`);
}
