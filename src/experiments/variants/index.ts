// The variants that arms can name; each is imported when it is asked for.

import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.ts';
import type { Variant, VariantOptions } from '../study.ts';
import { attentionVariants } from './attention.ts';
import { knownBugs } from './known-bugs.ts';
import { precisionVariants } from './precision.ts';

const variants: Readonly<Record<string, Variant>> = {
  ...attentionVariants,
  ...precisionVariants,
  ...knownBugs,
};

/** What the variant of this name adds to a run: nothing without a name. An unknown name is a `UserError`. */
export async function activateVariant(name: string | undefined): Promise<VariantOptions> {
  if (name === undefined) return {};
  const variant = variants[name];
  if (variant !== undefined) return variant();
  const known = Object.keys(variants);
  const hint =
    known.length === 0 ? 'there are none' : `did you mean ${closest(name, known)}? (known: ${known.join(', ')})`;
  throw new UserError(`study: unknown variant ${JSON.stringify(name)}; ${hint}`);
}
