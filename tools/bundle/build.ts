// What the build makes of other packages' modules; its argument is the folder that the compiler has written.

import { bundleCharts } from './charts.ts';
import { bundleTfjsRegistrations } from './tfjs-registrations.ts';
import { bundleTfjsTypes } from './tfjs-types.ts';

const outDir = process.argv[2]!;
await Promise.all([bundleTfjsRegistrations(outDir), bundleTfjsTypes(outDir), bundleCharts(outDir)]);
