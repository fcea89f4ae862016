import * as z from 'zod';
import type { Home } from './home.js';
import { HomeError } from './home.js';

const NAME = 'profile.json';
const ProfileFile = z.strictObject({
  vault_url: z.url(),
  org: z.string(),
  pin: z.string().regex(/^sha256:[0-9a-f]{64}$/),
});

/** Where the vault is, which organisation on it is meant, and the pin of that organisation's root. */
export interface Profile {
  readonly vaultUrl: string;
  readonly org: string;
  readonly pin: string;
}

/** The profile of a home folder, or one of another name; undefined before `bulla init`. */
export async function readProfile(home: Home, name = NAME): Promise<Profile | undefined> {
  const text = await home.read(name);
  if (text === undefined) return undefined;
  try {
    const { vault_url, org, pin } = ProfileFile.parse(JSON.parse(text));
    return { vaultUrl: vault_url, org, pin };
  } catch {
    throw new HomeError(`${home.path(name)} is not a profile; it should hold vault_url, org and pin`);
  }
}

/** Writes the profile of a home folder. */
export async function writeProfile(home: Home, profile: Profile): Promise<void> {
  await home.write(
    NAME,
    `${JSON.stringify({ vault_url: profile.vaultUrl, org: profile.org, pin: profile.pin }, null, 2)}\n`,
  );
}
