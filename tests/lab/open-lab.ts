// The built lab in Chromium, and what the tests do with it again and again.

import { join } from 'node:path';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { stepsDone } from '../../tools/lab/visit-panels.ts';
import { chromium as executable } from '../browser/chromium.ts';

// The server of the built package, beside which the page lies.
const { startLabServer } = await import(join(import.meta.dirname, '../../dist/lab/lab-server.js'));

/** Settings of a model that trains in seconds on a busy machine, on a text that needs no file. */
export const smallModel =
  'preset=pocket&data=math&seqLen=32&batchSize=2&hiddenSize=32&sampleTokens=0&tokenizer=bytes&evalTokens=256';

export interface OpenLab {
  readonly url: string;
  readonly browser: Browser;
  readonly context: BrowserContext;
  readonly page: Page;
  /** Opens the page with what its address says after `#`. */
  open(hash: string): Promise<void>;
  press(name: string): Promise<void>;
  /** Waits for a state, such as `paused`. */
  reach(state: string): Promise<void>;
  /** What the page tells of the run and of itself. */
  messages(): Promise<string>;
  close(): Promise<void>;
}

export interface LabOptions {
  readonly args?: readonly string[];
  readonly context?: BrowserContextOptions;
  /** Where the page is served; absent: by the lab's own server. */
  readonly url?: string;
}

export async function openLab({ args = [], context: contextOptions = {}, url }: LabOptions = {}): Promise<OpenLab> {
  const server: { url: string; close(): Promise<void> } | null = url === undefined ? await startLabServer(0, []) : null;
  const browser = await chromium.launch({
    executablePath: executable!,
    args: ['--no-sandbox', '--disable-gpu', ...args],
  });
  const context = await browser.newContext({ acceptDownloads: true, ...contextOptions });
  const page = await context.newPage();
  const address = url ?? server!.url;
  return {
    url: address,
    ...{ browser, context, page },
    open: async (hash) => {
      await page.goto('about:blank');
      await page.goto(`${address}#${hash}`);
      await page.getByRole('button', { name: 'Train', exact: true }).waitFor();
    },
    press: (name) => page.getByRole('button', { name, exact: true }).first().click(),
    reach: async (state) => {
      await expect.poll(() => page.getByTestId('state').textContent()).toBe(state);
    },
    messages: () => page.locator('.messages').innerText(),
    close: async () => {
      await browser.close();
      await server?.close();
    },
  };
}

/** Waits until more than so many steps are done. */
export async function pastStep(page: Page, step: number): Promise<void> {
  await expect.poll(() => stepsDone(page)).toBeGreaterThan(step);
}

/** SHA-256 of the weights and the optimizer in the newest checkpoint of the run that is stored at this place. */
export async function digestsOfRun(page: Page, place: number): Promise<Readonly<Record<string, string>>> {
  return (await page.evaluate(`(async () => {
    const at = async (folder, ...names) => {
      for (const name of names) folder = await folder.getDirectoryHandle(name);
      return folder;
    };
    const runs = await at(await navigator.storage.getDirectory(), 'tinyseek-lab', 'runs');
    const names = [];
    for await (const name of runs.keys()) names.push(name);
    const run = await at(runs, names.sort().at(${place}));
    const list = await (await run.getFileHandle('published.json')).getFile();
    const [newest] = JSON.parse(await list.text()).checkpoints;
    const folder = await at(run, 'checkpoints', newest);
    const found = { checkpoint: newest };
    for (const name of ['model.safetensors', 'optimizer.safetensors']) {
      const file = await (await folder.getFileHandle(name)).getFile();
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
      found[name] = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
    }
    return found;
  })()`)) as Readonly<Record<string, string>>;
}
