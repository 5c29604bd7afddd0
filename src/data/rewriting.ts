// What is changed in training documents and never in held-out ones: fill-in-the-middle, and tokens that are split.

import { UserError } from '../errors.ts';
import type { DocumentSource } from './documents.ts';
import type { Encoder, OnPiece, TokenPiece } from './encode.ts';
import { cutForFim, encodeFim } from './fill-in-the-middle.ts';
import { cutIntoPieces } from './pieces.ts';
import { createRandom, type Random } from './random.ts';
import { createPunctuationSplitter } from './split-punctuation.ts';
import type { Tokenizer } from './types.ts';

export interface Rewriting {
  /** Share of the training documents rewritten for fill-in-the-middle; absent: 0. */
  readonly fimRate?: number;
  /** Share of the punctuation+newline tokens of the training documents that are split; absent: 0. */
  readonly splitPunctuationRate?: number;
}

/** The tokens of the training documents of a domain; what is rewritten follows from the seed and their order. */
type Rewriter = (source: DocumentSource, encode: Encoder, domain: string) => AsyncIterable<TokenPiece>;

/** Longest document that can be rewritten, in characters: all of it must be in memory. */
const longestRewritten = 1 << 28;

export function createRewriter(
  { fimRate = 0, splitPunctuationRate = 0 }: Rewriting,
  tokenizer: Tokenizer,
  seed: number,
  onPiece: OnPiece,
): Rewriter {
  if (fimRate === 0 && splitPunctuationRate === 0) return (source, encode) => encode(source);
  const splitPunctuation = createPunctuationSplitter(tokenizer, splitPunctuationRate);
  const begin = (domain: string, document: number): { random: Random; isRewritten: boolean } => {
    const random = createRandom(seed, domain, 'augment', document);
    return { random, isRewritten: random.next() < fimRate };
  };

  async function* rewriteDocuments(source: DocumentSource, domain: string): AsyncGenerator<TokenPiece> {
    let document = 0;
    for await (const text of wholeTexts(source)) {
      const { random, isRewritten } = begin(domain, document++);
      const pieces = isRewritten
        ? [{ ids: encodeFim(cutForFim(text, random), tokenizer), isStart: true }]
        : cutIntoPieces(text).map(({ content, isStart }) => ({ ids: tokenizer.encode(String(content)), isStart }));
      for (const { ids, isStart } of pieces) yield { ids: splitPunctuation(ids, random), isStart };
      await onPiece(text.length);
    }
  }

  async function* splitTokens(pieces: AsyncIterable<TokenPiece>, domain: string): AsyncGenerator<TokenPiece> {
    let document = 0;
    let random: Random | null = null;
    for await (const { ids, isStart } of pieces) {
      if (isStart || random === null) random = begin(domain, document++).random;
      yield { ids: splitPunctuation(Int32Array.from(ids), random), isStart };
    }
  }

  return (source, encode, domain) => {
    if (fimRate === 0) return splitTokens(encode(source), domain);
    if (!source.isTokenised) return rewriteDocuments(source, domain);
    throw new UserError('data: fimRate needs texts, and documents are token ids; set fimRate to 0');
  };
}

/** Document by document. */
async function* wholeTexts(source: DocumentSource): AsyncGenerator<string> {
  let parts: string[] = [];
  let length = 0;
  for await (const { content, isStart } of source.read()) {
    if (isStart && parts.length > 0) {
      yield parts.join('');
      [parts, length] = [[], 0];
    }
    parts.push(String(content));
    length += content.length;
    if (length > longestRewritten) throw tooLong(length);
  }
  if (parts.length > 0) yield parts.join('');
}

function tooLong(length: number): UserError {
  return new UserError(
    `data: a document has ${length} characters or more, and at most ${longestRewritten} can be rewritten for ` +
      'fill-in-the-middle; divide it into several, or set fimRate to 0',
  );
}
