// The words of the task `words`: who is in the stories, what they have, and the sentences that say what happens to it.
//
// In a pattern {name} is the person, {she} the pronoun, {other} somebody else, {count} a number with its unit, {number}
// the number alone, {units} the unit for many.

/** One and many: apple, apples. */
export type Unit = readonly [one: string, many: string];

export interface Person {
  readonly name: string;
  readonly pronoun: string;
}

/** What can happen to a number. */
export type Change = 'gain' | 'loss' | 'double';

/** Sentences of one kind of story; every event can follow every other. */
export interface Story extends Readonly<Record<Change | 'start' | 'question', readonly string[]>> {
  readonly name: string;
  readonly units: readonly Unit[];
}

const persons = (names: string, pronoun: string): Person[] => names.split(' ').map((name) => ({ name, pronoun }));

export const people: readonly Person[] = [
  ...persons('Mia Anna Lena Rosa Emma Ida Nora Clara Zoe Maya', 'she'),
  ...persons('Tom Ben Omar Paul Leo Max Noah Ravi Hugo Sam', 'he'),
];

const units = (list: string): Unit[] => list.split(' ').map((pair) => pair.split('/') as [string, string]);

export const stories: readonly Story[] = [
  {
    name: 'things',
    units: units(
      'apple/apples shell/shells stamp/stamps marble/marbles card/cards pencil/pencils nut/nuts button/buttons',
    ),
    start: ['{name} has {count}.', 'There are {count} in the bag of {name}.', '{name} starts the day with {count}.'],
    gain: ['{she} buys {number} more.', '{she} finds {count} under a tree.', '{other} gives {name} {count}.'],
    loss: [
      '{she} gives {count} to {other}.',
      '{she} loses {number} on the way home.',
      '{other} takes {number} of them.',
    ],
    double: ['{other} brings as many again.', '{she} trades and has twice as many.'],
    question: ['How many {units} does {name} have now?', 'How many {units} are left for {name}?'],
  },
  {
    name: 'money',
    units: units('coin/coins euro/euros dollar/dollars'),
    start: ['{name} has {count} in a purse.', '{name} saved {count}.', 'The pocket money of {name} is {count}.'],
    gain: [
      '{she} earns {count} at the market.',
      '{she} gets {number} more from {other}.',
      '{she} sells a book for {count}.',
    ],
    loss: ['{she} pays {count} for bread.', '{she} lends {number} to {other}.', '{she} spends {count} on a ticket.'],
    double: ['{she} wins as much again.', 'an aunt doubles what {she} has.'],
    question: ['How many {units} does {name} have?', 'How many {units} can {name} still spend?'],
  },
  {
    name: 'water',
    units: units('litre/litres cup/cups bucket/buckets'),
    start: ['The tank of {name} holds {count} of water.', '{name} fills {count} into a barrel.'],
    gain: ['rain adds {count}.', '{she} pours in {number} more.', '{other} carries {count} to it.'],
    loss: [
      '{she} takes out {count} for the garden.',
      'the horse of {other} drinks {count}.',
      'a crack lets out {count}.',
    ],
    double: ['a storm doubles the water in it.', '{other} adds as much again.'],
    question: ['How many {units} of water are in it now?', 'How many {units} of water does {name} have?'],
  },
  {
    name: 'height',
    units: units('metre/metres foot/feet'),
    start: ['The lift of {name} is {count} above the ground.', 'The kite of {name} is {count} high.'],
    gain: [
      'it goes up by {number}.',
      '{she} lets it rise {count} more.',
      'with the help of {other} it rises by {count}.',
    ],
    loss: ['it goes down by {number}.', '{she} lets it sink by {count}.', '{other} pulls it down by {count}.'],
    double: ['after that it is twice as high.', 'soon the height has doubled.'],
    question: ['How many {units} high is it now?', 'How many {units} is it above the ground?'],
  },
];
