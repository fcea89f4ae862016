import type { Io } from '../io.js';
import { UsageError } from '../input/usage-error.js';

/** A package that is no part of the client. @throws {UsageError} if it is not installed */
export async function loadByName<Package>({ load }: Io, name: string): Promise<Package> {
  try {
    return (await load(name)) as Package;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageError(
      'the services are not installed here',
      'run this in the project folder, after `npm ci` and `npm run build`',
    );
  }
}
