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
const schemes = ['light', 'dark'] as const;

/** TypeDoc makes the menu of the reference, in which a line opens a group and is a link as well. */
const isTypedocs = (id: string, kind: string) => kind === 'api' && id === 'nested-interactive';

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

  async function open(path: string): Promise<Page> {
    problems.length = 0;
    const page = await browser.newPage({ viewport: sizes.desk, reducedMotion: 'reduce' });
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

  /** The serious findings of axe in the page as it is; the lab in its frame has tests of its own. */
  async function findings(page: Page, kind: string): Promise<string[]> {
    const { violations } = (await page.evaluate("axe.run({ exclude: [['iframe']] }, { iframes: false })")) as {
      violations: { id: string; impact: string; nodes: { html: string }[] }[];
    };
    const serious = violations.filter(
      ({ id, impact }) => ['serious', 'critical'].includes(impact) && !isTypedocs(id, kind),
    );
    return serious.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
  }

  it.each(Object.entries(kinds))('has a page of kind %s that is fine on a phone and a desk', async (kind, path) => {
    const page = await open(path);
    if (kind === 'home') await page.frameLocator('.lab iframe').getByRole('button').first().waitFor();
    await page.evaluate(axe);
    const found: string[] = [];
    for (const [size, viewport] of Object.entries(sizes)) {
      await page.setViewportSize(viewport);
      for (const colorScheme of schemes) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: join(pictures, `${kind}-${size}-${colorScheme}.png`) });
      }
      const tooWide = (await page.evaluate('document.documentElement.scrollWidth - innerWidth')) as number;
      expect(tooWide, `pixels that ${size} is too narrow by`).toBeLessThan(1);
      found.push(...(await findings(page, kind)));
    }
    await page.emulateMedia({ colorScheme: 'light' });
    found.push(...(await findings(page, kind)));
    const missing = await page.evaluate(
      '[...document.images].filter((image) => image.complete && image.naturalWidth === 0).map(({ src }) => src)',
    );
    await page.close();
    expect({ found, missing, problems }).toEqual({ found: [], missing: [], problems: [] });
  });

  it('draws the formulas of a lesson', async () => {
    const page = await open(kinds.lesson);
    expect(await page.locator('math').count()).toBeGreaterThan(5);
    expect(
      await page
        .locator('main p, main li')
        .filter({ hasText: /\$[^$]+\$/ })
        .allTextContents(),
    ).toEqual([]);
    await page.close();
  });

  it('trains in the page after one click, on threads', async () => {
    const page = await open(kinds.home);
    const lab = page.frameLocator('.lab iframe');
    await lab.getByRole('button', { name: 'Train', exact: true }).click();
    await expect
      .poll(async () => Number.parseInt((await lab.getByTestId('step').textContent()) ?? '', 10))
      .toBeGreaterThan(1);
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    expect(problems).toEqual([]);
    await page.close();
  });

  it('finds a page by a word', async () => {
    const page = await open(kinds['quick-start']);
    await page
      .getByRole('button', { name: /^Search/ })
      .first()
      .click();
    await page.getByRole('searchbox').fill('z-loss');
    await page
      .getByRole('option', { name: /Add an op of your own/ })
      .first()
      .click();
    await page.waitForURL(/how-to\/own-op/);
    expect(problems).toEqual([]);
    await page.close();
  });
});
