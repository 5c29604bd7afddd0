// What can be chosen with one click, good and bad, each with a sentence on what to watch.

export interface LabPreset {
  readonly name: string;
  readonly title: string;
  readonly watch: string;
  /** The preset of the library that it changes, and how: `key=value`. */
  readonly base: string;
  readonly set: readonly string[];
  readonly corpora: readonly string[];
  /** Whether it shows something that goes wrong. */
  readonly isBad: boolean;
}

const whale = ['moby-dick'];

export const labPresets: readonly LabPreset[] = [
  {
    name: 'tiny',
    title: 'Tiny DeepSeek-V3',
    watch: 'The loss falls within seconds, and the bias evens the load of the experts out without a loss term.',
    ...{ base: 'tiny', set: [], corpora: whale, isBad: false },
  },
  {
    name: 'three-texts',
    title: 'Prose, code and mathematics',
    watch: 'Experts specialise: the load by domain drifts apart although the load over all stays even.',
    ...{ base: 'tiny', set: ['steps=600'], corpora: ['moby-dick', 'code', 'math'], isBad: false },
  },
  {
    name: 'pocket',
    title: 'Pocket size',
    watch: 'Half the width and short rows, for a phone: the same curves at several times the speed.',
    base: 'tiny',
    set: ['hiddenSize=64', 'intermediateSize=256', 'moeIntermediateSize=32', 'numHiddenLayers=3', 'seqLen=64'],
    ...{ corpora: whale, isBad: false },
  },
  {
    name: 'no-balancing',
    title: 'No balancing',
    watch: 'A few experts take most of the tokens and others starve: MaxVio climbs, and experts may die.',
    ...{ base: 'tiny', set: ['balancing=none'], corpora: whale, isBad: true },
  },
  {
    name: 'strong-loss',
    title: 'Balance loss too strong',
    watch: 'The load is even, but the router is forced: the loss stays above that of the bias.',
    ...{ base: 'tiny', set: ['balancing=batch-aux', 'balanceLossFactor=1'], corpora: whale, isBad: true },
  },
  {
    name: 'small-weights',
    title: 'Initial weights of 0.006',
    watch:
      "The report's standard deviation belongs to a width of 7168. At 128 the model starts almost constant and late.",
    ...{ base: 'tiny', set: ['initializerRange=0.006'], corpora: whale, isBad: true },
  },
  {
    name: 'no-mtp',
    title: 'Without multi-token prediction',
    watch: 'Steps are faster, there is one loss only, and nothing drafts when it writes.',
    ...{ base: 'tiny', set: ['numNextnPredictLayers=0'], corpora: whale, isBad: true },
  },
];

export const presetNamed = (name: string): LabPreset | undefined => labPresets.find((preset) => preset.name === name);

/** The corpora that ship with the page. */
export const corpora: readonly { readonly name: string; readonly title: string }[] = [
  { name: 'moby-dick', title: 'Moby Dick' },
  { name: 'speeches', title: 'Speeches' },
  { name: 'code', title: 'Code' },
  { name: 'math', title: 'Mathematics' },
  { name: 'languages', title: 'Languages' },
];
