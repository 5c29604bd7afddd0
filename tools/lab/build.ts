// Builds the lab; its arguments are the folder with the built library and the one to put the site into, with its texts.

import { build } from 'vite';
import { copyCorpora } from './corpora.ts';
import { labConfig } from './vite-config.ts';

const [library, outDir] = process.argv.slice(2);
await build(labConfig(library!, outDir!));
copyCorpora(outDir!);
