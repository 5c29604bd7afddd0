// Training in a page: no folders, and no Brotli.

import type { Host } from './host.ts';

export const webHost: Host = { folders: null, brotliBitsPerByte: () => null };
