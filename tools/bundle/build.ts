// What the build makes of other packages' modules: `npm run build` runs it after the compiler.

import { bundleTfjsRegistrations } from './tfjs-registrations.ts';

await bundleTfjsRegistrations();
