/** Rows of grey bars shaped like a table, shown only when loading takes longer than 150 ms. */
export function Bones({ rows = 8, label }: { rows?: number; label: string }) {
  return (
    <div className="bones" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a bone is its place
        <div key={row} className="flex h-10 items-center gap-8 border-line border-b px-4 last:border-0">
          <span className="bone w-44" />
          <span className="bone w-24" />
          <span className="bone w-32" />
          <span className="bone ml-auto w-16" />
        </div>
      ))}
    </div>
  );
}
