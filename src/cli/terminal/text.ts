// Text in terminal cells: how wide it is, how to cut it, how to wrap it. Nothing here may print a line wider than the
// terminal, because the live block is redrawn by counting lines.

import { stripVTControlCharacters } from 'node:util';

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const zeroWidth = /[\p{Mn}\p{Me}\p{Cc}\p{Cf}]/u;

function cellWidth(char: string): number {
  if (zeroWidth.test(char)) return 0;
  return wide.test(char) ? 2 : 1;
}

/** Terminal cells that a line takes; colours take none, East Asian wide characters two. */
export function displayWidth(line: string): number {
  let width = 0;
  for (const char of stripVTControlCharacters(line)) width += cellWidth(char);
  return width;
}

/** The line with spaces after it up to `width` cells. */
export function padEnd(line: string, width: number): string {
  return line + ' '.repeat(Math.max(0, width - displayWidth(line)));
}

/** The line itself if it fits `width` cells, else its beginning and `…`, without colours. */
export function truncate(line: string, width: number): string {
  if (displayWidth(line) <= width) return line;
  let text = '';
  let used = 0;
  for (const char of stripVTControlCharacters(line)) {
    used += cellWidth(char);
    if (used > width - 1) break;
    text += char;
  }
  return width > 0 ? `${text}…` : '';
}

/** Fills lines of at most `width` cells with parts that stay whole; a part wider than a line is cut. */
export function wrapParts(parts: readonly string[], separator: string, width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    const joined = last === undefined ? part : last + separator + part;
    if (last !== undefined && displayWidth(joined) <= width) lines[lines.length - 1] = joined;
    else lines.push(truncate(part, width));
  }
  return lines;
}

function* pieces(word: string, width: number): Iterable<string> {
  let piece = '';
  for (const char of word) {
    if (displayWidth(piece + char) > width) {
      yield piece;
      piece = '';
    }
    piece += char;
  }
  yield piece;
}

/** Breaks a text into lines of at most `width` cells: at its newlines, at spaces, and inside words longer than a line. */
export function wrapText(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => {
    const words = line.split(' ').flatMap((word) => [...pieces(word, width)]);
    return wrapParts(words, ' ', width);
  });
}

/** Makes text from a model safe to print: no control or direction characters except newlines. */
export function printable(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/\t/g, ' ')
    .replace(/[^\P{C}\n]/gu, '·');
}
