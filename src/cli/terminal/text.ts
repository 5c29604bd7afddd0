// Text as lines of a terminal, and text that a terminal can show.

import { displayWidth } from './cells.ts';
import { WordWrap } from './word-wrap.ts';

/** Fills lines of `width` cells with parts that stay whole; a part wider than a line breaks at words. */
export function wrapParts(parts: readonly string[], separator: string, width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    const joined = last === undefined ? part : last + separator + part;
    if (last !== undefined && displayWidth(joined) <= width) lines[lines.length - 1] = joined;
    else lines.push(...wrapProse(part, width));
  }
  return lines;
}

/**
 * Breaks a text into lines of at most `width` cells: at its newlines, at words, and inside words longer than a line.
 */
export function wrapText(text: string, width: number): string[] {
  const wrap = new WordWrap(() => width, 'cut');
  return (wrap.write(text) + wrap.flush()).split('\n');
}

// Stands for a space that is no place to break at.
const fixedSpace = '\u00a0';

/** A text whose commands, and whose numbers and units, are one word each. */
function fixSpaces(text: string): string {
  return text
    .replace(/`[^`]*`/g, (code) => code.replaceAll(' ', fixedSpace))
    .replace(/(?<=\d) (?=(?:%|[kKMGTB]B?|B|GFLOP\/s|tokens|[mu]?s)(?!\w))/g, fixedSpace);
}

/**
 * Breaks what the program says into lines at words, each under the first one's indentation.
 *
 * A word wider than a line (a path, an address) stays whole, as does what stands between backticks: it is there to be
 * copied. A number stays beside its unit.
 */
export function wrapProse(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => {
    if (displayWidth(line) <= width) return [line];
    const indentation = /^ */.exec(line)?.[0] ?? '';
    const wrap = new WordWrap(() => width - indentation.length, 'keep');
    const lines = (wrap.write(fixSpaces(line.trim())) + wrap.flush()).replaceAll(fixedSpace, ' ').split('\n');
    return lines.map((part) => indentation + part);
  });
}

/** Makes text from a model safe to print: no control or direction characters except newlines and tabs. */
export function printable(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(/[^\P{C}\n\t\u200c\u200d]/gu, '·');
}
