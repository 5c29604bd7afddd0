// The built site in Chromium: pages of every kind on a phone and a desk, in the light and the dark.

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ShownSite, serveSite } from '../../tools/site/serve.ts';
import { chromium as executable, warnOfNoChromium } from '../browser/chromium.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const built = resolve('dist-site');
const pictures = join(import.meta.dirname, 'pictures');

const kinds = {
  home: 'index.html',
  'quick-start': 'quick-start.html',
  lesson: 'lessons/04-balancing-with-a-bias.html',
  'how-to': 'how-to/own-op.html',
  reference: 'docs/configuration.html',
  results: 'docs/results.html',
  source: 'source/src/mtp/alignment.ts.html',
  api: 'api/functions/index.train.html',
};
const sizes = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 800 } };
const cases = Object.keys(kinds).flatMap((kind) =>
  Object.keys(sizes).flatMap((size) => ['light', 'dark'].map((scheme) => [kind, size, scheme] as const)),
);

describe('the site', () => {
  if (executable === null) {
    warnOfNoChromium('the site');
    it.skip('is not tested: no Chromium on the PATH');
    return;
  }
  if (!existsSync(join(built, 'index.html'))) {
    console.warn('\n*** NOT TESTED: the site\n*** npm run site builds it; CI does so before the tests\n');
    it.skip('is not tested: it is not built');
    return;
  }
  let browser: Browser;
  let site: ShownSite;
  const problems: string[] = [];

  beforeAll(async () => {
    mkdirSync(pictures, { recursive: true });
    site = await serveSite(built, '/', 0);
    browser = await chromium.launch({ executablePath: executable!, args: ['--no-sandbox', '--disable-gpu'] });
  });

  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  async function open(path: string, size: keyof typeof sizes, scheme: 'light' | 'dark'): Promise<Page> {
    problems.length = 0;
    const context = await browser.newContext({ viewport: sizes[size], colorScheme: scheme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(site.url)) problems.push(request.url());
    });
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('response', (response) => {
      if (response.status() >= 400) problems.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(`${site.url}${path}`, { waitUntil: 'load' });
    return page;
  }

  it.each(cases)('has a %s page that is fine on a %s in the %s', async (kind, size, scheme) => {
    const page = await open(kinds[kind as keyof typeof kinds], size as keyof typeof sizes, scheme as 'light' | 'dark');
    if (kind === 'home')
      await page.frameLocator('.lab iframe').getByRole('button', { name: 'Train' }).first().waitFor();
    await page.screenshot({ path: join(pictures, `${kind}-${size}-${scheme}.png`) });
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 'pixels too wide').toBeLessThan(1);
    const missing = await page.evaluate(
      '[...document.images].filter((image) => image.complete && image.naturalWidth === 0).map(({ src }) => src)',
    );
    expect(missing, 'pictures that do not load').toEqual([]);
    // The frame is the lab's own page, and its own tests look at it.
    await page.evaluate(axe);
    const found = (await page.evaluate("axe.run({ exclude: [['iframe']] }, { iframes: false })")) as {
      violations: { id: string; impact: string; nodes: { html: string }[] }[];
    };
    const serious = found.violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
    expect(serious.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`)).toEqual([]);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  it('trains in the page after one click, on threads', async () => {
    const page = await open(kinds.home, 'desk', 'light');
    const lab = page.frameLocator('.lab iframe');
    await lab.getByRole('button', { name: 'Train', exact: true }).click();
    await expect
      .poll(async () => Number.parseInt((await lab.getByTestId('step').textContent()) ?? '', 10))
      .toBeGreaterThan(1);
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  it('finds a page by a word', async () => {
    const page = await open(kinds['quick-start'], 'desk', 'light');
    await page.keyboard.press('Control+k');
    await page.getByRole('searchbox').fill('z-loss');
    await page
      .getByRole('option', { name: /Add an op of your own/ })
      .first()
      .click();
    await page.waitForURL(/how-to\/own-op/);
    expect(problems).toEqual([]);
    await page.context().close();
  });
});
