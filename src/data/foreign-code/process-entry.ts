// The other side of `LimitedProcess`: what runs in the process.

import { TimeUp, withinSeconds } from './time-limit.ts';

/** What a process is asked: first to read its code, then anything. */
export interface Question {
  readonly value: unknown;
  readonly seconds: number;
}

/** What it answers to each question. */
export type Answer = { readonly value: unknown } | { readonly error: string } | { readonly timeUp: true };

/** Reads the code that the process is given first, and answers calls with what comes of it. */
export function answerCalls<Code, Input>(read: (code: Code) => (input: Input) => unknown): void {
  let program: ((input: Input) => unknown) | null = null;
  const take = (value: unknown): unknown => {
    if (program !== null) return program(value as Input);
    program = read(value as Code);
    return null;
  };
  process.on('message', ({ value, seconds }: Question) => process.send?.(attempt(() => take(value), seconds)));
  process.on('disconnect', () => process.exit());
  process.on('SIGINT', () => {}); // Ctrl-C goes to all processes of a terminal; the other one decides what it means
}

function attempt(action: () => unknown, seconds: number): Answer {
  try {
    return { value: withinSeconds(seconds, action) ?? null };
  } catch (error) {
    if (error instanceof TimeUp) return { timeUp: true };
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
