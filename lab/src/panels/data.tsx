// The text of the next run: corpora that ship with the page, or one's own by paste, file or drop.

import { FileInput } from '../parts/file-input.tsx';
import { notice } from '../state/lab.ts';
import { corpora } from '../state/presets.ts';
import { corpusNames, ownText } from '../state/settings.ts';

const mostBytes = 20_000_000;
const fewestCharacters = 2000;

export function Data() {
  const own = ownText.value;
  return (
    <section
      class="data"
      aria-labelledby="data-title"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        const [file] = event.dataTransfer?.files ?? [];
        if (file !== undefined) void takeFile(file);
      }}
    >
      <h2 id="data-title">Text</h2>
      <fieldset disabled={own !== null}>
        <legend>Texts that come along</legend>
        {corpora.map(({ name, title }) => (
          <label key={name} class="choice">
            <input type="checkbox" checked={corpusNames.value.includes(name)} onChange={() => toggle(name)} />
            {title}
          </label>
        ))}
      </fieldset>
      <FileInput label="Your own: choose a file, or drop one here" take={(file) => void takeFile(file)} />
      <label>
        Or paste a text
        <textarea rows={2} onChange={(event) => takeText('pasted', event.currentTarget.value)} />
      </label>
      {own !== null && (
        <p>
          Training on {own.name}, {own.text.length.toLocaleString('en-GB')} characters.{' '}
          <button type="button" onClick={() => (ownText.value = null)}>
            Leave it out
          </button>
        </p>
      )}
    </section>
  );
}

function toggle(name: string): void {
  const names = corpusNames.value;
  const others = names.filter((other) => other !== name);
  if (others.length === names.length) corpusNames.value = [...names, name];
  else if (others.length > 0) corpusNames.value = others;
}

async function takeFile(file: File): Promise<void> {
  if (file.size > mostBytes) {
    notice.value = `${file.name} has ${Math.round(file.size / 1e6)} MB, and the page takes ${mostBytes / 1e6}: cut a part out of it, or train with tinyseek train --data.`;
    return;
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  try {
    if (bytes.includes(0)) throw new TypeError('a zero byte');
    takeText(file.name.replaceAll(/\W+/g, '-'), new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    notice.value = `${file.name} is no text in UTF-8: save it as plain text and choose it again.`;
  }
}

function takeText(name: string, text: string): void {
  if (text.trim() === '') return;
  if (text.length < fewestCharacters) {
    notice.value = `The text has ${text.length} characters, which is too few to hold a part of it out: give at least ${fewestCharacters}.`;
    return;
  }
  notice.value = '';
  ownText.value = { name, text };
}
