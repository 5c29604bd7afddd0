// Builds the lab; its arguments are the folder with the built library and the one to put the site into.

import { build } from 'vite';
import { labConfig } from './vite-config.ts';

const [library, outDir] = process.argv.slice(2);
await build(labConfig(library!, outDir!));
