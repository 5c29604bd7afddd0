// A person's paths through the lab, in Chromium, on the page that the build made.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { activateBackend, loadModel } from 'tinyseek';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestsOfRun } from './open-lab.ts';
import { chromium as executable, warnOfNoChromium } from '../browser/chromium.ts';

// The server of the built package, beside which the page lies.
const { startLabServer } = await import(join(import.meta.dirname, '../../dist/lab/lab-server.js'));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pictures = join(import.meta.dirname, 'pictures');
/** A model that trains in seconds on a busy machine. */
const small =
  'preset=pocket&steps=40&seqLen=32&batchSize=2&hiddenSize=32&sampleTokens=0&tokenizer=bytes&checkpointEvery=5';

describe('the lab', () => {
  if (executable === null) {
    warnOfNoChromium('the lab');
    // A user's machine need not have a browser. CI installs one, so this is never skipped there.
    it.skip('is not tested: no Chromium on the PATH');
    return;
  }
  let folder: string;
  let server: { url: string; close(): Promise<void> };
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const foreign: string[] = [];
  const violations: string[] = [];

  const shows = (testId: string) => page.getByTestId(testId).textContent();
  const stepsDone = async () => Number(/^\d+/.exec((await shows('step')) ?? '')?.[0] ?? 0);
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();

  async function open(hash: string): Promise<void> {
    await page.goto('about:blank');
    await page.goto(`${server.url}#${hash}`);
    await page.getByRole('heading', { name: 'TinySeek lab' }).waitFor();
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tinyseek-lab-'));
    mkdirSync(pictures, { recursive: true });
    server = await startLabServer(0, []);
    browser = await chromium.launch({ executablePath: executable!, args: ['--no-sandbox', '--disable-gpu'] });
    context = await browser.newContext({ acceptDownloads: true });
    page = await context.newPage();
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(server.url)) foreign.push(request.url());
    });
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) violations.push(message.text());
    });
    page.on('pageerror', (error) => violations.push(String(error)));
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  it('trains with one click, on threads, and pauses, steps and rewinds', async () => {
    await open(small);
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    await press('Train');
    await expect.poll(stepsDone).toBeGreaterThan(2);
    await press('Pause');
    await expect.poll(() => shows('state')).toBe('paused');
    const held = await stepsDone();
    await press('Step');
    await expect.poll(stepsDone).toBe(held + 1);
    await press('Rewind');
    await expect.poll(stepsDone).toBe(0);
    await expect.poll(() => shows('state')).toBe('paused');
  });

  it('goes on after it was loaded again, and comes to the bits of a run that nothing interrupted', async () => {
    await press('Train');
    await expect.poll(stepsDone).toBeGreaterThan(11);
    await press('Pause');
    await expect.poll(() => shows('state')).toBe('paused');
    await page.reload();
    await expect.poll(() => shows('state')).toBe('paused');
    expect(await stepsDone()).toBeGreaterThan(9);
    await press('Train');
    await expect.poll(() => shows('state')).toBe('done');
    expect(await stepsDone()).toBe(40);
    const loadedAgain = await digestsOfRun(page, -1);
    await press('Rewind');
    await expect.poll(() => shows('state')).toBe('paused');
    await press('Train');
    await expect.poll(() => shows('state')).toBe('done');
    expect(await digestsOfRun(page, -1)).toEqual(loadedAgain);
  });

  it('saves the model as a zip of a Hugging Face folder, and opens one', async () => {
    const [download] = await Promise.all([page.waitForEvent('download'), press('Save the model as a zip')]);
    const path = join(folder, 'model.zip');
    await download.saveAs(path);
    expect(Object.keys(unzipSync(readFileSync(path))).sort()).toEqual([
      ...['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'],
    ]);
    await page.getByLabel('Open a zip of a model folder').setInputFiles(path);
    await expect.poll(() => page.getByRole('row', { name: /^Run 2/ }).count()).toBe(1);
    await expect.poll(() => shows('state')).toBe('done');
  });

  it('makes a folder that the library loads, and opens one that was named on the command line', async () => {
    const model = join(folder, 'named');
    mkdirSync(model);
    for (const [name, bytes] of Object.entries(unzipSync(readFileSync(join(folder, 'model.zip'))))) {
      writeFileSync(join(model, name), bytes);
    }
    await activateBackend('cpu');
    const loaded = await loadModel(model);
    expect(loaded.model.config.hiddenSize).toBe(32);
    const second = await startLabServer(0, [{ name: 'named', folder: model }]);
    const other = await context.newPage();
    await other.goto(`${second.url}#${small}`);
    await other.getByRole('button', { name: 'Open named, and train it further' }).click();
    await expect.poll(() => other.getByTestId('state').textContent()).toBe('done');
    await other.close();
    await second.close();
  });

  it('shares settings in the address, and says what is wrong with a bad link', async () => {
    await open('preset=no-balancing&steps=17');
    await page.getByText('Sizes and rates').click();
    expect(await page.getByLabel('Steps', { exact: true }).inputValue()).toBe('17');
    await open('preset=nothing&stepz=3');
    const alert = page.getByRole('alert').first();
    expect(await alert.textContent()).toMatch(/no preset nothing.*stepz.*did you mean steps/s);
  });

  it('refuses a binary file with a message', async () => {
    const path = join(folder, 'picture.bin');
    writeFileSync(path, new Uint8Array([0, 1, 2, 255]));
    await page.getByLabel('Your own').setInputFiles(path);
    await expect.poll(() => page.getByRole('status').first().textContent()).toMatch(/is no text in UTF-8/);
  });

  it('asks nothing of another origin, and breaks no policy', () => {
    expect(foreign).toEqual([]);
    expect(violations).toEqual([]);
  });

  it.each(['light', 'dark'] as const)(
    'has no serious finding of axe in the %s scheme; pictures are kept',
    async (scheme) => {
      await page.emulateMedia({ colorScheme: scheme });
      for (const [width, height] of [
        [1280, 800],
        [768, 1024],
        [390, 844],
      ] as const) {
        await page.setViewportSize({ width, height });
        await page.screenshot({ path: join(pictures, `lab-${width}-${scheme}.png`), fullPage: true });
      }
      await page.evaluate(axe);
      const found = (await page.evaluate('axe.run()')) as { violations: { id: string; impact: string }[] };
      expect(
        found.violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id }) => id),
      ).toEqual([]);
    },
  );
});
