import { ApiError } from './api-error.ts';

/** Keeps the number of choices that run or wait below a bound. */
export class Admission {
  readonly #capacity: number;
  #inUse = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Runs `action` with a number of places taken. @throws ApiError 429 when there are not as many left. */
  async hold<T>(places: number, action: () => Promise<T>): Promise<T> {
    if (this.#inUse + places > this.#capacity) {
      throw new ApiError(429, `The queue is full: ${this.#inUse} answers run or wait. Try again later.`, {
        code: 'queue_full',
        headers: { 'retry-after': '1' },
      });
    }
    this.#inUse += places;
    try {
      return await action();
    } finally {
      this.#inUse -= places;
    }
  }
}
