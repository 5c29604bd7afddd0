// Breaks text into lines at words, as it comes: a word is held back until it is complete, because only then is it known
// whether it fits. Where a script has no spaces (Chinese, Japanese), a line may end after any character, except before
// a mark that closes something.

import { displayWidth } from './cells.ts';

/** Colours a text, or leaves it as it is. */
export type Style = (text: string) => string;

/**
 * What becomes of a word that is wider than a line. `keep` leaves it to the terminal, which puts it together again for
 * whoever copies it, and leaves fenced code (```) as it is. `cut` breaks it, so that no line is ever too wide.
 */
export type LongWords = 'keep' | 'cut';

const tabStop = 8;
const fence = '```';
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff60]/u;
const opening = /[\p{Ps}\p{Pi}]/u;
const closing = /[\p{Pe}\p{Pf}\p{Po}\p{M}ー々\u200c\u200d]/u;

function mayBreakBetween(before: string, after: string): boolean {
  return (unspaced.test(before) || unspaced.test(after)) && !opening.test(before) && !closing.test(after);
}

/** A stretch of a word in one style. */
interface Run {
  text: string;
  readonly style: Style;
}

const asItIs: Style = (text) => text;

export class WordWrap {
  readonly #columns: () => number;
  readonly #longWords: LongWords;
  /** Cells of the line that are taken. */
  #column = 0;
  /** Spaces after what is printed; they are dropped where the line breaks. */
  #spaces = '';
  #word: Run[] = [];
  /** The last character of the word. */
  #last = '';
  #isFenced = false;

  /** @param columns cells of a line; asked for each word, because a terminal may change its size */
  constructor(columns: () => number, longWords: LongWords) {
    this.#columns = columns;
    this.#longWords = longWords;
  }

  /** Whether something stands in the line already, held back or not. */
  get isInLine(): boolean {
    return this.#column > 0 || this.#word.length > 0;
  }

  /** Takes text without control characters but newlines and tabs, and returns what can be printed now. */
  write(text: string, style: Style = asItIs): string {
    let output = '';
    for (const char of text) output += this.#take(char, style);
    return output;
  }

  /** What has been held back. */
  flush(): string {
    return this.#endWord();
  }

  get #text(): string {
    return this.#word.map(({ text }) => text).join('');
  }

  #take(char: string, style: Style): string {
    if (char === '\n') return this.#endLine();
    const isSpace = char === ' ' || char === '\t';
    const before = isSpace ? this.#endWord() : this.#makeRoom(char);
    if (isSpace) this.#addSpace(char);
    else this.#add(char, style);
    return before;
  }

  #add(char: string, style: Style): void {
    const last = this.#word.at(-1);
    if (last?.style === style) last.text += char;
    else this.#word.push({ text: char, style });
    this.#last = char;
  }

  #addSpace(char: string): void {
    const taken = this.#column + this.#spaces.length;
    this.#spaces += char === '\t' ? ' '.repeat(tabStop - (taken % tabStop)) : char;
  }

  /** Makes room for another character: ends the word if this one may begin another, cuts it if it fills a line. */
  #makeRoom(char: string): string {
    const text = this.#text;
    if (text === '') return '';
    if (mayBreakBetween(this.#last, char)) return this.#endWord();
    const columns = this.#columns();
    // A character takes two cells at most, so most words need no measuring.
    return 2 * (text.length + 1) > columns && displayWidth(text + char) > columns ? this.#cutWord() : '';
  }

  /** Prints the word, on a new line if this one has no room for it. */
  #endWord(): string {
    const [text, columns] = [this.#text, this.#columns()];
    if (text === '') return '';
    const width = displayWidth(text);
    if (this.#longWords === 'keep' && this.#column === 0 && text.startsWith(fence)) this.#isFenced = !this.#isFenced;
    const fits = this.#isFenced || this.#column + this.#spaces.length + width <= columns;
    const breaks = !fits && this.#column > 0;
    // At the beginning of a line it is the indentation that gives way.
    const spaces = fits ? this.#spaces : this.#spaces.slice(0, breaks ? 0 : Math.max(0, columns - width));
    this.#column = (breaks ? 0 : this.#column) + spaces.length + width;
    return (breaks ? '\n' : spaces) + this.#takeWord();
  }

  #cutWord(): string {
    if (this.#isFenced) return this.#endWord();
    const before = this.#column > 0 ? '\n' : '';
    this.#column = 0;
    return before + this.#takeWord() + (this.#longWords === 'cut' ? '\n' : '');
  }

  #takeWord(): string {
    const styled = this.#word.map(({ text, style }) => style(text)).join('');
    this.#word = [];
    this.#spaces = '';
    return styled;
  }

  #endLine(): string {
    const word = this.#endWord();
    this.#column = 0;
    this.#spaces = '';
    return `${word}\n`;
  }
}
