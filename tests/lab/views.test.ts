// A person's paths through the views of the model, in Chromium: the router and its controls, the token inspector,
// drafts, the cache, attention, writing and the known bugs.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium as executable, warnOfNoChromium } from '../browser/chromium.ts';
import { type Site, startSite } from './site.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** A model that trains in seconds on a busy machine, with a text that needs no file. */
const small =
  'preset=pocket&data=math&steps=20000&seqLen=32&batchSize=2&hiddenSize=32&sampleTokens=0&tokenizer=bytes&evalTokens=256&evalEvery=20';

describe('the views of the model', { timeout: 120_000 }, () => {
  if (executable === null) {
    warnOfNoChromium('the views of the lab');
    // A user's machine need not have a browser. CI installs one, so this is never skipped there.
    it.skip('are not tested: no Chromium on the PATH');
    return;
  }
  let folder: string;
  let site: Site;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];
  const tab = (name: string) => page.getByRole('tab', { name }).click();
  const press = (name: string) => page.getByRole('button', { name, exact: true }).first().click();
  const poll = <T>(value: () => Promise<T>) => expect.poll(value, { timeout: 60_000 });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tinyseek-views-'));
    site = await startSite(folder);
    browser = await chromium.launch({ executablePath: executable!, args: ['--no-sandbox', '--disable-gpu'] });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => void (message.type() === 'error' && errors.push(message.text())));
    await page.goto(`${site.url}#${small}`);
    await press('Train');
    await page.getByText('Load of every expert at step').waitFor({ timeout: 60_000 });
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    site?.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  it('moves gamma while the model trains, and marks the change', async () => {
    const gamma = page.getByLabel(/Speed of the bias, gamma/);
    await gamma.focus();
    await gamma.press('End');
    await poll(() => page.locator('.marks').innerText()).toContain('gamma 1');
    await page.getByLabel('Balanced by').selectOption('none');
    await poll(() => page.locator('.marks').innerText()).toContain('balancing: none');
  });

  it('goes back in time with the scrubber, and says what the load was', async () => {
    await press('Pause');
    const scrubber = page.locator('.scrubber').getByLabel(/^Step/);
    const shown = async () => Number(await page.locator('.scrubber .value').innerText());
    const last = await shown();
    await scrubber.focus();
    await scrubber.press('Home');
    // How many steps the first bin has depends on how many the run had.
    await poll(shown).toBeLessThan(last);
    const map = page.getByRole('img', { name: `Load of the experts at step ${await shown()}.` });
    expect(await map.getAttribute('aria-label')).toMatch(/expert \d+ has the most, [\d.]+ times the mean/);
    await scrubber.press('End');
  });

  it('shows a token by keyboard: its experts, gates and what the bias changed', async () => {
    await tab('Tokens');
    await page.getByLabel('Text to look at').fill('1 + 2 = 3');
    await press('Look again');
    const strip = page.getByRole('toolbar');
    await poll(() => strip.getByRole('button').count()).toBe(10); // the end of the text before, and nine bytes
    await strip.getByRole('button').nth(1).focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    const table = page.getByRole('region', { name: 'Experts of the token "+"' });
    await table.waitFor();
    const gates = await table.locator('tbody tr.chosen td:nth-of-type(4)').allInnerTexts();
    expect(gates.length).toBeGreaterThan(1);
    expect(gates.map(Number).every((gate) => gate > 0)).toBe(true);
    await page.getByLabel('with the bias').uncheck();
    await page.getByText('Where the tokens would go by their affinity alone.').waitFor();
  });

  it('marks drafted tokens, and counts the passes that they saved', async () => {
    await tab('MTP');
    await press('Write with drafts');
    await page.getByRole('button', { name: 'Write with drafts' }).waitFor({ timeout: 60_000 });
    const numbers = await page.locator('.numbers dd').allInnerTexts();
    const [, kept, drafted] = /^(\d+) of (\d+)/.exec(numbers[0]!)!;
    const [tokens, passes, saved] = numbers.slice(1).map(Number);
    expect(Number(drafted)).toBeGreaterThan(0);
    expect(saved).toBe(tokens! - passes!);
    expect(saved).toBeLessThanOrEqual(Number(kept));
    // The list of what the colours mean has one of each as well.
    expect(await page.locator('.drafted-text .kept').count()).toBe(Number(kept));
  });

  it('shows the cache beside those of other attention, and where a head looks', async () => {
    await tab('MLA');
    await press('Write');
    await page.getByText(/Cache after \d+ tokens/).waitFor({ timeout: 60_000 });
    expect(await page.locator('.bars tr').count()).toBe(4);
    await page.getByLabel('Head').selectOption('1');
    await page.getByRole('img', { name: /Attention of head 1 of layer 0 over \d+ tokens/ }).waitFor();
  });

  it('writes on and answers', async () => {
    await tab('Writing');
    await press('Write on');
    await page.getByRole('button', { name: 'Write on' }).waitFor({ timeout: 60_000 });
    expect((await page.locator('.writing .drafted-text').innerText()).length).toBeGreaterThan('It was'.length);
    await page.getByLabel('Say something').fill('What is 1 + 2?');
    await press('Say it');
    await poll(() => page.locator('.chat li.assistant').count()).toBe(1);
  });

  it('draws two pipelines side by side, and says what is wrong with their numbers', async () => {
    await tab('Cluster');
    // Table 2 of the report for 8 ranks and 20 micro-batches: 6 and 21 units of waiting.
    await page.getByText('dualpipe: the step takes 66, ranks wait 6 of it (9.1 %) and hold at most 9').waitFor();
    await page.getByText('1f1b: the step takes 81, ranks wait 21 of it').waitFor();
    await page.getByLabel('Beside it').selectOption('zb1p');
    await page.getByText('zb1p: the step takes 67, ranks wait 7 of it').waitFor();
    expect(await page.getByRole('img', { name: /^dualpipe: .*Rank 0 waits 6\./ }).count()).toBe(1);
    await page.getByLabel('Micro-batches').fill('9');
    await page.getByText(/dualpipe takes .* try 8 and 16/).waitFor();
    await page.getByLabel('Micro-batches').fill('many');
    await page.getByText('Micro-batches: a whole number from 1 to 64 is needed, and this is "many"').first().waitFor();
    await page.getByLabel('Micro-batches').fill('20');
    await page.getByLabel('W, for weights').fill('2');
    await page.getByText('W is a part of B and must be less than it; try 1').first().waitFor();
    await page.getByLabel('W, for weights').fill('1');
    // Two stages a rank have half the layers each, so a whole step has as much to compute.
    await page.getByRole('combobox', { name: 'Schedule' }).selectOption('interleaved-1f1b');
    await page.getByLabel('Micro-batches').fill('16');
    await page.getByText('interleaved-1f1b: the step takes 58.5, ranks wait 10.5 of it').waitFor();
  });

  it('places the experts of the run on GPUs, with as many redundant ones as the slider says', async () => {
    const busiest = async () => {
      const text = await page.getByText(/^The busiest of \d+ GPUs/).innerText();
      return [...text.matchAll(/([\d.]+) times/g)].map(([, value]) => Number(value));
    };
    const slider = page.getByLabel(/R, redundant experts/);
    await slider.focus();
    await slider.press('End');
    await poll(() => slider.getAttribute('aria-valuetext')).toMatch(/4 a GPU/);
    const [inOrder, most] = await busiest();
    expect(most!).toBeLessThanOrEqual(inOrder!);
    await slider.press('Home');
    await page.getByText(/with 0 redundant experts/).waitFor();
    // The run has one domain, and this is its evaluation.
    await page.getByRole('combobox', { name: 'Measured on' }).selectOption({ label: 'math' });
    await page.getByText(/placed for training, last steps and measured on math\./).waitFor();
    expect(await page.getByRole('img', { name: /The busiest of .* GPU 0: [\d.]+, then [\d.]+\./ }).count()).toBe(1);
    expect(await page.getByText('An example: a model').count()).toBe(0);
  });

  it('has no serious finding of axe in any view', async () => {
    await page.evaluate(axe);
    for (const name of ['Router', 'Tokens', 'MTP', 'MLA', 'Writing', 'Break it', 'Cluster']) {
      await tab(name);
      const serious = (await page.evaluate(
        `axe.run('.model-views').then(({ violations }) => violations
          .filter(({ impact }) => ['serious', 'critical'].includes(impact))
          .map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
      )) as string[];
      expect(serious, name).toEqual([]);
    }
  });

  it('breaks it: a run with a bug starts, and says which', async () => {
    await tab('Break it');
    await page.getByLabel(/B2: gates come from biased scores/).check();
    await press('Train it with the bug');
    await page.getByText(/The run on show has a bug: B2/).waitFor({ timeout: 60_000 });
    await tab('Router');
    await page.getByText('Load of every expert at step').waitFor({ timeout: 60_000 });
  });

  it('throws no error on the way', () => {
    expect(errors).toEqual([]);
  });
});
