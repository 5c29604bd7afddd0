// Lines in terminal cells: how wide they are, how to fill and to cut them.

import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'fast-string-truncated-width';

/** Terminal cells that a line takes; colours take none, East Asian wide characters and emoji two. */
export function displayWidth(line: string): number {
  return stringWidth(stripVTControlCharacters(line)).width;
}

/** The line with spaces after it up to `width` cells. */
export function padEnd(line: string, width: number): string {
  return line + ' '.repeat(Math.max(0, width - displayWidth(line)));
}

const graphemes = new Intl.Segmenter();

/** The line itself if it fits `width` cells, else its beginning and `…`, without colours. */
export function truncate(line: string, width: number): string {
  if (displayWidth(line) <= width) return line;
  let text = '';
  for (const { segment } of graphemes.segment(stripVTControlCharacters(line))) {
    if (displayWidth(text + segment) > width - 1) break;
    text += segment;
  }
  return width > 0 ? `${text}…` : '';
}
