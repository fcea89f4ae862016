import { Problem } from '@bulla/contract';

/** How many publications of one organisation may wait for the one at work. */
const WAITING_MAX = 8;

/** Has the publications of an organisation take turns in this process: each may be large, and holds a connection. */
export class PublishingTurns {
  private readonly last = new Map<string, Promise<unknown>>();
  private readonly waiting = new Map<string, number>();

  /**
   * Does the work when all that came before it for this organisation is done.
   * @throws {Problem} overloaded if too many wait already
   */
  async take<Result>(org: string, work: () => Promise<Result>): Promise<Result> {
    const waiting = this.waiting.get(org) ?? 0;
    // guard: publishing-turns
    if (waiting > WAITING_MAX) throw new Problem('overloaded', { retryAfterSeconds: 1 });
    this.waiting.set(org, waiting + 1);
    const done = (this.last.get(org) ?? Promise.resolve()).then(work, work);
    this.last.set(org, done);
    try {
      return await done;
    } finally {
      const left = (this.waiting.get(org) ?? 1) - 1;
      if (left > 0) this.waiting.set(org, left);
      else this.forget(org);
    }
  }

  private forget(org: string): void {
    this.waiting.delete(org);
    this.last.delete(org);
  }
}
