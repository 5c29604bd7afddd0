// Takes the picture of the lab that the README opens with: `npm run lab:picture`. Chromium trains the quick start in
// it.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { findChromium } from './find-chromium.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const step = 150;

const executablePath = findChromium();
if (executablePath === null) throw new Error('Chromium takes the picture; apt-get install chromium');
const { startLabServer } = await import(join(root, 'dist/lab/lab-server.js'));
const server = await startLabServer(0, []);
const browser = await chromium.launch({ executablePath });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1500 } });
  await page.goto(server.url);
  await page.getByRole('button', { name: 'Train', exact: true }).click();
  const shown = page.getByTestId('step');
  for (;;) {
    if (Number.parseInt((await shown.textContent()) ?? '0', 10) >= step) break;
    await page.waitForTimeout(100);
  }
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await page.waitForTimeout(500); // the charts draw what they have
  await page.screenshot({ path: join(root, 'docs/images/lab.png') });
} finally {
  await browser.close();
  await server.close();
}
