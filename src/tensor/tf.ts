// The one place that imports TF.js. Production mode drops its consistency checks, its "install tfjs-node" banner, and the
// warning when a kernel is replaced.

import { enableProdMode } from '@tensorflow/tfjs';

export * as tf from '@tensorflow/tfjs';

enableProdMode();
