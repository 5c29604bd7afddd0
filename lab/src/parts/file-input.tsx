// A button to choose a file with.

interface FileInputProps {
  readonly label: string;
  /** Endings of the files that are offered, such as `.zip`; absent: all. */
  readonly accept?: string;
  readonly take: (file: File) => void;
}

/** It forgets its choice at once: a browser says nothing of a file that is chosen twice in a row, changed or not. */
export function FileInput({ label, accept, take }: FileInputProps) {
  return (
    <label>
      {label}
      <input
        type="file"
        accept={accept}
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          currentTarget.value = '';
          if (file !== undefined) take(file);
        }}
      />
    </label>
  );
}
