// The events of a run as an async iterator: the reader decides the pace.

import type { TrainEvent } from './events.ts';
import type { RunWatcher } from './run-watcher.ts';

/** Passes values from one writer to one reader, one at a time: the writer waits until the reader asks for the next. */
class Handoff<T> {
  #offered: { readonly value: T; readonly done: () => void } | null = null;
  #finishTaken = () => {};
  #wakeReader = () => {};
  #isOver = false;

  /** Resolves when the reader has dealt with the value, or has gone. */
  give(value: T): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    return new Promise((done) => {
      this.#offered = { value, done };
      this.#wakeReader();
    });
  }

  /** The next value; null after the last one. */
  async take(): Promise<T | null> {
    this.#finishTaken();
    while (this.#offered === null && !this.#isOver) await this.#change();
    const offered = this.#offered;
    this.#offered = null;
    this.#finishTaken = offered?.done ?? (() => {});
    return offered?.value ?? null;
  }

  /** Neither side waits for the other from now on. */
  end(): void {
    this.#isOver = true;
    this.#finishTaken();
    this.#offered?.done();
    this.#wakeReader();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeReader = resolve;
    });
  }
}

/** Starts a run with the listener and the signal of the iterator, which include those of the caller's watcher. */
type Start = (watcher: Required<Pick<RunWatcher, 'onEvent' | 'signal'>>) => Promise<unknown>;

/**
 * Starts a run when the first event is asked for, and yields its events.
 *
 * The run goes on when the next event is asked for, so a slow reader slows it. Leaving the loop (`break`, `return`, an
 * error) ends the run as its signal does, with a checkpoint. An error of the run is thrown to the reader.
 */
export async function* eventsOf(start: Start, watcher: RunWatcher): AsyncGenerator<TrainEvent, void, undefined> {
  const leave = new AbortController();
  const signal = watcher.signal ? AbortSignal.any([watcher.signal, leave.signal]) : leave.signal;
  const handoff = new Handoff<TrainEvent>();
  const onEvent = async (event: TrainEvent) => {
    await watcher.onEvent?.(event);
    await handoff.give(event);
  };
  const run = start({ onEvent, signal }).finally(() => handoff.end());
  run.catch(() => {}); // thrown below, when the events before it have been read
  try {
    for (let event = await handoff.take(); event !== null; event = await handoff.take()) yield event;
  } finally {
    leave.abort();
    handoff.end();
    await run;
  }
}
