// Begins with what is small: the page shows its heading from `index.html`, and is not loaded at all where it is about
// to be loaded again. The rest comes in two parts, so that the browser gets a turn between them.

import './style.css';
import { isolate } from './isolation.ts';

if (!(await isolate())) {
  await import('./state/settings.ts'); // with the checks of every setting
  const { start } = await import('./start.tsx');
  start();
}
