// Fill-in-the-middle: some training documents are rewritten so that the model learns to fill a hole.
//
// Prefix-suffix-middle (PSM) order at the level of documents, before packing (arXiv 2412.19437, sec. 4.1, F 6.2):
// `<fim_begin> prefix <fim_hole> suffix <fim_end> middle <eos>`; packing adds the last.

import { UserError } from '../errors.ts';
import type { Random } from './random.ts';
import type { Tokenizer } from './types.ts';

/** A document in three parts; either end or the middle may be empty. */
export interface FimParts {
  readonly prefix: string;
  readonly middle: string;
  readonly suffix: string;
}

/** Cuts at two uniformly chosen places, never inside a surrogate pair. */
export function cutForFim(text: string, random: Random): FimParts {
  const cuts = [random.below(text.length + 1), random.below(text.length + 1)].map((cut) => characterStart(text, cut));
  const [from, to] = [Math.min(...cuts), Math.max(...cuts)];
  return { prefix: text.slice(0, from), middle: text.slice(from, to), suffix: text.slice(to) };
}

function characterStart(text: string, position: number): number {
  const isInsidePair = /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(text.slice(Math.max(position - 1, 0), position + 1));
  return isInsidePair ? position - 1 : position;
}

/**
 * The ids of a document in PSM order, without the end token.
 *
 * @throws UserError if the tokenizer has no tokens for it.
 */
export function encodeFim({ prefix, middle, suffix }: FimParts, tokenizer: Tokenizer): Int32Array {
  if (tokenizer.fim === null) {
    throw new UserError(`data: the tokenizer ${tokenizer.name} has no fill-in-the-middle tokens; set fimRate to 0`);
  }
  const { begin, hole, end } = tokenizer.fim;
  const parts = [prefix, suffix, middle].map((text) => tokenizer.encode(text));
  const ids = new Int32Array(parts.reduce((sum, part) => sum + part.length + 1, 0));
  let offset = 0;
  parts.forEach((part, i) => {
    ids[offset] = [begin, hole, end][i]!;
    ids.set(part, offset + 1);
    offset += part.length + 1;
  });
  return ids;
}
