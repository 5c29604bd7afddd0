// The backends a user can name. No TF.js: settings and help need this too.

/** `auto` takes the fastest one that needs nothing extra. */
export const backendNames = ['auto', 'engine', 'wasm', 'cpu', 'webgpu', 'tensorflow'] as const;
export type BackendName = (typeof backendNames)[number];
