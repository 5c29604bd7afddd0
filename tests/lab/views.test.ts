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

  it('has no serious finding of axe in any view', async () => {
    await page.evaluate(axe);
    for (const name of ['Router', 'Tokens', 'MTP', 'MLA', 'Writing', 'Break it']) {
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
