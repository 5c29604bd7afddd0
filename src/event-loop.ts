/** What Node and the Web have in common of a port; Node's types leave out `onmessage`. */
interface Port {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
  close(): void;
}

/**
 * Waits for the next turn of the event loop, so that timers, signals and messages get theirs.
 *
 * Node has `setImmediate` for it. A page sends a message to itself: a timer would wait for four milliseconds there. In
 * Node the first message would take tens of milliseconds, because the class of its event comes with all of `fetch`.
 */
export function nextTurn(): Promise<void> {
  const immediately: unknown = Reflect.get(globalThis, 'setImmediate');
  if (typeof immediately === 'function') return new Promise((resolve) => immediately(resolve));
  const { port1, port2 } = new MessageChannel() as unknown as { port1: Port; port2: Port };
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
