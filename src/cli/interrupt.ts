// Ctrl-C, a request of the system to end, a terminal that was closed: the first signal asks for an orderly end, the
// second one does not ask.

/** What is listened to: `process`, or a stand-in. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

export interface InterruptHandlers {
  readonly first: () => void;
  readonly second: () => void;
}

export const exitInterrupted = 130;

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// npm passes the terminal's SIGINT on to the process that has had it already: one key press, two signals.
const sameKeyPressMilliseconds = 300;

/**
 * Calls `first`, then `second` for each later signal that is not an echo of the first. Returns how to stop listening.
 */
export function onInterrupt(
  source: SignalSource,
  handlers: InterruptHandlers,
  now: () => number = () => performance.now(),
): () => void {
  let firstAt: number | undefined;
  const listener = () => {
    if (firstAt === undefined) {
      firstAt = now();
      handlers.first();
    } else if (now() - firstAt > sameKeyPressMilliseconds) handlers.second();
  };
  for (const signal of signals) source.on(signal, listener);
  return () => {
    for (const signal of signals) source.off(signal, listener);
  };
}
