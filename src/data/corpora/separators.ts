// Text files that hold several documents, with something between them.

import { type Piece, PieceCutter } from '../pieces.ts';
import type { Remarks } from '../remarks.ts';

/** End tokens that are known to divide documents, where one stands alone on a line. */
const endTokens = ['<|endoftext|>', '<|end_of_text|>', '<｜end▁of▁sentence｜>', '</s>'];
/** Those that nobody would write for another purpose. */
const unmistakable = /<\|endoftext\|>|<\|end_of_text\|>|<｜end▁of▁sentence｜>/g;

const escaped = endTokens.map((token) => token.replace(/[|/]/g, '\\$&'));
const separatorLine = new RegExp(`^(?:${escaped.join('|')})[ \\t]*\\r?(?:\\n|$)`, 'm');

/** A line that is longer is taken apart; no separator line is. */
const longestLine = 1 << 20;

/** The documents of a text in which lines with an end token, if there are any, divide them. */
export async function* divideAtEndTokens(
  blocks: AsyncIterable<string>,
  file: string,
  remarks: Remarks | undefined,
): AsyncGenerator<Piece> {
  const cutter = new PieceCutter();
  let [rest, isInsideLine] = ['', false];
  let [lines, inside] = [0, 0];
  const divide = function* (text: string): Generator<Piece> {
    if (text === '') return;
    // What carries on a line is text, whatever it looks like.
    const start = isInsideLine ? text.indexOf('\n') + 1 || text.length : 0;
    const parts = text.slice(start).split(separatorLine);
    for (const [i, part] of parts.entries()) {
      if (i > 0) yield* cutter.end();
      inside += part.match(unmistakable)?.length ?? 0;
      yield* cutter.push(i === 0 ? text.slice(0, start) + part : part);
    }
    lines += parts.length - 1;
    isInsideLine = !text.endsWith('\n');
  };
  for await (const block of blocks) {
    rest += block;
    const end = rest.lastIndexOf('\n') + 1 || (rest.length > longestLine ? rest.length : 0);
    yield* divide(rest.slice(0, end));
    rest = rest.slice(end);
  }
  yield* divide(rest);
  yield* cutter.end();
  remarks?.add('lines with an end token divide documents', lines, file);
  remarks?.add('end tokens inside lines are read as text (--separator names what divides documents)', inside, file);
}

/** The documents of a text, divided wherever the separator stands. */
export async function* divideAt(
  separator: string,
  blocks: AsyncIterable<string>,
  file: string,
  remarks: Remarks | undefined,
): AsyncGenerator<Piece> {
  const cutter = new PieceCutter();
  let rest = '';
  let found = 0;
  for await (const block of blocks) {
    const parts = (rest + block).split(separator);
    const last = parts.pop()!;
    for (const part of parts) yield* [...cutter.push(part), ...cutter.end()];
    found += parts.length;
    // The beginning of a separator may be at the end of the block.
    const certain = Math.max(0, last.length - separator.length + 1);
    yield* cutter.push(last.slice(0, certain));
    rest = last.slice(certain);
  }
  yield* cutter.push(rest);
  yield* cutter.end();
  remarks?.add('separators divide documents', found, file);
  if (found === 0) remarks?.add('files without a separator are one document each', 1, file);
}
