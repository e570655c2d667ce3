import type { ReactNode } from "react";

/** In place of a table that would be empty: a sentence, and what to do. */
export function Nothing({ title, text, children }: { title: string; text: string; children?: ReactNode }) {
  return (
    <section className="panel plain-empty">
      <div>
        <b>{title}</b>
        <p>{text}</p>
      </div>
      {children}
    </section>
  );
}
