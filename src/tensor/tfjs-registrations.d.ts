// Types of tfjs-registrations.js, which `tools/bundle` makes: the ops that are methods of a tensor.

import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
