// Writes src/engine/exports.ts: the functions of the engine's module with the names and types of their parameters, as
// the AssemblyScript sources have them. AssemblyScript is TypeScript to the eye, so TypeScript's parser reads it.

import { posix } from 'node:path';
import ts from 'typescript';

/** The text of a file of src/engine/assembly, by its path in that folder without `.ts`. */
export type ReadSource = (module: string) => string;

interface Parameter {
  readonly name: string;
  readonly type: string;
}

interface ExportedFunction {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly result: string;
}

/** What a parameter is to TypeScript. WebAssembly makes an integer of `true` and `false`. */
const parameterTypes: Readonly<Record<string, string>> = {
  usize: 'Address',
  i32: 'number',
  f32: 'number',
  f64: 'number',
  bool: 'boolean',
};
/** An address or an unsigned number would come as a signed one: nothing returns any. */
const resultTypes: Readonly<Record<string, string>> = { void: 'void', i32: 'number', bool: '0 | 1' };

/** The longest line of our sources. */
const lineWidth = 120;

function parse(module: string, read: ReadSource): ts.SourceFile {
  return ts.createSourceFile(`${module}.ts`, read(module), ts.ScriptTarget.Latest, true);
}

const isExported = (node: ts.FunctionDeclaration) =>
  node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;

function describe(node: ts.FunctionDeclaration): ExportedFunction {
  const parameters = node.parameters.map(({ name, type }) => ({ name: name.getText(), type: type?.getText() ?? '' }));
  return { name: node.name!.text, parameters, result: node.type?.getText() ?? 'void' };
}

/** The functions that a module exports, its own and those it passes on, in the order of the text. */
function exportsOf(module: string, read: ReadSource): ExportedFunction[] {
  return parse(module, read).statements.flatMap((statement) => {
    if (ts.isFunctionDeclaration(statement)) return isExported(statement) ? [describe(statement)] : [];
    if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined) return [];
    const from = (statement.moduleSpecifier as ts.StringLiteral).text;
    const all = exportsOf(posix.join(posix.dirname(module), from), read);
    const { exportClause } = statement;
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return all;
    const names = exportClause.elements.map(({ name }) => name.text);
    return names.flatMap((name) => all.filter((found) => found.name === name));
  });
}

/** Whether JavaScript can call it: a job, say, is a function of AssemblyScript. */
const isCallable = ({ parameters }: ExportedFunction) => !parameters.some(({ type }) => type.includes('=>'));

function typeOf(types: Readonly<Record<string, string>>, type: string, name: string): string {
  const found = types[type];
  if (found !== undefined) return found;
  throw new Error(`engine: ${name} has type ${type}; expected one of ${Object.keys(types).join(', ')}`);
}

function declaration({ name, parameters, result }: ExportedFunction): string {
  const list = parameters.map((parameter) => {
    return `${parameter.name}: ${typeOf(parameterTypes, parameter.type, `${name}, parameter ${parameter.name},`)}`;
  });
  const end = `) => ${typeOf(resultTypes, result, `the result of ${name}`)};`;
  const line = `  readonly ${name}: (${list.join(', ')}${end}`;
  if (line.length <= lineWidth) return line;
  return [`  readonly ${name}: (`, ...list.map((parameter) => `    ${parameter},`), `  ${end}`].join('\n');
}

/** The text of src/engine/exports.ts. */
export function exportTypes(read: ReadSource): string {
  const functions = exportsOf('index', read).filter(isCallable);
  functions.sort((a, b) => (a.name < b.name ? -1 : 1));
  return `// Written by tools/engine/export-types.ts from src/engine/assembly, which says what the functions do: not to be edited.

import type { Address } from './address.ts';

/** The functions of the engine's module. */
export interface Exports {
${functions.map(declaration).join('\n')}
}
`;
}
