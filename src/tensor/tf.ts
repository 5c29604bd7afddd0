// The one place that imports TF.js, and by its parts: the core, its gradients and tensor methods, and the cpu backend,
// on whose kernels the other backends fall back. The union package `@tensorflow/tfjs` would add WebGL, layers and a
// converter.
//
// Production mode drops TF.js's consistency checks, its "install tfjs-node" banner, and the warning when a kernel is
// replaced.

import { enableProdMode } from '@tensorflow/tfjs-core';
import './tfjs-registrations.js';
import '@tensorflow/tfjs-backend-cpu';

export * as tf from '@tensorflow/tfjs-core';

enableProdMode();
