// A process for code of strangers: chat templates and the patterns of tokenizers can loop for ever or fill all memory.
// There they hold up nobody, and what ends at a limit is that process. A thread would not do: when its memory is full,
// V8 may end the whole process.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../errors.ts';
import type { Answer, Question } from './process-entry.ts';

/** What such code may use. */
export interface Limits {
  /** What it is called where a limit is reached: `chat: the chat template`. */
  readonly what: string;
  /** What to do about it then. */
  readonly remedy: string;
  /** Seconds to read the code. */
  readonly readSeconds: number;
  /** Seconds for one call. */
  readonly seconds: number;
  /** MiB of memory. */
  readonly memory: number;
}

export interface CallOptions {
  /** What this call may take beyond the limit. */
  readonly moreSeconds?: number;
  /** Ends a call that nobody waits for any more. */
  readonly signal?: AbortSignal | undefined;
}

/** Seconds beyond a limit after which a process is ended that has neither started nor ended its work by itself. */
const graceSeconds = 60;

/** Processes that wait for calls; of more, the one that was used longest ago is ended. */
const maxIdle = 4;

const idle = new Set<LimitedProcess>();

/** A process that is started by the first call, ended at a limit, and started again by the next call. */
export class LimitedProcess {
  readonly #entry: URL;
  readonly #code: unknown;
  readonly #limits: Limits;
  #child: ChildProcess | null = null;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param entry a module that calls `answerCalls`
   * @param code what it is given first: plain data
   */
  constructor(entry: URL, code: unknown, limits: Limits) {
    this.#entry = entry;
    this.#code = code;
    this.#limits = limits;
  }

  /**
   * What the process makes of `input`, which is plain data, as is the result; calls take turns.
   *
   * @throws UserError at a limit; Error with the message of what the code itself threw; the reason of an abort
   */
  call(input: unknown, options: CallOptions = {}): Promise<unknown> {
    const result = this.#last.then(() => this.#take(input, options));
    this.#last = result.catch(() => {});
    return result;
  }

  /** Ends the process; the next call starts another. */
  close(): void {
    idle.delete(this);
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }

  async #take(input: unknown, { moreSeconds = 0, signal }: CallOptions): Promise<unknown> {
    signal?.throwIfAborted();
    idle.delete(this);
    const isFresh = this.#child === null;
    this.#child ??= this.#start();
    const child = this.#child;
    child.ref(); // a process that waits for an answer has something to do
    child.channel?.ref();
    try {
      if (isFresh) await this.#ask(child, { value: this.#code, seconds: this.#limits.readSeconds }, signal);
      return await this.#ask(child, { value: input, seconds: this.#limits.seconds + moreSeconds }, signal);
    } finally {
      child.unref();
      child.channel?.unref();
      this.#rest();
    }
  }

  #rest(): void {
    if (this.#child === null) return;
    idle.add(this);
    for (const oldest of idle) if (idle.size > maxIdle) oldest.close();
  }

  #start(): ChildProcess {
    const child = fork(fileURLToPath(this.#entry), {
      execArgv: [`--max-old-space-size=${this.#limits.memory}`],
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.on('error', () => {}); // told by the exit to whoever waits
    child.on('exit', () => {
      if (this.#child === child) this.#child = null;
    });
    return child;
  }

  /** The answer to one question; unless it is a value or an error of the code, the process is ended. */
  #ask(child: ChildProcess, question: Question, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        child.off('message', onAnswer).off('exit', onExit);
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const end = (reason: unknown) =>
        settle(() => {
          this.close();
          reject(reason);
        });
      const onAnswer = (answer: Answer) => {
        if ('timeUp' in answer) return end(this.#limitError(`${Math.ceil(question.seconds)} seconds`));
        settle(() => ('error' in answer ? reject(new Error(answer.error)) : resolve(answer.value)));
      };
      const onExit = () => end(this.#limitError(`${this.#limits.memory} MiB`));
      const onAbort = () => end(signal?.reason);
      const onTime = () => end(this.#limitError(`${Math.ceil(question.seconds)} seconds`));
      const timer = setTimeout(onTime, (question.seconds + graceSeconds) * 1000);
      signal?.addEventListener('abort', onAbort);
      child.on('message', onAnswer).on('exit', onExit);
      child.send(question, () => {}); // that it cannot be sent is told by the exit
    });
  }

  #limitError(limit: string): UserError {
    const { what, remedy } = this.#limits;
    return new UserError(`${what} took more than ${limit}; ${remedy}`);
  }
}
