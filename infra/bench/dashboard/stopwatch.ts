/** Times what a person sees, inside the page: from the event of their hand to the frame that shows its result. */
import type { Page } from "playwright-core";

export interface Watched {
  /** What the hand does; the last one counts. */
  readonly event: "click" | "input";
  /** The first element that fits shows the result when all of its text fits `text`. */
  readonly selector: string;
  readonly text: RegExp;
}

/** Milliseconds from the last such event during `act` until the result is shown. */
export async function timeShown(page: Page, watched: Watched, act: () => Promise<void>): Promise<number> {
  const { event, selector, text } = watched;
  await page.evaluate(
    ({ event, selector, source }) => {
      const wanted = new RegExp(source);
      let sinceMs: number | undefined;
      const begin = (happened: Event) => {
        sinceMs = happened.timeStamp;
      };
      document.addEventListener(event, begin, { capture: true });
      const shown = new Promise<number>((resolve) => {
        const look = () => {
          const found = document.querySelector(selector)?.textContent;
          if (sinceMs === undefined || found == null || !wanted.test(found)) requestAnimationFrame(look);
          else {
            document.removeEventListener(event, begin, { capture: true });
            resolve(performance.now() - sinceMs);
          }
        };
        look();
      });
      Object.assign(globalThis, { shown });
    },
    { event, selector, source: text.source },
  );
  await act();
  return page.evaluate(() => Reflect.get(globalThis, "shown") as Promise<number>);
}
