// The types of what a command receives, read off the declarations of its arguments and options.

/** An argument, in commander's syntax: `<checkpoint>`, `[study]` or `<run...>`. */
export interface ArgumentDeclaration {
  readonly syntax: `<${string}>` | `[${string}]`;
  readonly help: string;
}

/** An option. It is absent where it was not given, unless it is required, has a default or is a `--no-...`. */
export interface OptionDeclaration {
  /** In commander's syntax: `--json`, `--out <dir>`, `--speculative [k]` or `--no-mtp`. */
  readonly flags: `--${string}`;
  readonly help: string;
  readonly default?: string;
  readonly isRequired?: boolean;
  readonly choices?: readonly string[];
  /** Options that cannot be given as well, by the names they have in the command. */
  readonly conflicts?: readonly string[];
  /** Makes the value of the text, and of what it made of the option the time before. */
  parse?(text: string, previous: unknown): unknown;
}

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** `topK` for `--top-k <n>`, `mtp` for `--no-mtp`. */
type NameOf<Flags extends string> = Flags extends `--no-${infer Name}`
  ? CamelCase<Name>
  : Flags extends `--${infer Name} ${string}`
    ? CamelCase<Name>
    : Flags extends `--${infer Name}`
      ? CamelCase<Name>
      : never;

type ValueOf<Declared extends OptionDeclaration> = Declared extends { parse: (...given: never[]) => infer Value }
  ? Value
  : Declared extends { choices: readonly (infer Choice)[] }
    ? Choice
    : Declared extends { flags: `${string}<${string}` }
      ? string
      : Declared extends { flags: `${string}[${string}` }
        ? string | true
        : boolean;

type AlwaysThere = { readonly default: string } | { readonly isRequired: true } | { readonly flags: `--no-${string}` };

type Named<Declared extends OptionDeclaration> = { readonly [One in Declared as NameOf<One['flags']>]: ValueOf<One> };

/** The options as the command receives them. */
export type OptionsOf<Declared extends readonly OptionDeclaration[]> = Named<Extract<Declared[number], AlwaysThere>> &
  Partial<Named<Exclude<Declared[number], AlwaysThere>>>;

type ArgumentOf<Declared extends ArgumentDeclaration> = Declared['syntax'] extends `<${string}...>` | `[${string}...]`
  ? readonly string[]
  : Declared['syntax'] extends `<${string}>`
    ? string
    : string | undefined;

/** The arguments as the command receives them, in their order. */
export type ArgumentsOf<Declared extends readonly ArgumentDeclaration[]> = {
  readonly [Index in keyof Declared]: ArgumentOf<Declared[Index]>;
};
