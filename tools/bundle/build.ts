// What the build makes of other packages' modules; its argument is the folder that the compiler has written.

import { bundleTfjsRegistrations } from './tfjs-registrations.ts';

await bundleTfjsRegistrations(process.argv[2]!);
