import { chromium } from 'playwright-core';
const b = await chromium.launch({ executablePath: '/usr/bin/chromium' });
const p = await b.newPage({ viewport: { width: 1280, height: 800 } });
p.on('console', m => console.log('console', m.type(), m.text().slice(0,200)));
p.on('pageerror', e => console.log('pageerror', String(e).slice(0,300)));
const t=Date.now();
await p.goto('http://localhost:5199/');
await p.waitForSelector('button');
console.log('first button', Date.now()-t);
await p.screenshot({ path: '/tmp/labpics/0.png' });
await p.getByRole('button', { name: /train/i }).first().click();
await p.waitForTimeout(45000);
await p.screenshot({ path: '/tmp/labpics/1.png' });
await p.screenshot({ path: '/tmp/labpics/1full.png', fullPage: true });
const tabs = await p.getByRole('tab').allTextContents(); console.log(tabs);
for (const [i, n] of tabs.entries()) { await p.getByRole('tab', { name: n }).click(); await p.waitForTimeout(3000); await p.screenshot({ path: `/tmp/labpics/tab${i}.png`, fullPage: true }); }
console.log(await p.evaluate(() => performance.getEntriesByType('paint').map(e => e.name + ' ' + Math.round(e.startTime)).join(', ')));
await b.close();
