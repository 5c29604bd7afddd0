// Where a continuation is written to.

import { colorsFor } from './colors.ts';
import { columnsOf } from './print.ts';
import { writePrompt } from './prompt.ts';
import { printable } from './text.ts';
import { WordWrap } from './word-wrap.ts';

/** Writes a continuation: as it is to a file or a pipe; on a terminal after its prompt, broken at words. */
export interface TextWriter {
  readonly write: (text: string) => void;
  readonly end: () => void;
}

export function createTextWriter(prompt: string): TextWriter {
  const { stdout } = process;
  if (!stdout.isTTY) return { write: (text) => void stdout.write(text), end: () => void stdout.write('\n') };
  const wrap = new WordWrap(() => columnsOf(stdout), 'keep');
  // With the first token: a prompt that is too long is an error, and nothing is printed then.
  let isStarted = false;
  const start = () => {
    if (!isStarted) stdout.write(writePrompt(wrap, prompt, colorsFor(stdout)));
    isStarted = true;
  };
  return {
    write: (text) => {
      start();
      stdout.write(wrap.write(printable(text)));
    },
    end: () => {
      start();
      stdout.write(`${wrap.flush()}\n`);
    },
  };
}
