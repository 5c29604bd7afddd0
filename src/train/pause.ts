// Pausing a run without ending it.

/** Holds a training run between two steps, and lets it go on. Give it to `train` as its option `pause`. */
export class PauseController {
  #isPaused = false;
  #wake: (() => void)[] = [];

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The run stops after the current step, with everything in memory, until `resume`. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Resolves when the run is not paused, or when the signal is aborted, so that a paused run can be ended. */
  async passed(signal?: AbortSignal): Promise<void> {
    while (this.#isPaused && signal?.aborted !== true) await this.#change(signal);
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      signal?.addEventListener('abort', wake);
      this.#wake.push(wake);
    });
  }
}
