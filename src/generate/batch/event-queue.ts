// Events from one writer to one reader that may be slower.

/** An iterable of the events that are pushed, until it is closed. It can be read once. */
export class EventQueue<T> implements AsyncIterableIterator<T> {
  #events: T[] = [];
  #read = 0;
  #closed = false;
  #error: unknown = null;
  #wake: (() => void) | null = null;
  readonly #onLeave: () => void;

  /** @param onLeave called when the reader stops before the end. */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  push(event: T): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /** Ends the events. An error, if given, is thrown to the reader after all events have been read. */
  close(error: unknown = null): void {
    this.#closed = true;
    this.#error = error;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<T>> {
    while (this.#read === this.#events.length && !this.#closed) await this.#change();
    if (this.#read < this.#events.length) return { done: false, value: this.#shift() };
    const error = this.#error;
    this.#error = null;
    if (error !== null) throw error;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<T>> {
    this.#onLeave();
    this.#events = [];
    this.#read = 0;
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #shift(): T {
    const event = this.#events[this.#read++]!;
    if (this.#read === this.#events.length) {
      this.#events = [];
      this.#read = 0;
    }
    return event;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }
}
