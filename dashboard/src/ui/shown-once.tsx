import { CircleCheck, TriangleAlert } from "lucide-react";
import { useRef } from "react";
import { CopyButton } from "./copy.tsx";
import { Icon } from "./icon.tsx";

/** A secret in its green box, with the words that say that this is the only time. */
export function ShownOnce({ secret, head, warning }: { secret: string; head: string; warning: string }) {
  const code = useRef<HTMLElement>(null);
  return (
    <>
      <div className="won">
        <p className="won-head">
          <Icon of={CircleCheck} />
          {head}
        </p>
        <div className="secret">
          <code ref={code}>{secret}</code>
          <CopyButton text={secret} shown={code} kind="primary" id="copy-secret" />
        </div>
      </div>
      <p className="once">
        <Icon of={TriangleAlert} />
        <span>{warning}</span>
      </p>
    </>
  );
}
