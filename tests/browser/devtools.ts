// A page of Chromium that a test runs scripts in, over the protocol of its developer tools: JSON messages, each ended
// by a zero byte, through two pipes.

import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { startChromium } from './chromium.ts';

export interface Page {
  /** What a script of the page comes to, once it has. */
  evaluate(script: string): Promise<unknown>;
  close(): Promise<void>;
}

type Fields = Readonly<Record<string, unknown>>;

/** Opens a page, in a browser with an empty profile folder and these further flags. */
export async function openPage(url: string, profile: string, flags: readonly string[]): Promise<Page> {
  const browser = startChromium('about:blank', profile, {
    flags: ['--remote-debugging-pipe', ...flags],
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const gone = once(browser, 'exit');
  const call = caller(browser.stdio[3] as Writable, browser.stdio[4] as Readable);
  const { targetInfos } = await call('Target.getTargets', {});
  const target = (targetInfos as readonly Fields[]).find(({ type }) => type === 'page');
  const { sessionId } = await call('Target.attachToTarget', { targetId: target?.targetId, flatten: true });
  await call('Page.navigate', { url }, sessionId);
  return {
    evaluate: async (expression) => {
      const { result } = await call(
        'Runtime.evaluate',
        { expression, awaitPromise: true, returnByValue: true },
        sessionId,
      );
      return (result as Fields).value;
    },
    close: async () => {
      browser.kill();
      await gone;
    },
  };
}

/** A function that calls a method of the browser, in the session of a page if one is given. */
function caller(input: Writable, output: Readable) {
  const waiting = new Map<unknown, (result: Fields) => void>();
  let rest = '';
  output.setEncoding('utf8').on('data', (text: string) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop() ?? '';
    for (const { id, result, error } of messages.map((message) => JSON.parse(message))) {
      waiting.get(id)?.(result ?? { error });
    }
  });
  let sent = 0;
  return (method: string, params: Fields, sessionId?: unknown): Promise<Fields> => {
    const id = ++sent;
    input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve) => waiting.set(id, resolve));
  };
}
