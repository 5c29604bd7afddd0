// Observable Plot, and the document that it draws into. The build puts both, with all that they need, into this one
// module (`tools/bundle/charts.ts`), so that an installation does without their sixty packages.

export * as Plot from '@observablehq/plot';
export { parseHTML } from 'linkedom';
