// The time that a run has taken. It includes the time before the run was resumed, and leaves out pauses.

/** Seconds that a run has taken. */
export interface Clock {
  seconds(): number;
  /** Stops the clock until the promise is settled. */
  during<T>(wait: Promise<T>): Promise<T>;
}

/** A clock that starts at `seconds`. */
export function startClock(seconds: number): Clock {
  const now = () => performance.now() / 1000;
  let offset = seconds - now();
  return {
    seconds: () => offset + now(),
    during: async (wait) => {
      const since = now();
      try {
        return await wait;
      } finally {
        offset -= now() - since;
      }
    },
  };
}
