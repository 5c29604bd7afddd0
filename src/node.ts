// What the program takes from Node. Importing this file is what makes it run there: everything else asks `host` and the like.

import { useHost } from './engine/host.ts';
import { nodeHost } from './engine/node-host.ts';

useHost(nodeHost);
