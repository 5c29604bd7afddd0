/** What Node and the Web have in common of a port; Node's types leave out `onmessage`. */
interface Port {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
  close(): void;
}

/**
 * Waits for the next turn of the event loop, so that timers, signals and messages get theirs.
 *
 * It is a message to oneself: a timer would wait for at least a millisecond, and for four in a page.
 */
export function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel() as unknown as { port1: Port; port2: Port };
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
