import type { LucideIcon } from "lucide-react";

/** A lucide glyph in the look's weight: 16 px, 14 px in rows. It never carries meaning alone. */
export function Icon({
  of: Glyph,
  small = false,
  spin = false,
}: {
  of: LucideIcon;
  small?: boolean;
  spin?: boolean;
}) {
  return <Glyph className={`i${small ? " i-sm" : ""}${spin ? " spin" : ""}`} aria-hidden="true" />;
}

/** The key whose bow is a gate. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 15 22" aria-hidden="true">
      <path
        fill="currentColor"
        fillRule="evenodd"
        d="M1 11V6.5a6.5 6.5 0 0 1 13 0V11H9.5v1.5H14v2H9.5V16H12v2H9.5v1.5H14v2.5H6V11zm4.5-2.5h4v-2a2 2 0 0 0-4 0z"
      />
    </svg>
  );
}
