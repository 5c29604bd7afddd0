import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
const b = await chromium.launch({ executablePath: '/usr/bin/chromium' });
const p = await b.newPage({ viewport: { width: 1900, height: 1500 } });
const img = [1,2,3,4,5].map(i => `<div style="height:720px;width:620px;overflow:hidden;float:left;margin:4px"><img style="width:900px;margin-top:-360px" src="data:image/png;base64,${readFileSync(`/tmp/labpics/tab${i}.png`).toString('base64')}"></div>`).join('');
await p.setContent(img); await p.screenshot({ path: '/tmp/labpics/m.png' }); await b.close();
