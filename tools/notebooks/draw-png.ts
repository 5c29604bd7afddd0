// Pictures for places that show no SVG, drawn by Chromium.

import { chromium } from 'playwright-core';
import { findChromium } from '../find-chromium.ts';

/** A PNG in base64 of each SVG. Throws where there is no Chromium. */
export async function drawPngs(svgs: readonly string[]): Promise<Map<string, string>> {
  if (svgs.length === 0) return new Map();
  const executablePath = findChromium();
  if (executablePath === null) throw new Error('Chromium draws the pictures; apt-get install chromium');
  const browser = await chromium.launch({ executablePath });
  try {
    const page = await browser.newPage();
    const pictures = new Map<string, string>();
    for (const svg of svgs) {
      await page.setContent(`<body style="margin:0">${svg}</body>`);
      pictures.set(svg, (await page.locator('svg').first().screenshot()).toString('base64'));
    }
    return pictures;
  } finally {
    await browser.close();
  }
}
