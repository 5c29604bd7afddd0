// The backends a user can name. No TF.js: settings and help need this too.

import { backendIds } from '../tensor/active-backend.ts';

/** `auto` takes the fastest one that needs nothing extra. */
export const backendNames = ['auto', ...backendIds] as const;
export type BackendName = (typeof backendNames)[number];
