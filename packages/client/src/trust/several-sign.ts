import { AuthError } from '../connection/errors.js';

/** A document takes more signatures than one: nothing was signed, and this is for those who must. */
export class SeveralSign extends AuthError {
  /** A proposal, as the text of its file. */
  readonly proposal: string;

  constructor(proposal: string, message: string) {
    super('forbidden', { message, origin: 'client', status: 403 });
    this.proposal = proposal;
  }
}
