// Lines from standard input, with editing and history on a terminal. While an answer is written, what is typed is not
// shown, and waits for its end.

import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { EventQueue } from '../../generate/batch/event-queue.ts';
import { colorsFor } from '../terminal/colors.ts';
import { columnsOf, print } from '../terminal/print.ts';
import { printable, wrapProse } from '../terminal/text.ts';
import { WordWrap } from '../terminal/word-wrap.ts';
import type { ChatOutput } from './chat.ts';

/** Standard output for the line editor, which can be silenced. */
class EditorOutput extends Writable {
  isSilent = false;

  get columns(): number {
    return process.stdout.columns;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.isSilent) process.stdout.write(chunk);
    done();
  }
}

interface TypedLine {
  readonly text: string;
  /** Whether it has been seen while it was typed. */
  readonly isShown: boolean;
}

export class ChatTerminal {
  readonly isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  readonly #editorOutput = new EditorOutput();
  readonly #editor: Interface;
  readonly #lines: EventQueue<TypedLine>;
  #isClosed = false;
  readonly #answer = new WordWrap(() => columnsOf(process.stdout), 'keep');

  /** @param onInterrupt Ctrl-C; returns whether there was something to stop. */
  constructor(onInterrupt: () => boolean) {
    this.#editor = createInterface({
      input: process.stdin,
      output: this.#editorOutput,
      terminal: this.isTerminal,
      prompt: '> ',
    });
    this.#lines = new EventQueue(() => this.#editor.close());
    this.#editor.on('line', (text) =>
      this.#lines.push({ text, isShown: !this.isTerminal || !this.#editorOutput.isSilent }),
    );
    this.#editor.on('close', () => {
      this.#isClosed = true;
      this.#lines.close();
    });
    this.#editor.on('SIGINT', () => {
      if (!onInterrupt()) this.#clearLine();
    });
  }

  /**
   * Answers on standard output, broken at words if that is a terminal; notes beside them, or else on standard error.
   */
  get output(): ChatOutput {
    const shown = process.stdout.isTTY ? (text: string) => this.#answer.write(printable(text)) : (text: string) => text;
    return {
      answer: (text) => void process.stdout.write(shown(text)),
      note: (line) => (this.isTerminal ? this.#note(line) : print(process.stderr, [line])),
    };
  }

  #note(line: string): void {
    // An answer that failed has not ended its line.
    if (this.#answer.isInLine) process.stdout.write(this.#answer.write('\n'));
    const { dim } = colorsFor(process.stdout);
    const lines = wrapProse(printable(line), columnsOf(process.stdout));
    process.stdout.write(lines.map((part) => `${dim(part)}\n`).join(''));
  }

  /** Hands each line to `take`, one after the other, until it says that was the last one. */
  async readLines(take: (line: string) => Promise<boolean>): Promise<void> {
    this.#prompt();
    for await (const { text, isShown } of this.#lines) {
      if (!isShown) process.stdout.write(`${text}\n`);
      this.#editorOutput.isSilent = true;
      const isLast = await take(text);
      this.#editorOutput.isSilent = false;
      if (isLast) break;
      this.#prompt();
    }
    if (this.isTerminal) process.stdout.write('\n');
  }

  #prompt(): void {
    if (this.isTerminal && !this.#isClosed) this.#editor.prompt();
  }

  #clearLine(): void {
    const hint = this.#editor.line === '' ? '(Ctrl-D or /quit leaves)' : '';
    // The editor's own way to drop a line: Ctrl-E, Ctrl-U.
    this.#editor.write(null, { ctrl: true, name: 'e' });
    this.#editor.write(null, { ctrl: true, name: 'u' });
    process.stdout.write(`\n${hint === '' ? '' : `${hint}\n`}`);
    this.#editor.prompt();
  }
}
