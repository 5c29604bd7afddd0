// What the program takes from Node. Importing this file is what makes it run there: everything else asks a `host`.

import { useHost as useBackendHost } from './backends/host.ts';
import { nodeHost as backendHost } from './backends/node-host.ts';
import { useHost as useDataHost } from './data/host.ts';
import { nodeHost as dataHost } from './data/node-host.ts';
import { useHost as useEngineHost } from './engine/host.ts';
import { nodeHost as engineHost } from './engine/node-host.ts';
import { useHost as useTrainHost } from './train/host.ts';
import { nodeHost as trainHost } from './train/node-host.ts';

useEngineHost(engineHost);
useBackendHost(backendHost);
useDataHost(dataHost);
useTrainHost(trainHost);
